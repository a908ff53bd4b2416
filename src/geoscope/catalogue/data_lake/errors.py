"""Errors as the Data Lake writes them: with a ticket, by which the operator finds the error in the log."""

import logging
import secrets
from typing import Any

from geoscope.error_documents import help_links
from geoscope.errors import GeoscopeError

log = logging.getLogger(__name__)


def data_lake_error_document(error: GeoscopeError) -> tuple[dict[str, Any], str]:
    """Describe an error by `code` (the status, as text), `ticket` and `description`."""
    ticket = secrets.token_hex(4)
    level = logging.ERROR if error.status >= 500 else logging.INFO
    log.log(level, "Ticket %s: %d %s: %s", ticket, error.status, error.code, error)
    document = {"code": str(error.status), "ticket": ticket, "description": str(error)}
    return document | help_links(error), "application/json"
