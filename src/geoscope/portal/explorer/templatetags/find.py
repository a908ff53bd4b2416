"""How the explorer writes what it found: where it is, who serves it, when it was."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext as _

from geoscope.access import Audience, Policy
from geoscope.portal.explorer.data_half import Json
from geoscope.portal.explorer.dataset_list import Place
from geoscope.portal.explorer.datasets import Box, Item, Period, flat_box
from geoscope.portal.explorer.federation import title_of_backend
from geoscope.portal.explorer.property_filters import TITLES
from geoscope.portal.explorer.time_bars import Bar, Step

register = template.Library()

# The widths of small maps, in degrees; each is half as high. A place fills a third of its map at most.
LOCATOR_WIDTHS = (36.0, 90.0, 180.0, 360.0)
LARGEST_SHARE = 1 / 3
# A place smaller than this share of the map's width would not be seen.
SMALLEST_SHARE = 1 / 24


@dataclass(frozen=True)
class Locator:
    """A small map with a place on it, on a plane of 360 by 180 degrees with its origin in the northwest.

    Attributes
    ----------
    view : str
        What is seen of the plane: x, y, width and height.
    boxes : list of (x, y, width, height)
        The place; two boxes where it lies on both sides of 180 degrees.
    """

    view: str
    boxes: list[tuple[float, float, float, float]]


@register.filter
def locator(box: Box | None) -> Locator:
    """Return the small map of a box, as large as shows where on Earth it is."""
    if box is None:
        return Locator("0 0 360 180", [])
    west, south, east, north = box
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    extent = max(*(end - start for start, end in spans), 2 * (north - south))
    fitting = (width for width in LOCATOR_WIDTHS if extent <= width * LARGEST_SHARE and len(spans) == 1)
    width = next(fitting, LOCATOR_WIDTHS[-1])
    x = _clamped((west + east - width) / 2 + 180.0, 360.0 - width)
    y = _clamped(90.0 - (south + north) / 2 - width / 4, 180.0 - width / 2)
    smallest = width * SMALLEST_SHARE
    boxes = [_mark(start, south, end, north, smallest) for start, end in spans]
    return Locator(f"{x:.6g} {y:.6g} {width:.6g} {width / 2:.6g}", boxes)


def _mark(
    west: float, south: float, east: float, north: float, smallest: float
) -> tuple[float, float, float, float]:
    width, height = max(east - west, smallest), max(north - south, smallest)
    x = _clamped((west + east - width) / 2 + 180.0, 360.0 - width)
    return x, _clamped(90.0 - (south + north + height) / 2, 180.0 - height), width, height


def _clamped(value: float, most: float) -> float:
    return min(max(value, 0.0), most)


@register.filter
def place_words(place: str) -> str:
    """Write where products are."""
    return _("By this platform") if place == Place.HERE else _("By other providers")


@register.filter
def backend_title(name: str) -> str:
    """Write who serves something."""
    return title_of_backend(name)


@register.filter
def backend_titles(names: Iterable[str]) -> str:
    """Write all who serve something."""
    return ", ".join(title_of_backend(name) for name in names)


@register.filter
def step_words(bar: Bar, step: Step) -> str:
    """Write the period of a bar."""
    if step == "year":
        return str(bar.first.year)
    return date_format(bar.first, "YEAR_MONTH_FORMAT" if step == "month" else "DATE_FORMAT")


@register.filter
def bar_words(bar: Bar, step: Step) -> str:
    """Write what a bar shows."""
    count = ngettext("%(count)s product", "%(count)s products", bar.count) % {
        "count": number_format(bar.count)
    }
    return f"{step_words(bar, step)}: {count}"


@register.filter
def end_of_range(value: float | None) -> str:
    """Write the end of a range, no finer than it needs, to show in an empty field."""
    return "" if value is None else f"{value:.6g}"


@register.filter
def access_words(access: str) -> str:
    """Write who may have the items of a dataset."""
    words = {
        "open": _("open to everybody"),
        "registered": _("for those who have registered with the provider"),
        "restricted": _("for those whom the provider admits"),
    }
    return words.get(access, access)


@register.filter
def policy_words(policy: Policy) -> str:
    """Write whom the data of a dataset is for."""
    words = {
        Audience.PUBLIC: _("For everybody"),
        Audience.REGISTERED: _("For people who have signed in"),
        Audience.ROLE: _("For people with the role %(name)s") % {"name": policy.name},
        Audience.ENTITY: _("For members of %(name)s") % {"name": policy.name},
    }
    return words[policy.audience]


@register.filter
def order_words(status: str) -> str:
    """Write how an order stands (STAC order extension)."""
    words = {
        "orderable": _("to be ordered"),
        "ordered": _("Waiting"),
        "shipping": _("On its way"),
        "succeeded": _("Ready"),
        "failed": _("Failed"),
        "canceled": _("Cancelled"),
        "expired": _("No longer kept"),
    }
    return words.get(status, status)


@register.filter
def order_look(status: str) -> str:
    """Return the look of an order's state."""
    return {"succeeded": "up", "failed": "down", "ordered": "waiting", "shipping": "waiting"}.get(
        status, "unknown"
    )


@register.filter
def item_period(outcome: Json) -> Period:
    """Return the span of time of an item that a publishing tells of."""
    return Period(outcome.get("start") or "", outcome.get("end") or "")


@register.filter
def item_box(outcome: Json) -> Box | None:
    """Return the box of an item that a publishing tells of."""
    return flat_box(outcome.get("bbox"))


@register.filter
def known_properties(item: Item) -> list[tuple[str, str]]:
    """Return what an item says of the properties that most archives have: title and value."""
    found = ((gettext(title), item.fields.get(name)) for name, title in TITLES.items())
    return [(title, _written(value)) for title, value in found if isinstance(value, str | int | float | list)]


def _written(value: str | float | list[object]) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else number_format(round(value, 2))


@register.filter
def backend_words(state: str) -> str:
    """Write how a backend is."""
    words = {
        "well": _("answers"),
        "failing": _("fails"),
        "paused": _("left alone"),
        "unknown": _("not known"),
    }
    return words.get(state, state)


@register.filter
def backend_look(state: str) -> str:
    """Return the look of a backend's state."""
    return {"well": "up", "failing": "down", "paused": "down"}.get(state, "unknown")


@register.filter
def instant(time: datetime) -> str:
    """Write a time of day in UTC, with the day."""
    return f"{date_format(time, 'DATE_FORMAT')}, {time:%H:%M:%S}"
