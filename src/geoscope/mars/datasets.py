"""What a catalogue's item says of twin data: the keys of MARS, parameters, times and levels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geoscope.mars.keys import DATASET_KEYS, canonical

PREFIX = "mars:"
# An item's short name of its grid, such as `h8`: its resolution where it says no other.
GRID_KEY = "geoscope:grid"
# How a collection says that its fields can be ordered here (`summaries`, `federation:backends`).
TWINS_BACKEND = "twins"
# Instants are listed up to here: hours of some forty years.
MOST_INSTANTS = 400_000

type Instants = NDArray[np.datetime64]


@dataclass(frozen=True)
class TwinParameter:
    """A parameter of a dataset.

    Attributes
    ----------
    variable : str
        Name of the cube's variable.
    id : int or None
        ECMWF's number.
    short_name, title, unit : str
        Empty if not said, the short name then the variable's.
    has_levels : bool
        Whether it has a vertical dimension.
    """

    variable: str
    id: int | None
    short_name: str
    title: str
    unit: str
    has_levels: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All that it may be asked by, in lower case."""
        own = (str(self.id),) if self.id is not None else ()
        return (*own, self.short_name.lower(), self.variable.lower())


@dataclass(frozen=True)
class TwinDataset:
    """One item of twin data: a cube whose fields differ in time, level and parameter only.

    Attributes
    ----------
    collection, item : str
        Identifiers in the catalogue.
    written : mapping of str to str
        The keys of MARS as the item writes them, `resolution` also from its grid; of a forecast `date` and
        `time` of its base, of a member of an ensemble `number`.
    parameters : tuple of TwinParameter
        Its parameters.
    extent : tuple of datetime64
        First and last time, UTC.
    instants : ndarray of datetime64[s] or None
        Every time; None where the item does not say it.
    levels : tuple of float
        Its levels; none for a surface.
    """

    collection: str
    item: str
    written: Mapping[str, str]
    parameters: tuple[TwinParameter, ...]
    extent: tuple[np.datetime64, np.datetime64]
    instants: Instants | None
    levels: tuple[float, ...]

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self | None:
        """Read an item of a catalogue; None if it is no twin data."""
        properties = item.get("properties", {})
        written = {
            key.removeprefix(PREFIX): _written(value)
            for key, value in properties.items()
            if key.startswith(PREFIX) and isinstance(value, (str, int, float))
        }
        if GRID_KEY in properties:
            written.setdefault("resolution", str(properties[GRID_KEY]))
        dimensions = properties.get("cube:dimensions") or item.get("cube:dimensions") or {}
        variables = properties.get("cube:variables") or item.get("cube:variables") or {}
        time = next((each for each in dimensions.values() if each.get("type") == "temporal"), None)
        if "class" not in written or time is None:
            return None
        vertical = {name for name, each in dimensions.items() if each.get("axis") == "z"}
        levels = next((dimensions[name].get("values") or () for name in sorted(vertical)), ())
        instants = _instants(time)
        start, end = (_instant(each) for each in time["extent"])
        return cls(
            collection=str(item.get("collection", "")),
            item=str(item.get("id", "")),
            written=written,
            parameters=tuple(_parameter(name, each, vertical) for name, each in variables.items()),
            extent=(start, end),
            instants=instants,
            levels=tuple(float(level) for level in levels),
        )

    @cached_property
    def keys(self) -> dict[str, str]:
        """The keys of MARS that name it, as they are compared."""
        return {key: canonical(key, value) for key, value in self.written.items() if key in DATASET_KEYS}

    @cached_property
    def base(self) -> np.datetime64 | None:
        """Base time of a forecast, UTC; None for data that have no steps."""
        if "date" not in self.written:
            return None
        day = self.written["date"].replace("-", "")
        time = canonical("time", self.written.get("time", "0000"))
        return np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:8]}T{time[:2]}:{time[2:]}:00", "s")

    @property
    def is_monthly(self) -> bool:
        """Whether its fields are of whole months, asked for by year and month."""
        return self.keys.get("stream", "").endswith("mn") or self.keys.get("stream") in ("moda", "mnth")

    @cached_property
    def steps(self) -> list[int] | None:
        """Steps of a forecast in hours; None where nobody knows them."""
        if self.base is None or self.instants is None:
            return None
        return [int(step) for step in (self.instants - self.base) // np.timedelta64(1, "h")]


def _written(value: object) -> str:
    return format(value, "g") if isinstance(value, float) else str(value)


def _parameter(name: str, described: Mapping[str, Any], vertical: set[str]) -> TwinParameter:
    told = {**described.get("attrs", {}), **described}
    number = told.get("mars:param", told.get("mars:paramId"))
    short_name = told.get("mars:shortName", told.get("mars:short_name", told.get("GRIB_shortName", name)))
    return TwinParameter(
        variable=name,
        id=int(number) if number is not None and str(number).isdigit() else None,
        short_name=str(short_name),
        title=str(described.get("description", "")),
        unit=str(described.get("unit", "")),
        has_levels=bool(vertical & set(described.get("dimensions", ()))),
    )


def _instant(text: str) -> np.datetime64:
    return np.datetime64(str(text).removesuffix("Z").partition("+")[0], "s")


def _instants(time: Mapping[str, Any]) -> Instants | None:
    """Return every time of a temporal dimension (STAC datacube extension): its values, or extent and step."""
    if values := time.get("values"):
        return np.array([_instant(value) for value in values], "datetime64[s]")
    start, end = (_instant(each) for each in time["extent"])
    if start == end:
        return np.array([start])
    match = re.fullmatch(r"P(?:(\d+)([YMD])|T(\d+)([HMS]))", str(time.get("step") or ""))
    if match is None:
        return None
    if match[2] in ("Y", "M"):
        months = int(match[1]) * (12 if match[2] == "Y" else 1)
        first = start.astype("datetime64[M]")
        count = (end.astype("datetime64[M]") - first).astype(int) // months + 1
        monthly: Instants = (first + np.arange(count) * np.timedelta64(months, "M")).astype("datetime64[s]")
        within: Instants = monthly + (start - first.astype("datetime64[s]"))
        return within
    seconds = int(match[1] or match[3]) * {"D": 86_400, "H": 3_600, "M": 60, "S": 1}[match[2] or match[4]]
    if seconds < 1 or (end - start).astype(int) // seconds > MOST_INSTANTS:
        return None
    found: Instants = np.arange(start, end + np.timedelta64(1, "s"), np.timedelta64(seconds, "s"))
    return found if found[-1] == end else None
