"""Filters by property: which a dataset's queryables offer, what was chosen, and that as a condition in CQL2.

In an address `eq.platform=sentinel-2a` chooses one value, `min.eo:cloud_cover=5` and `max.eo:cloud_cover=20`
a range.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from django.utils.translation import gettext, gettext_noop

from geoscope.errors import GeoscopeError
from geoscope.portal.explorer.data_half import DataHalf, Json
from geoscope.portal.explorer.datasets import Collection

MAX_FILTERS = 24
MAX_OPTIONS = 100
# A property with more different numbers than this is measured: a range is asked for, not one of them.
MAX_NUMBERS = 12
MAX_CHOSEN = 20
MAX_VALUE_CHARACTERS = 200

# Fields of the form of their own, or words that say nothing to choose from.
NOT_OFFERED = frozenset(
    {
        *("id", "collection", "geometry", "bbox", "datetime", "start_datetime", "end_datetime"),
        *("created", "updated", "published", "title", "description", "federation:backends"),
    }
)
# The properties that most archives have, in the words of people (STAC extensions eo, view, sat, sar).
TITLES: dict[str, str] = {
    "eo:cloud_cover": gettext_noop("Cloud cover, %"),
    "eo:snow_cover": gettext_noop("Snow cover, %"),
    "platform": gettext_noop("Platform"),
    "constellation": gettext_noop("Constellation"),
    "instruments": gettext_noop("Instrument"),
    "gsd": gettext_noop("Ground resolution, m"),
    "processing:level": gettext_noop("Processing level"),
    "geoscope:regridded_from": gettext_noop("Regridded from"),
    "product:type": gettext_noop("Product type"),
    "sar:instrument_mode": gettext_noop("Instrument mode"),
    "sar:polarizations": gettext_noop("Polarisation"),
    "sat:orbit_state": gettext_noop("Orbit direction"),
    "sat:relative_orbit": gettext_noop("Relative orbit"),
    "sat:absolute_orbit": gettext_noop("Orbit number"),
    "view:sun_elevation": gettext_noop("Height of the sun, degrees"),
    "view:sun_azimuth": gettext_noop("Azimuth of the sun, degrees"),
    "view:off_nadir": gettext_noop("Angle off nadir, degrees"),
}

# Of these a range is asked for, however few of their numbers are left.
MEASURED = frozenset(
    {
        *("eo:cloud_cover", "eo:snow_cover"),
        *("view:off_nadir", "view:sun_azimuth", "view:sun_elevation"),
    }
)

type Value = str | float | bool


class Choice(NamedTuple):
    """A value that can be chosen."""

    value: Value
    is_chosen: bool

    @property
    def text(self) -> str:
        """The value as it stands in an address."""
        return _text(self.value)


@dataclass(frozen=True)
class PropertyFilter:
    """A filter that a form offers: some values to choose one of, or a range of numbers.

    Attributes
    ----------
    name, title : str
        Of the property.
    kind : "choice" or "range"
        Whether `choices`, or `minimum` and `maximum` say what there is.
    is_list : bool
        Whether an item has several of such values.
    chosen_minimum, chosen_maximum : str
        As they were typed.
    """

    name: str
    title: str
    kind: Literal["choice", "range"]
    choices: tuple[Choice, ...] = ()
    is_list: bool = False
    minimum: float | None = None
    maximum: float | None = None
    chosen_minimum: str = ""
    chosen_maximum: str = ""

    @property
    def is_chosen(self) -> bool:
        """Whether it narrows the search."""
        return (
            any(choice.is_chosen for choice in self.choices)
            or bool(self.chosen_minimum)
            or bool(self.chosen_maximum)
        )


@dataclass(frozen=True)
class ChosenFilters:
    """What was chosen: a value by property, and the ends of ranges by property."""

    values: Mapping[str, str]
    minima: Mapping[str, str]
    maxima: Mapping[str, str]

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "ChosenFilters":
        """Read them from an address; what is too long or no number is left out."""
        chosen: dict[str, dict[str, str]] = {"eq": {}, "min": {}, "max": {}}
        for key, typed in query.items():
            sign, dot, name = key.partition(".")
            text = typed.strip()
            if not dot or sign not in chosen or not name or not text or len(text) > MAX_VALUE_CHARACTERS:
                continue
            if sign == "eq" or _number(text) is not None:
                chosen[sign][name] = text
            if sum(map(len, chosen.values())) == MAX_CHOSEN:
                break
        return cls(chosen["eq"], chosen["min"], chosen["max"])

    def __len__(self) -> int:
        return len(self.values) + len(self.minima.keys() | self.maxima.keys())

    def without(self, name: str) -> "ChosenFilters":
        """Return the others."""
        values, minima, maxima = (
            {other: text for other, text in texts.items() if other != name}
            for texts in (self.values, self.minima, self.maxima)
        )
        return ChosenFilters(values, minima, maxima)

    def parameters(self, schema: Json) -> dict[str, str]:
        """Return the condition as parameters of a search (CQL2 JSON); nothing where nothing was chosen."""
        terms: list[Json] = []
        for name, text in self.values.items():
            about = schema.get(name) or {}
            value = next((value for value in _values(about) if _text(value) == text), text)
            if about.get("type") == "array":
                terms.append({"op": "a_contains", "args": [{"property": name}, [value]]})
            else:
                terms.append(_compare("=", name, value))
        terms += [_compare(">=", name, float(text)) for name, text in self.minima.items()]
        terms += [_compare("<=", name, float(text)) for name, text in self.maxima.items()]
        if not terms:
            return {}
        condition = terms[0] if len(terms) == 1 else {"op": "and", "args": terms}
        return {"filter": json.dumps(condition, separators=(",", ":")), "filter-lang": "cql2-json"}


@dataclass(frozen=True)
class Offer:
    """The filters of a dataset, and its queryables by name of the property."""

    filters: tuple[PropertyFilter, ...] = ()
    schema: Json | None = None

    def parameters(self, chosen: ChosenFilters) -> dict[str, str]:
        """Return the condition that was chosen as parameters of a search."""
        return chosen.parameters(self.schema or {})


def read_offer(data: DataHalf, collection: Collection, chosen: ChosenFilters) -> Offer:
    """Return the filters that a dataset offers, given what was chosen: one choice narrows the others.

    A chosen property offers what there would be without its own choice, so that this can be changed.
    Where the catalogue cannot tell, nothing is offered; what was chosen counts all the same.
    """
    try:
        narrowed = _queryables(data, collection, chosen)
        offered = dict(narrowed)
        if collection.is_local:
            for name in chosen.values:
                offered[name] = _queryables(data, collection, chosen.without(name)).get(name, {})
    except GeoscopeError:
        return Offer()
    names = [name for name in offered if name not in NOT_OFFERED]
    names += [name for name in chosen.values if name not in offered]
    found = (_filter(name, offered.get(name) or {}, chosen) for name in names)
    filters = sorted((one for one in found if one is not None), key=_place)
    return Offer(tuple(filters[:MAX_FILTERS]), offered)


def _queryables(data: DataHalf, collection: Collection, chosen: ChosenFilters) -> Json:
    asked = tuple(chosen.values.items())
    answer = data.get("stac", "collections", collection.id, "queryables", parameters=asked)
    properties = answer.get("properties") or {}
    return {name: about for name, about in properties.items() if isinstance(about, dict)}


def _filter(name: str, about: Json, chosen: ChosenFilters) -> PropertyFilter | None:
    """Return the filter that a property's schema makes, or None if there is nothing to choose."""
    title = gettext(TITLES[name]) if name in TITLES else _readable(str(about.get("title") or name))
    text = chosen.values.get(name, "")
    values = _values(about)
    if text and text not in map(_text, values):
        values = [*values, text]
    is_measured = name in MEASURED or name in chosen.minima or name in chosen.maxima or _are_measured(values)
    if values and not is_measured and len(values) <= MAX_OPTIONS and (len(values) > 1 or text):
        choices = tuple(Choice(value, _text(value) == text) for value in values)
        return PropertyFilter(name, title, "choice", choices, about.get("type") == "array")
    minimum, maximum = _limits(about, values if is_measured else [])
    typed = chosen.minima.get(name, ""), chosen.maxima.get(name, "")
    has_width = minimum is not None and maximum is not None and minimum < maximum
    if has_width or any(typed):
        return PropertyFilter(name, title, "range", (), False, minimum, maximum, *typed)
    return None


