"""How the pages write places, times, amounts and licences: localised, with units, times in UTC."""

import math
import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from geoscope.portal.explorer.datasets import Box, Described, Item, Period
from geoscope.portal.explorer.layers import item_path

register = template.Library()

UNIT_SYMBOLS = {
    "degree_C": "°C",
    "degrees_C": "°C",
    "degC": "°C",
    "celsius": "°C",
    "Celsius": "°C",
    "degree": "°",
    "degrees": "°",
    "1": "",
}
POWER = re.compile(r"(?<=[A-Za-z])(?:\*\*)?(-?[0-5])\b")
SUPERSCRIPTS = str.maketrans("-012345", "⁻⁰¹²³⁴⁵")
LICENCE_NAMES = {
    "OGL-UK-3.0": "Open Government Licence 3.0",
    "CC0-1.0": "CC0 1.0",
    "CC-BY-4.0": "CC BY 4.0",
    "CC-BY-SA-4.0": "CC BY-SA 4.0",
}


@register.filter
def unit(symbol: str) -> str:
    """Write a unit as people do: `m s-1`, and GRIB's `m s**-1`, are m s⁻¹."""
    if symbol in UNIT_SYMBOLS:
        return UNIT_SYMBOLS[symbol]
    return POWER.sub(lambda found: found[1].translate(SUPERSCRIPTS), symbol)


@register.filter
def licence_name(identifier: str) -> str:
    """Write an SPDX licence identifier as people do."""
    return (
        _("see the provider")
        if identifier in ("other", "proprietary", "various")
        else LICENCE_NAMES.get(identifier, identifier)
    )


@register.filter
def number(value: float | None, digits: int = 2) -> str:
    """Write a number with this many decimals, or a dash where there is none."""
    return (
        "\N{EN DASH}"
        if value is None
        else number_format(round(value, digits) + 0.0, digits).replace("-", "\N{MINUS SIGN}")
    )


@register.filter
def signed(value: float | None, digits: int = 2) -> str:
    """Write a difference, with its sign also where it is positive."""
    written = number(value, digits)
    return f"+{written}" if value is not None and round(value, digits) > 0 else written


@register.filter
def significant(value: float, digits: int = 4) -> str:
    """Write a number of unknown size with so many digits that say something."""
    if value == 0 or not math.isfinite(value):
        return number(value, 0)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    while decimals and round(value, decimals) == round(value, decimals - 1):
        decimals -= 1
    return number(value, decimals)


@register.filter
def longitude(degrees: float) -> str:
    """Write a longitude, such as 75.00° W."""
    letter = _("E") if degrees >= 0 else _("W")
    return f"{number_format(abs(degrees), 2)}° {letter}"


@register.filter
def latitude(degrees: float) -> str:
    """Write a latitude, such as 45.00° N."""
    letter = _("N") if degrees >= 0 else _("S")
    return f"{number_format(abs(degrees), 2)}° {letter}"


@register.filter
def extent(box: Box) -> str:
    """Write a box: from west to east, from south to north."""
    west, south, east, north = box
    return f"{longitude(west)} \N{EN DASH} {longitude(east)}, {latitude(south)} \N{EN DASH} {latitude(north)}"


@register.filter
def moment(text: str) -> str:
    """Write one time in UTC; a date of another calendar (30 February) as it stands."""
    instant = _instant(text)
    if instant is None:
        return text.partition("T")[0]
    day = date_format(instant, "DATE_FORMAT")
    has_hours = (instant.hour, instant.minute, instant.second) != (0, 0, 0)
    return f"{day}, {instant:%H:%M} UTC" if has_hours else day


@register.filter
def period(span: Period | None) -> str:
    """Write a span of time no finer than it needs: years, months, days, or one moment."""
    if span is None or not (span.start or span.end):
        return _("not known")
    if not span.end:
        return _("from %(start)s") % {"start": moment(span.start)}
    if not span.start:
        return _("until %(end)s") % {"end": moment(span.end)}
    start, end = _instant(span.start), _instant(span.end)
    if start is None or end is None:
        return f"{span.start[:10]} \N{EN DASH} {span.end[:10]}"
    return moment(span.start) if start == end else _closed_period(start, end)


