"""The other providers that the catalogue asks: who they are, and how they are."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from geoscope.errors import GeoscopeError
from geoscope.portal.explorer.data_half import DataHalf, Json
from geoscope.portal.explorer.datasets import LOCAL_BACKEND, web_address
from geoscope.settings import current_settings

# Titles change when the operator changes the settings: seldom.
TITLES_PERIOD_S = 60
TITLES_TIME_LIMIT_S = 1.0


@dataclass(frozen=True)
class Backend:
    """A provider whose items the catalogue finds, as the catalogue last saw it.

    Attributes
    ----------
    collections : int
        How many collections it serves.
    state : str
        `unknown` before it was asked, `well`, `failing`, or `paused` after many failures.
    last_answer : str
        ISO 8601 in UTC; empty before the first.
    latency_s, pause_s : float or None
        How long that answer took, and how long it is still left alone.
    lacks_credentials : bool
        Whether it answers only to those who have signed in with it, and the operator has not.
    """

    id: str
    title: str
    about: str
    collections: int
    state: str
    last_answer: str
    latency_s: float | None
    pause_s: float
    message: str
    lacks_credentials: bool

    @classmethod
    def from_document(cls, document: Json) -> Self:
        """Read one of the entries of `/stac/federation`."""
        return cls(
            id=document["id"],
            title=document["title"] or document["id"],
            about=web_address(document["about"]),
            collections=document["collections"],
            state=document["state"],
            last_answer=document["last_answer"] or "",
            latency_s=document["latency_s"],
            pause_s=document["pause_s"],
            message=document["message"],
            lacks_credentials=document["needs_credentials"] and not document["has_credentials"],
        )


def list_backends(data: DataHalf) -> list[Backend]:
    """Return every backend, those that serve most collections first."""
    answer = data.get("stac", "federation")
    backends = [Backend.from_document(one) for one in answer["backends"]]
    return sorted(backends, key=lambda backend: (-backend.collections, backend.title.casefold()))


def title_of_backend(name: str) -> str:
    """Return the name of a backend for people; its own where the catalogue does not tell."""
    if name == LOCAL_BACKEND:
        return current_settings().site_name
    return _titles(int(time.time() // TITLES_PERIOD_S)).get(name, name)


@lru_cache(maxsize=1)
def _titles(_period: int) -> dict[str, str]:
    try:
        answer = DataHalf().get("stac", "federation", time_limit_s=TITLES_TIME_LIMIT_S)
    except GeoscopeError:
        return {}
    return {one["id"]: one["title"] for one in answer["backends"] if one["title"]}
