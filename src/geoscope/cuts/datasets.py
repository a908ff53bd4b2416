"""Cuts as CF datasets: which dimensions, coordinates and variables NetCDF and Zarr write for an instance.

Lattices have the dimensions time, level, latitude and longitude; all else has time, level and location, or
one position of a path after the other (CF discrete sampling geometries).
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope import __version__
from geoscope.cubes.levels import LevelAxis
from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.cutting import Cut

_LONGITUDE = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"}
_LATITUDE = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"}


@dataclass(frozen=True)
class Coordinate:
    """A coordinate, small enough to be written at once."""

    name: str
    dimensions: tuple[str, ...]
    values: NDArray[Any]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class DataVariable:
    """A variable that is read and written block by block along its first dimension, if that is time."""

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    attributes: dict[str, Any]
    cut: Cut


@dataclass(frozen=True)
class Outline:
    """What a dataset of one instance holds."""

    instance: str
    coordinates: list[Coordinate]
    variables: list[DataVariable]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Name of the group, where there are several instances."""
        return re.sub(r"[^A-Za-z0-9._-]", "_", self.instance)

    @property
    def dimensions(self) -> dict[str, int]:
        """Length of each dimension."""
        return {
            name: length
            for dimensions, shape in [
                *((each.dimensions, each.values.shape) for each in self.coordinates),
                *((each.dimensions, each.shape) for each in self.variables),
            ]
            for name, length in zip(dimensions, shape, strict=True)
        }


def outlines(cuts: Sequence[Cut], title: str) -> list[Outline]:
    """Return a dataset for each instance."""
    grouped = itertools.groupby(cuts, lambda cut: cut.instance)
    return [_outline(instance, list(members), title) for instance, members in grouped]


def part_of(cut: Cut, block: slice) -> slice:
    """Return where a block of steps lies in the array that is written."""
    if cut.own_steps is not None:
        return slice(0, 1)
    return slice(block.start - cut.steps.start, block.stop - cut.steps.start)


def _outline(instance: str, cuts: list[Cut], title: str) -> Outline:
    first = cuts[0]
    coordinates = [*_places(first), *_times(first)]
    variables = []
    for cut in cuts:
        coordinates += _levels(cut)
        variables += [_variable(cut, variable.name) for variable in cut.variables]
    attributes = {
        "Conventions": "CF-1.11",
        "title": title,
        "geoscope:instance": instance,
        "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} cut by Geoscope {__version__}",
    }
    if feature := _feature_type(first):
        attributes["featureType"] = feature
    return Outline(instance, coordinates, variables, attributes)


def _feature_type(cut: Cut) -> str:
    if cut.selection.is_lattice or not cut.times:
        return ""
    if cut.own_steps is not None:
        return "trajectory"
    return "timeSeries" if cut.axis is None or len(cut.levels) == 1 else "timeSeriesProfile"


def _places(cut: Cut) -> list[Coordinate]:
    selection = cut.selection
    if selection.is_lattice:
        return [
            Coordinate("latitude", ("latitude",), selection.y, _LATITUDE),
            Coordinate("longitude", ("longitude",), selection.x, _LONGITUDE),
        ]
    number = {"long_name": "number of the place"}
    if cut.own_steps is None:
        number["cf_role"] = "timeseries_id"
    place = _place_dimension(cut)
    found = [
        Coordinate(place, (place,), np.arange(len(selection.cells)), number),
        Coordinate("latitude", (place,), selection.latitude, _LATITUDE),
        Coordinate("longitude", (place,), selection.longitude, _LONGITUDE),
    ]
    if cut.aggregation is not None:
        box = cut.aggregation.box
        return [found[0], *_bounded(found[1], box.south, box.north), *_bounded(found[2], box.west, box.east)]
    number_of_cell = {"long_name": "number of the cell in the source's grid"}
    return [*found, Coordinate("cell", (place,), selection.cells, number_of_cell)]


def _bounded(coordinate: Coordinate, first: float, last: float) -> list[Coordinate]:
    """Return a coordinate of one place, and its bounds (CF 1.11, section 7.1)."""
    name = f"{coordinate.name}_bounds"
    with_bounds = replace(coordinate, attributes=coordinate.attributes | {"bounds": name})
    return [with_bounds, Coordinate(name, (*coordinate.dimensions, "bounds"), np.array([[first, last]]), {})]


def _times(cut: Cut) -> list[Coordinate]:
    axis = cut.cube.times
    if axis is None:
        return []
    own = cut.own_steps is not None
    numbers = axis.numbers[cut.own_steps if own else cut.steps]
    is_whole = not np.any(numbers % 1_000_000)
    unit = "seconds" if is_whole else "microseconds"
    calendar = "proleptic_gregorian" if cut.calendar == GREGORIAN else cut.calendar
    attributes = {
        "standard_name": "time",
        "units": f"{unit} since 1970-01-01 00:00:00",
        "calendar": calendar,
        "axis": "T",
    }
    dimension = _place_dimension(cut) if own else "time"
    return [Coordinate("time", (dimension,), numbers // 1_000_000 if is_whole else numbers, attributes)]


def _levels(cut: Cut) -> list[Coordinate]:
    if cut.axis is None or cut.heights is None:
        return []
    dimension = _place_dimension(cut) if cut.own_levels is not None else _level_name(cut.axis)
    return [Coordinate(_level_name(cut.axis), (dimension,), cut.heights, _level_attributes(cut.axis))]


def _variable(cut: Cut, name: str) -> DataVariable:
    variable = cut.cube.variables[name]
    steps, levels, cells = cut.shape
    lengths: list[tuple[str, int]] = []
    if cut.times and cut.own_steps is None:
        lengths.append(("time", steps))
    if cut.axis is not None and cut.own_levels is None:
        lengths.append((_level_name(cut.axis), levels))
    if cut.selection.is_lattice:
        lengths += [("latitude", len(cut.selection.y)), ("longitude", len(cut.selection.x))]
    else:
        lengths.append((_place_dimension(cut), cells))
    attributes: dict[str, Any] = {"long_name": variable.title}
    if variable.standard_name:
        attributes["standard_name"] = variable.standard_name
    if variable.unit:
        attributes["units"] = variable.unit
    if methods := cut.cell_methods(variable):
        attributes["cell_methods"] = methods
    if not cut.selection.is_lattice:
        others = [_level_name(cut.axis)] if cut.own_levels is not None and cut.axis is not None else []
        others += ["time"] if cut.own_steps is not None else []
        attributes["coordinates"] = " ".join([*others, "latitude", "longitude"])
    return DataVariable(
        name, tuple(key for key, _ in lengths), tuple(length for _, length in lengths), attributes, cut
    )


def _place_dimension(cut: Cut) -> str:
    return "position" if cut.own_steps is not None else "location"


def _level_name(axis: LevelAxis) -> str:
    return (
        "level"
        if axis.dimension in ("time", "latitude", "longitude", "location", "position")
        else axis.dimension
    )


def _level_attributes(axis: LevelAxis) -> dict[str, Any]:
    found = {"standard_name": axis.standard_name, "units": axis.unit, "positive": axis.positive, "axis": "Z"}
    return {name: value for name, value in found.items() if value}