def _closed_period(start: datetime, end: datetime) -> str:
    if start.date() == end.date():
        return _part_of_day(start, end)
    if end.year - start.year >= 10:
        return f"{start.year} \N{EN DASH} {end.year}"
    written = "YEAR_MONTH_FORMAT" if (end - start).days > 50 else "DATE_FORMAT"
    return f"{date_format(start, written)} \N{EN DASH} {date_format(end, written)}"


def _part_of_day(start: datetime, end: datetime) -> str:
    day = date_format(start, "DATE_FORMAT")
    is_whole = (start.hour, start.minute) == (0, 0) and (end.hour, end.minute) == (23, 59)
    return day if is_whole else f"{day}, {start:%H:%M} \N{EN DASH} {end:%H:%M} UTC"


@register.filter
def time_step(duration: str) -> str:
    """Write the usual ISO 8601 durations in words, others as they stand."""
    words = {
        "P1Y": _("yearly"),
        "P1M": _("monthly"),
        "P7D": _("weekly"),
        "P1D": _("daily"),
        "PT6H": _("every 6 hours"),
        "PT3H": _("every 3 hours"),
        "PT1H": _("hourly"),
    }
    return words.get(duration, duration)


@register.filter
def resolution(described: Described) -> str:
    """Write cell size and time step, as far as they are regular."""
    parts = []
    if spacing := described.spacing:
        x_step, y_step, symbol = spacing
        if symbol in ("m", "metre", "metres", "meter", "meters"):
            x_step, y_step, symbol = x_step / 1000, y_step / 1000, "km"
        gap = "" if symbol == "°" else "\N{NO-BREAK SPACE}"
        parts.append(
            f"{significant(x_step)}{gap}{symbol} \N{MULTIPLICATION SIGN} {significant(y_step)}{gap}{symbol}"
        )
    elif nside := described.healpix_nside:
        degrees = math.degrees(math.sqrt(math.pi / 3)) / nside
        parts.append(f"HEALPix {nside} ({significant(degrees, 2)}°)")
    if described.time_step:
        parts.append(time_step(described.time_step))
    return ", ".join(parts)


@register.filter
def size(size_bytes: int) -> str:
    """Write a size in bytes with a fitting unit."""
    return filesizeformat(size_bytes)


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@register.filter
def thumbnail(described: Described, base: str) -> str:
    """Return the address of the picture of a collection or an item."""
    return described.thumbnail_at(base)


@register.filter
def tilejson_path(item: Item) -> str:
    """Return the path of an item's layer as the tile service draws it by itself."""
    return f"{item_path(item)}/tilejson.json"


@register.filter
def box_numbers(box: Box) -> str:
    """Write a box as addresses and elements take it: west,south,east,north."""
    return ",".join(f"{degrees:.10g}" for degrees in box)


@register.filter
def unlocalized(value: float) -> str:
    """Write a number as machines do; a year has no thousands separator."""
    return f"{value:.10g}"


@register.filter
def translated(text: str) -> str:
    """Return the translation of a text that a manifest holds, or the text where there is none."""
    return _(text) if text else ""


@register.filter
def provider_roles(roles: tuple[str, ...]) -> str:
    """Write what a provider does for the data (STAC provider roles)."""
    names = {
        "producer": _("Producer"),
        "processor": _("Processor"),
        "licensor": _("Licensor"),
        "host": _("Host"),
    }
    return ", ".join(names[role] for role in names if role in roles) or _("Provider")


@register.simple_tag
def querystring_of(**fields: object) -> str:
    """Write a query with numbers as machines write them, without what is empty."""
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    return urlencode(
        {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in given.items()}
    )
