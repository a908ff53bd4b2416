"""Names of what is ingested: ids and variables, readable, and harmless whatever a file says of itself."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime

# MARS keys that tell collections apart, and those that tell the items of a collection apart.
OF_COLLECTION = (
    "class",
    "dataset",
    "activity",
    "experiment",
    "generation",
    "model",
    "realization",
)
OF_ITEM = ("expver", "stream", "type", "levtype", "resolution", "number")
# Names that the store needs for itself.
RESERVED = frozenset(
    {
        "time",
        "late",
        "level",
        "cells",
        "cell_ids",
        "crs",
        "latitude",
        "longitude",
        "series",
        "levels",
        "fields",
    }
)
USUAL_EXPVER = ("0001", "1", "")
MOST_CHARACTERS = 80


def collection_id(mars: Mapping[str, str]) -> str:
    """Return the id of the collection: in the Data Lake's shape for Climate DT, else a readable one."""
    if mars.get("dataset") == "climate-dt" and all(mars.get(key) for key in OF_COLLECTION):
        simulation = "_".join(mars[key] for key in ("activity", "experiment", "model"))
        words = (
            f"EO.ECMWF.DAT.{mars['class']}.DT_CLIMATE.G{mars['generation']}.{simulation}"
            f".R{mars['realization']}"
        )
        return _harmless(words.upper(), words.upper(), r"[^A-Z0-9._-]+")
    said = [mars[key] for key in OF_COLLECTION if mars.get(key)]
    # A class alone, such as `od`, says nothing to those who do not know MARS.
    words = "-".join(dict.fromkeys([*([mars["centre"]] if mars.get("centre") else []), *said])) or "twin"
    return slug(words)


def item_id(mars: Mapping[str, str], grid: str, base: int | None) -> str:
    """Return the id of an item in its collection, as `clte-sfc-high` or `oper-fc-pl-h8-20240603t0000`.

    Parameters
    ----------
    mars : mapping
        MARS keys.
    grid : str
        Short name of the grid, used where no resolution is said.
    base : int or None
        When a forecast began, in seconds since 1970.
    """
    is_climate = mars.get("dataset") == "climate-dt"
    parts = [mars.get("stream", ""), "" if is_climate else mars.get("type", ""), mars.get("levtype", "")]
    parts.append(mars.get("resolution") or grid)
    if mars.get("expver", "") not in USUAL_EXPVER:
        parts.append(f"e{mars['expver']}")
    if base is not None:
        parts.append(f"{datetime.fromtimestamp(base, UTC):%Y%m%dt%H%M}")
    if mars.get("number"):
        parts.append(f"m{mars['number']}")
    return slug("-".join(part for part in parts if part))


def slug(words: str) -> str:
    """Return words as a name of small letters, digits, `.`, `_`, `-`; other words never get the same."""
    return _harmless(words.lower(), words, r"[^a-z0-9._-]+")


def variable_name(name: str, param: str, taken: Mapping[str, object]) -> str:
    """Return the name of a variable's array that no other has yet."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:MOST_CHARACTERS]
    if not plain:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", f"param{param}") if param else "unnamed"
    if plain.lower() in RESERVED:
        plain += "_"
    if plain not in taken:
        return plain
    with_param = f"{plain}_{re.sub(r'[^0-9]+', '', param)}"
    number = 2
    candidate = with_param
    while candidate in taken or candidate == f"{plain}_":
        candidate = f"{plain}_{number}"
        number += 1
    return candidate


def _harmless(shown: str, words: str, forbidden: str) -> str:
    plain = re.sub(r"\.{2,}", ".", re.sub(forbidden, "-", shown)).strip("-._")
    if plain == shown and len(plain) <= MOST_CHARACTERS:
        return plain
    digest = hashlib.sha256(words.encode()).hexdigest()[:8]
    if shown.isupper():
        digest = digest.upper()
    return f"{plain[:MOST_CHARACTERS].strip('-._')}-{digest}".lstrip("-")
