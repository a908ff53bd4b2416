"""The extent of a collection: the box and the interval around all of its items."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from geoscope.catalogue.datetimes import parse_instant

WORLD = [-180.0, -90.0, 180.0, 90.0]


def extent_of(items: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the `extent` of a collection over its items, or None if there is none."""
    boxes: list[list[float]] = []
    starts: list[str] = []
    ends: list[str] = []
    for item in items:
        properties = item["properties"]
        starts.append(properties.get("start_datetime") or properties["datetime"])
        ends.append(properties.get("end_datetime") or properties["datetime"])
        if bbox := item.get("bbox"):
            half = len(bbox) // 2
            boxes.append([*bbox[:2], *bbox[half : half + 2]])
    if not starts:
        return None
    interval = [min(starts, key=_microseconds), max(ends, key=_microseconds)]
    return {"spatial": {"bbox": [_around(boxes)]}, "temporal": {"interval": [interval]}}


def arc_of(arcs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the arc of longitudes (west, east) around arcs.

    It crosses 180 degrees (west > east) only where the arcs themselves reach that line from both sides; then
    the widest gap between them is left out.
    """
    pieces: list[tuple[float, float]] = []
    for west, east in arcs:
        pieces += [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    pieces.sort()
    merged = [pieces[0]]
    for west, east in pieces[1:]:
        if west <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], east)
        else:
            merged.append((west, east))
    first, last = merged[0], merged[-1]
    if first[0] > -180.0 or last[1] < 180.0 or len(merged) == 1:
        return first[0], last[1]
    gaps = [(after[0] - before[1], before[1], after[0]) for before, after in pairwise(merged)]
    _, east, west = max(gaps)
    return west, east


def _around(boxes: list[list[float]]) -> list[float]:
    if not boxes:
        return WORLD
    west, east = arc_of((box[0], box[2]) for box in boxes)
    return [west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)]


def _microseconds(instant: str) -> int:
    return parse_instant(instant, "datetime")
