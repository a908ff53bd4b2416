"""Who is asking, and may they: one question that every data service asks in the same way."""

from geoscope.access.principals import ADMINISTRATOR, Principal
from geoscope.access.tokens import (
    AUDIENCE,
    CLOCK_SKEW_S,
    TOKEN_LIFETIME_S,
    claims_of,
    issue_token,
    issue_token_for,
    principal_of_header,
    verify_token,
)

__all__ = [
    "ADMINISTRATOR",
    "AUDIENCE",
    "CLOCK_SKEW_S",
    "TOKEN_LIFETIME_S",
    "Principal",
    "claims_of",
    "issue_token",
    "issue_token_for",
    "principal_of_header",
    "verify_token",
]
