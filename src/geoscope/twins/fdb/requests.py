"""Requests to an FDB as text: `key=value,key=value`, and with the FDB that they go to."""

from pathlib import Path
from typing import NamedTuple

from geoscope.errors import InvalidInputError

SCHEME = "fdb:"


class FdbPlace(NamedTuple):
    """Fields of an FDB: its configuration file, and the request that they fit."""

    configuration: Path
    request: dict[str, str]


def read_request(text: str) -> dict[str, str]:
    """Read `key=value,key=value`, as FDB's own tools take it.

    Raises
    ------
    InvalidInputError
        If a part is no pair, or a key comes twice.
    """
    request: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise InvalidInputError(f"{part!r} is no KEY=VALUE.", "Expected class=d1,dataset=climate-dt,...")
        if key in request:
            raise InvalidInputError(f"{key} is named twice.", f"Several values: {key}=a/b.")
        request[key] = value
    return request


def read_place(text: str) -> FdbPlace:
    """Read `fdb:CONFIGURATION?key=value,key=value`.

    Raises
    ------
    InvalidInputError
        If it is none, or there is no such file.
    """
    path, question, request = text.removeprefix(SCHEME).partition("?")
    if not question or not Path(path).is_file():
        raise InvalidInputError(
            f"{text[:300]!r} names no FDB.", "Expected fdb:CONFIGURATION?class=d1,dataset=climate-dt,..."
        )
    return FdbPlace(Path(path), read_request(request))
