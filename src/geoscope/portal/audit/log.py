"""Writing the audit log, and finding out whether somebody changed it."""

import hashlib
import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from geoscope.portal.audit.models import AuditEntry

BEGINNING = "0" * 64
# Any number will do; all who write the log wait for each other by it.
_LOCK = 7_102_026


def record(actor: str, action: str, subject: str, **details: Any) -> None:  # noqa: ANN401 (what JSON takes)
    """Add an entry; called in the transaction of what it tells: neither is there without the other.

    Parameters
    ----------
    actor : str
        User name of who did it, or `service:NAME`.
    action : str
        What was done, such as `request.granted`.
    subject : str
        To what, such as `request:12` or `entity:ice-lab`.
    **details
        More of it; no secrets.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.order_by("-pk").first()
        entry = AuditEntry(
            at=timezone.now(),
            actor=actor,
            action=action,
            subject=subject[:200],
            details=details,
            previous=last.digest if last else BEGINNING,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)


def digest_of(entry: AuditEntry) -> str:
    """Return the SHA-256 digest over an entry and the one before it, as 64 hexadecimal digits."""
    said = [entry.previous, entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.details]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def first_broken_entry() -> AuditEntry | None:
    """Return the first entry that was changed, or that follows one that is gone; None if all is well."""
    previous = BEGINNING
    for entry in AuditEntry.objects.order_by("pk").iterator():
        if entry.previous != previous or entry.digest != digest_of(entry):
            return entry
        previous = entry.digest
    return None
