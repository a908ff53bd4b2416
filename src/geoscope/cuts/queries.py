"""What a person asks of a cut, read strictly: a place, names of parameters, a form of answer."""

import re
from enum import Enum
from typing import NamedTuple, Self

from geoscope.errors import InvalidInputError

# OGC API - EDR 1.1, section 8.2.1: coordinates are well-known text.
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POINT = re.compile(rf"\s*POINT\s*\(\s*({_NUMBER})\s+({_NUMBER})\s*\)\s*", re.IGNORECASE)
_GEOMETRY = re.compile(r"\s*([A-Za-z]+)\s*(ZM|Z|M)?\s*\(", re.IGNORECASE)
LONGEST_COORDS = 200

CRS84_NAMES = (
    "CRS84",
    "OGC:CRS84",
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
)


class Place(NamedTuple):
    """A place on Earth, in degrees (CRS84)."""

    longitude: float
    latitude: float

    @classmethod
    def from_text(cls, coords: str) -> Self:
        """Read `POINT(longitude latitude)`.

        Raises
        ------
        InvalidInputError
            If it is another geometry, no geometry, or no place on Earth.
        """
        match = _POINT.fullmatch(coords[:LONGEST_COORDS])
        if match is None:
            geometry = _GEOMETRY.match(coords)
            kind = f"{geometry[1]} {geometry[2] or ''}".strip().upper() if geometry else ""
            what = (
                f"coords is a {kind}"
                if kind not in ("", "POINT")
                else f"coords={coords[:80]!r} cannot be read"
            )
            raise InvalidInputError(
                f"{what}.", "Expected one point as longitude and latitude in degrees: POINT(-0.13 51.51)."
            )
        longitude, latitude = float(match[1]), float(match[2])
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise InvalidInputError(
                f"POINT({longitude:g} {latitude:g}) is no place on Earth.",
                "Expected the longitude first, from -180 to 180, then the latitude, from -90 to 90.",
            )
        return cls(longitude, latitude)


class Form(Enum):
    """Forms of answer; the value is the name that `f` takes."""

    COVERAGE_JSON = "CoverageJSON"
    CSV = "CSV"

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        return "application/prs.coverage+json" if self is Form.COVERAGE_JSON else "text/csv; charset=utf-8"

    @classmethod
    def choose(cls, f: str | None, accept: str) -> Self:
        """Choose the form from the parameter `f`, else from the Accept header.

        Raises
        ------
        InvalidInputError
            If `f` names none of them.
        """
        if f is not None:
            for form in cls:
                if f.casefold() == form.value.casefold():
                    return form
            names = ", ".join(form.value for form in cls)
            raise InvalidInputError(f"f={f!r} is no form of answer.", f"Expected one of: {names}.")
        return cls(Form.CSV) if _prefers_csv(accept) else cls(Form.COVERAGE_JSON)


def read_names(names: str | None) -> list[str]:
    """Return the names of a comma-separated list, each once; none for None."""
    return list(dict.fromkeys(name.strip() for name in (names or "").split(",") if name.strip()))


def check_reference_system(crs: str | None) -> None:
    """Refuse coordinates in any system but longitude and latitude (CRS84)."""
    if crs is not None and crs not in CRS84_NAMES:
        raise InvalidInputError(f"crs={crs!r} is not offered.", f"Expected one of: {', '.join(CRS84_NAMES)}.")


def _prefers_csv(accept: str) -> bool:
    """Tell whether `text/csv` stands before every JSON in an Accept header."""
    for entry in accept.lower().split(","):
        media_type = entry.partition(";")[0].strip()
        if media_type == "text/csv":
            return True
        if "json" in media_type or media_type == "*/*":
            return False
    return False
