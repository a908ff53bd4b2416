"""A request, and what became of it."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import orjson

from geoscope.access import Principal


class Status(StrEnum):
    """How far a request is, in the words of the API; `expired` is only said by 410."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class KeptRequest:
    """A request and what became of it.

    Attributes
    ----------
    id : str
        26 lower-case letters and digits: clients cut other characters off.
    principal : Principal
        Who asked, with what was granted to them then.
    request : mapping
        As it came.
    submitted : float
        Seconds since 1970.
    status : Status
        How far it is.
    message : str
        Why it failed.
    download : str
        The secret that opens the result.
    media_type : str
        Of the result.
    size : int
        Of the result, in bytes.
    """

    id: str
    principal: Principal
    request: Mapping[str, Any]
    submitted: float
    status: Status
    message: str
    download: str
    media_type: str
    size: int

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """Read a row of the table."""
        granted = orjson.loads(row["principal"])
        return cls(
            id=row["id"],
            principal=Principal(
                granted["subject"],
                frozenset(granted["roles"]),
                frozenset(granted["entities"]),
                frozenset(granted["quotas"]),
            ),
            request=orjson.loads(row["request"]),
            submitted=row["submitted"],
            status=Status(row["status"]),
            message=row["message"],
            download=row["download"] or "",
            media_type=row["media_type"] or "",
            size=row["bytes"],
        )


def written_principal(principal: Principal) -> str:
    """Write who asks as the table keeps it."""
    granted = {
        "subject": principal.subject,
        "roles": sorted(principal.roles),
        "entities": sorted(principal.entities),
        "quotas": sorted(principal.quotas),
    }
    return orjson.dumps(granted).decode()