def _values(about: Json) -> list[Value]:
    """Return the values that a schema leaves."""
    if about.get("type") == "array":
        about = about.get("items") or {}
    values = [about["const"]] if "const" in about else about.get("enum") or []
    return [value for value in values if isinstance(value, str | int | float | bool)]


def _place(one: PropertyFilter) -> tuple[bool, int, str]:
    """Say where a filter stands: chosen ones first, well-known ones next, then by title."""
    known = list(TITLES)
    return not one.is_chosen, known.index(one.name) if one.name in TITLES else len(known), one.title


def _readable(name: str) -> str:
    """Return a property's name as words: `sat:orbit_state` becomes "Orbit state"."""
    words = name.rpartition(":")[2].replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def _compare(operator: str, name: str, value: Value) -> Json:
    return {"op": operator, "args": [{"property": name}, value]}


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _are_measured(values: list[Value]) -> bool:
    """Tell numbers that were measured, of which nobody chooses one, from those that count or name."""
    if any(isinstance(value, bool | str) for value in values):
        return False
    return len(values) > MAX_NUMBERS or any(float(value) % 1 for value in values)


def _limits(about: Json, numbers: list[Value]) -> tuple[float | None, float | None]:
    """Return the ends of a range: as the schema says them, or else those of its numbers."""
    said = [about.get("minimum"), about.get("maximum")]
    known = [float(number) for number in numbers if not isinstance(number, str)]
    if known:
        said = [min(known), max(known)]
    minimum, maximum = (_limit(value) for value in said)
    return minimum, maximum


def _limit(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
