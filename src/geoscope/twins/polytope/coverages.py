"""Features as CoverageJSON, in the form that polytope gives them, written piece by piece.

The form is that of a real answer of the Climate DT: a CoverageCollection whose coverages carry the keys of
MARS that they are of; areas are MultiPoint with one composite axis, a coverage a time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geoscope.cubes.grid import OUTSIDE, Cells, Degrees
from geoscope.errors import NotFoundError
from geoscope.mars.datasets import TwinParameter
from geoscope.settings import PolytopeSettings
from geoscope.twins.polytope.areas import Track, cells_within, near_middle
from geoscope.twins.polytope.features import Feature
from geoscope.twins.polytope.plan import Part, check_values, read_metadata
from geoscope.twins.vocabulary.parameters import ParameterTable

# To the letter, blanks too: by this earthkit-data knows a file.
BEGINNING = b'{"type": "CoverageCollection", "domainType": '

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
PLACE_AXES = ["latitude", "longitude", "levelist"]
TRACK_AXES = ["t", "x", "y", "z"]

# Most values that are in memory at once.
BLOCK_VALUES = 8 * 1024**2
# Steps of a few cells are read with those between them: these share chunks. Of many cells they do not.
FEW_CELLS = 64
SHARED_STEPS = 366

type Json = dict[str, Any]
type Values = NDArray[np.float32]


async def write_coverages(
    parts: Sequence[Part], feature: Feature, table: ParameterTable | None, limits: PolytopeSettings
) -> AsyncIterator[bytes]:
    """Write a feature as a CoverageCollection.

    Parameters
    ----------
    parts : sequence of Part
        What is wanted, by dataset.
    feature : Feature
        What is cut out of it.
    table : ParameterTable or None
        Where names and units are looked up; without one those of the cubes are told.
    limits : PolytopeSettings
        How many values one answer may have.

    Yields
    ------
    bytes
        Pieces of the document.

    Raises
    ------
    NotFoundError
        If no cell lies inside of the feature.
    TooLargeError
        If too many do.
    """
    yield BEGINNING + orjson.dumps(feature.domain) + b',"coverages":['
    separator = b""
    for part in parts:
        async for coverage in _coverages(part, feature, limits):
            yield separator + coverage
            separator = b","
    axes = TRACK_AXES if feature.domain == "Trajectory" else PLACE_AXES
    referencing = [{"coordinates": axes, "system": {"type": "GeographicCRS", "id": CRS84}}]
    parameters = {name: each for part in parts for name, each in _parameters(part, table)}
    yield (
        b'],"referencing":' + orjson.dumps(referencing) + b',"parameters":' + orjson.dumps(parameters) + b"}"
    )


def _coverages(part: Part, feature: Feature, limits: PolytopeSettings) -> AsyncIterator[bytes]:
    if feature.domain == "PointSeries":
        return _time_series(part, feature)
    if feature.domain == "VerticalProfile":
        return _profiles(part, feature)
    if isinstance(feature.area, Track):
        return _track(part, feature.area, limits)
    return _areas(part, feature, limits)


async def _time_series(part: Part, feature: Feature) -> AsyncIterator[bytes]:
    """Write a coverage for each point and level."""
    cells, latitude, longitude = _cells_of_points(part, feature)
    values = {
        parameter.short_name: await _read(part, parameter, cells, part.steps) for parameter in part.parameters
    }
    times = [_label(instant) for instant in part.instants]
    metadata = {**read_metadata(part), **_forecast_date(part, part.instants[0])}
    for point in range(len(cells)):
        for index, level in enumerate(part.level_values):
            axes = _place_axes(latitude[point], longitude[point], [level], times)
            ranges = {name: _range([name], found[:, index, point]) for name, found in values.items()}
            told = metadata | ({"levelist": _plain(level)} if part.has_levels else {})
            yield _coverage(told, axes, ranges)


async def _profiles(part: Part, feature: Feature) -> AsyncIterator[bytes]:
    """Write a coverage for each point and time."""
    cells, latitude, longitude = _cells_of_points(part, feature)
    values = {
        parameter.short_name: await _read(part, parameter, cells, part.steps) for parameter in part.parameters
    }
    for point in range(len(cells)):
        for index, metadata, time in _moments(part):
            axes = _place_axes(latitude[point], longitude[point], part.level_values, [time])
            ranges = {name: _range(["levelist"], found[index, :, point]) for name, found in values.items()}
            yield _coverage(metadata, axes, ranges)


async def _areas(part: Part, feature: Feature, limits: PolytopeSettings) -> AsyncIterator[bytes]:
    """Write a coverage for each time: all cells of the area, level after level."""
    if feature.area is None:
        raise NotFoundError("feature: it names no area.")
    cells, latitude, longitude = await asyncio.to_thread(cells_within, part.cube.grid, feature.area)
    check_values(len(cells) * part.field_count, limits)
    tuples = [
        [y, x, _plain(level)]
        for level in part.level_values
        for y, x in zip(_rounded(latitude), _rounded(longitude), strict=True)
    ]
    composite = orjson.Fragment(orjson.dumps(_composite(PLACE_AXES, tuples)))
    moments = list(_moments(part))
    async for start, values in _blocks(part, cells):
        for offset in range(len(next(iter(values.values())))):
            _, metadata, time = moments[start + offset]
            # Of a forecast its base: decoders add the step.
            axes = {"t": {"values": [metadata.get("Forecast date", time)]}, "composite": composite}
            ranges = {name: _range([name], found[offset].ravel()) for name, found in values.items()}
            yield _coverage(metadata, axes, ranges)
            # Many answers are made side by side.
            await asyncio.sleep(0)


async def _track(part: Part, track: Track, limits: PolytopeSettings) -> AsyncIterator[bytes]:
    """Write all that lies along a track: a coverage for each time, or one if the track names the steps."""
    cells, latitude, longitude = await asyncio.to_thread(cells_within, part.cube.grid, track)
    check_values(len(cells) * part.field_count, limits)
    hours = np.array(part.hours, np.float64)
    names_steps = "step" in track.points
    tuples: list[list[float]] = []
    found: dict[str, list[Values]] = {parameter.short_name: [] for parameter in part.parameters}
    async for start, values in _blocks(part, cells):
        for offset in range(len(next(iter(values.values())))):
            step = start + offset
            for index, level in enumerate(part.level_values):
                inside = track.contains_values(_places_of(track, latitude, longitude, level, hours[step]))
                tuples += [
                    [_plain(hours[step]), y, x, _plain(level)]
                    for y, x in zip(_rounded(latitude[inside]), _rounded(longitude[inside]), strict=True)
                ]
                for name, block in values.items():
                    found[name].append(block[offset, index, inside])
            if not names_steps:
                metadata = {**read_metadata(part), **_forecast_date(part, part.instants[step])}
                yield _track_coverage(metadata, tuples, found)
                tuples, found = [], {name: [] for name in found}
    if names_steps:
        if not tuples:
            raise NotFoundError("feature: no point of the grid lies inside.", "Make its inflation larger.")
        yield _track_coverage(
            {**read_metadata(part), **_forecast_date(part, part.instants[0])}, tuples, found
        )


def _places_of(
    track: Track, latitude: Degrees, longitude: Degrees, level: float, hour: float
) -> Mapping[str, Degrees]:
    """Return what is compared with a track, by axis."""
    every = {
        "latitude": latitude,
        "longitude": near_middle(longitude, track),
        "levelist": np.array(level),
        "step": np.array(hour),
    }
    return {axis: values for axis, values in every.items() if axis in track.points}


def _track_coverage(metadata: Json, tuples: list[list[float]], found: Mapping[str, list[Values]]) -> bytes:
    ranges = {name: _range([name], np.concatenate(values)) for name, values in found.items()}
    return _coverage(metadata, {"composite": _composite(TRACK_AXES, tuples)}, ranges)


async def _blocks(part: Part, cells: Cells) -> AsyncIterator[tuple[int, dict[str, Values]]]:
    """Read some steps after the other: the place of the first among the part's, and values by short name."""
    a_step = max(1, len(cells) * len(part.levels) * len(part.parameters))
    length = max(1, BLOCK_VALUES // a_step)
    for start in range(0, len(part.steps), length):
        steps = part.steps[start : start + length]
        yield (
            start,
            {
                parameter.short_name: await _read(part, parameter, cells, steps)
                for parameter in part.parameters
            },
        )


async def _read(part: Part, parameter: TwinParameter, cells: Cells, steps: NDArray[np.int64]) -> Values:
    """Read a parameter at cells: float32 of shape (steps, levels, cells)."""
    if not part.cube.variables[parameter.variable].levels:
        levels, chosen = slice(0, 1), np.array([0])
    else:
        levels = slice(int(part.levels.min()), int(part.levels.max()) + 1)
        chosen = part.levels - levels.start
    found = np.empty((len(steps), len(chosen), len(cells)), np.float32)
    filled = 0
    for run in _runs(steps, SHARED_STEPS if len(cells) <= FEW_CELLS else 1):
        block = slice(int(run[0]), int(run[-1]) + 1)
        values = await part.cube.read(parameter.variable, cells, block, levels)
        found[filled : filled + len(run)] = values[run - block.start][:, chosen]
        filled += len(run)
    return found


def _runs(steps: NDArray[np.int64], gap: int) -> list[NDArray[np.int64]]:
    """Cut steps where the next is more than a gap away, and where a run gets long."""
    cuts = np.flatnonzero(np.diff(steps) > gap) + 1
    runs = np.split(steps, cuts)
    most = BLOCK_VALUES // 64
    return [run[start : start + most] for run in runs for start in range(0, len(run), most)]


def _cells_of_points(part: Part, feature: Feature) -> tuple[Cells, Degrees, Degrees]:
    latitude, longitude = feature.points.T
    cells = part.cube.grid.locate(longitude, latitude)
    if (cells == OUTSIDE).any():
        nowhere = feature.points[int(np.flatnonzero(cells == OUTSIDE)[0])].tolist()
        raise NotFoundError(
            f"feature: the data do not reach the point {nowhere}.", "Points are [latitude, longitude]."
        )
    centres = part.cube.grid.cell_centre(cells)
    return cells, centres[1], centres[0]


def _moments(part: Part) -> Iterator[tuple[int, Json, str]]:
    """Return for each time its place, what it is of, and the time itself."""
    keys = read_metadata(part)
    for index, (instant, hour) in enumerate(zip(part.instants, part.hours, strict=True)):
        step: Json = {} if part.dataset.is_monthly else {"step": hour}
        yield index, {**keys, **_forecast_date(part, instant), **step}, _label(instant)


def _forecast_date(part: Part, instant: np.datetime64) -> Json:
    """Say of which forecast it is: without steps of its own time, monthly means of none."""
    if part.dataset.is_monthly:
        return {}
    return {"Forecast date": _label(part.dataset.base if part.dataset.base is not None else instant)}


def _coverage(metadata: Mapping[str, Any], axes: Json, ranges: Json) -> bytes:
    # NaN has no place in JSON; orjson writes null.
    return orjson.dumps(
        {
            "mars:metadata": metadata,
            "type": "Coverage",
            "domain": {"type": "Domain", "axes": axes},
            "ranges": ranges,
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def _place_axes(latitude: float, longitude: float, levels: Iterable[float], times: list[str]) -> Json:
    return {
        "latitude": {"values": _rounded(np.array([latitude]))},
        "longitude": {"values": _rounded(np.array([longitude]))},
        "levelist": {"values": [_plain(level) for level in levels]},
        "t": {"values": times},
    }


def _composite(axes: list[str], tuples: list[Any]) -> Json:
    return {"dataType": "tuple", "coordinates": axes, "values": tuples}


def _range(axes: list[str], values: Values) -> Json:
    return {
        "type": "NdArray",
        "dataType": "float",
        "shape": [len(values)],
        "axisNames": axes,
        "values": np.ascontiguousarray(values),
    }


def _parameters(part: Part, table: ParameterTable | None) -> Iterator[tuple[str, Json]]:
    for parameter in part.parameters:
        known = table.by_id.get(parameter.id) if table and parameter.id is not None else None
        variable = part.cube.variables[parameter.variable]
        name = known.name if known else variable.title
        yield (
            parameter.short_name,
            {
                "type": "Parameter",
                "description": {"en": name},
                "unit": {"symbol": variable.unit or (known.unit if known else "")},
                "observedProperty": {"id": parameter.short_name, "label": {"en": name}},
            },
        )


def _label(instant: np.datetime64) -> str:
    return f"{instant.astype('datetime64[s]')}Z"


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)


def _rounded(degrees: Degrees) -> list[float]:
    """Keep a ten-thousandth of a millimetre: more digits are noise of the arithmetic."""
    rounded: list[float] = np.round(degrees, 12).tolist()
    return rounded
