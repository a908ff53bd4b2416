"""Cuts as CoverageJSON 1.0 (OGC 21-069r2), piece by piece: a coverage for each instance and set of levels."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geoscope.cubes.cube import Variable
from geoscope.cubes.levels import LevelAxis
from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.cutting import Cut

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
# What CoverageJSON asks for any calendar but the Gregorian: an address that defines it.
CF_CALENDARS = "https://cfconventions.org/cf-conventions/cf-conventions.html#calendar"
STANDARD_NAMES = "http://vocab.nerc.ac.uk/standard_name/"

_VALUES = "values"


async def coverage_json(cuts: Sequence[Cut]) -> AsyncIterator[bytes]:
    """Yield a Coverage for one cut, a CoverageCollection for several, in their order."""
    if len(cuts) == 1:
        async for piece in _coverage(cuts[0], ()):
            yield piece
        return
    instances = [cut.instance for cut in cuts]
    types = {domain_type(cut) for cut in cuts}
    head: dict[str, Any] = {"type": "CoverageCollection"}
    if len(types) == 1:
        head["domainType"] = types.pop()
    yield _json(head)[:-1] + b',"coverages":['
    for number, cut in enumerate(cuts):
        yield b"," if number else b""
        async for piece in _coverage(cut, instances):
            yield piece
    yield b"]}"


def parameter(cut: Cut, variable: Variable) -> dict[str, Any]:
    """Describe a variable as a CoverageJSON parameter: its unit, CF standard name and cell methods."""
    observed: dict[str, Any] = {"label": {"en": variable.standard_name.replace("_", " ") or variable.title}}
    if variable.standard_name:
        observed["id"] = f"{STANDARD_NAMES}{variable.standard_name}/"
    described: dict[str, Any] = {
        "type": "Parameter",
        "description": {"en": variable.title},
        "observedProperty": observed,
    }
    if variable.unit:
        described["unit"] = {"label": {"en": variable.unit}, "symbol": variable.unit}
    if cut.aggregation is not None:
        described["description"] = {"en": f"{variable.title} ({cut.aggregation.method} of the region)"}
    if methods := cut.cell_methods(variable):
        described["geoscope:cellMethods"] = methods
    return described


def domain_type(cut: Cut) -> str:
    """Return the domain type that fits a cut."""
    if cut.selection.is_lattice:
        return "Grid"
    if cut.own_steps is not None:
        return "Trajectory" if len(cut.levels) == 1 else "Section"
    has_times = bool(cut.times)
    if not cut.selection.is_single:
        return "MultiPointSeries" if has_times else "MultiPoint"
    if len(cut.levels) > 1:
        return "VerticalProfile" if cut.step_count == 1 else "Grid"
    return "PointSeries" if has_times else "Point"


async def _coverage(cut: Cut, instances: Sequence[str]) -> AsyncIterator[bytes]:
    id_ = cut.instance
    if instances.count(cut.instance) > 1 and cut.axis is not None:
        id_ = f"{cut.instance}-{cut.axis.dimension}"
    head = {
        "type": "Coverage",
        "id": id_,
        "geoscope:instance": cut.instance,
        "domain": _domain(cut),
        "parameters": {variable.name: parameter(cut, variable) for variable in cut.variables},
    }
    yield _json(head)[:-1] + b',"ranges":{'
    names, shape = _range_axes(cut)
    for number, variable in enumerate(cut.variables):
        array = {"type": "NdArray", "dataType": "float", "axisNames": names, "shape": shape}
        yield b"%s%s:%s" % (b"," if number else b"", _json(variable.name), _json(array)[:-1] + b',"values":[')
        separator = b""
        for block in cut.blocks():
            values = await cut.read(variable, block)
            yield separator + _json(values.ravel())[1:-1]
            separator = b","
        yield b"]}"
    yield b"}}"


def _range_axes(cut: Cut) -> tuple[list[str], list[int]]:
    """Return the names and lengths of the axes of all ranges, in the order in which values are read."""
    steps, levels, cells = cut.shape
    selection, kind = cut.selection, domain_type(cut)
    times = [("t", steps)] if cut.times and cut.own_steps is None else []
    if selection.is_lattice or selection.is_single:
        z = [("z", levels)] if cut.axis is not None else []
        axes = [*times, *z, ("y", len(selection.y) or 1), ("x", len(selection.x) or 1)]
    elif kind == "Section":
        axes = [("z", levels), ("composite", cells)]
    else:
        axes = [*times, ("composite", levels * cells)]
    return [name for name, _ in axes], [length for _, length in axes]


def _domain(cut: Cut) -> dict[str, Any]:
    selection, kind, heights = cut.selection, domain_type(cut), cut.heights
    axes: dict[str, Any] = {}
    places = ["x", "y"]
    if selection.is_lattice or selection.is_single:
        axes["x"] = {_VALUES: selection.x if selection.is_lattice else selection.longitude}
        axes["y"] = {_VALUES: selection.y if selection.is_lattice else selection.latitude}
        if cut.aggregation is not None:
            box = cut.aggregation.box
            axes["x"]["bounds"], axes["y"]["bounds"] = [box.west, box.east], [box.south, box.north]
        if heights is not None:
            axes["z"] = {_VALUES: heights}
    else:
        coordinates, rows = _composite(cut, kind)
        axes["composite"] = {"dataType": "tuple", "coordinates": coordinates, _VALUES: rows}
        if kind == "Section":
            axes["z"] = {_VALUES: heights}
    if cut.times and cut.own_steps is None:
        axes["t"] = {_VALUES: cut.times}
    referencing: list[dict[str, Any]] = [
        {"coordinates": places, "system": {"type": "GeographicCRS", "id": CRS84}}
    ]
    if cut.axis is not None:
        referencing.append({"coordinates": ["z"], "system": _vertical_system(cut.axis)})
    if cut.times:
        referencing.append({"coordinates": ["t"], "system": _time_system(cut.calendar)})
    return {"type": "Domain", "domainType": kind, "axes": axes, "referencing": referencing}


def _composite(cut: Cut, kind: str) -> tuple[list[str], Any]:
    """Return the coordinates of each place, level by level, and their names."""
    longitude, latitude, heights = cut.selection.longitude, cut.selection.latitude, cut.heights
    if heights is None or kind == "Section":
        columns: list[NDArray[np.float64]] = [longitude, latitude]
    elif cut.own_levels is not None:
        columns = [longitude, latitude, heights]
    else:
        repeats = len(heights)
        columns = [
            np.tile(longitude, repeats),
            np.tile(latitude, repeats),
            np.repeat(heights, len(longitude)),
        ]
    names = ["x", "y", "z"][: len(columns)]
    rows = np.column_stack(columns)
    if cut.own_steps is None:
        return names, rows
    return ["t", *names], [[time, *row] for time, row in zip(cut.times, rows.tolist(), strict=True)]


def _vertical_system(axis: LevelAxis) -> dict[str, Any]:
    name = axis.standard_name.replace("_", " ") or axis.dimension
    described: dict[str, Any] = {"name": {"en": name}, "direction": axis.positive or "down"}
    if axis.unit:
        described["unit"] = {"symbol": axis.unit}
    # The standard has no words of its own for vertical axes: those of its cookbook.
    return {"type": "VerticalCRS", "cs": {"csAxes": [described]}}


def _time_system(calendar: str) -> dict[str, str]:
    if calendar == GREGORIAN:
        return {"type": "TemporalRS", "calendar": "Gregorian"}
    return {"type": "TemporalRS", "calendar": CF_CALENDARS, "geoscope:calendar": calendar}


def _json(document: object) -> bytes:
    # NaN and infinity have no place in JSON; orjson writes both as null.
    if isinstance(document, np.ndarray):
        document = np.ascontiguousarray(document)
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
