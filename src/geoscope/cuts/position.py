"""The position query: variables of a cube over time, at the cell that holds a place."""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.cube import Cube, Variable
from geoscope.cubes.grid import Bounds
from geoscope.cuts.queries import Place
from geoscope.errors import InvalidInputError, NotFoundError, TooLargeError


@dataclass(frozen=True)
class Series:
    """What was read at a place from one instance of a collection.

    Attributes
    ----------
    instance : str
        Id of the item.
    place : Place
        Centre of the cell that was read.
    times : list of str
        ISO 8601 in UTC, in `calendar`; empty if the cube has no time.
    values : dict of str to ndarray of float32
        By name of variable, each as long as `times` (or of one value); NaN where missing.
    """

    instance: str
    place: Place
    times: list[str]
    calendar: str
    variables: list[Variable]
    values: dict[str, NDArray[np.float32]]


async def read_series(
    instance: str, cube: Cube, place: Place, names: list[str], datetime: str | None, max_values: int
) -> Series:
    """Read variables at a place.

    Parameters
    ----------
    instance : str
        Id of the item that the cube belongs to.
    names : list of str
        Variables; all if empty.
    datetime : str or None
        Instant or interval (RFC 3339); all times for None.
    max_values : int
        Most values that may be read.

    Raises
    ------
    NotFoundError
        If the place is outside the grid, or no time step in the interval.
    InvalidInputError
        If there is no such variable, or the datetime cannot be read.
    TooLargeError
        If it would be more than `max_values`.
    """
    variables = _choose_variables(cube, names)
    cell = int(cube.grid.locate(place.longitude, place.latitude))
    if cell < 0:
        raise NotFoundError(
            f"POINT({place.longitude:g} {place.latitude:g}) is outside {instance!r}.",
            f"Its data lie within {_extent(cube.grid.bounds)}.",
        )
    steps = cube.times.select(datetime) if cube.times else slice(0, 1)
    count = (steps.stop - steps.start) * len(variables)
    if count > max_values:
        raise TooLargeError(
            f"This would be {count:,} values; one answer may hold {max_values:,}.",
            "Ask for fewer parameters, or a shorter datetime interval.",
        )
    read = await asyncio.gather(*(cube.series(variable.name, cell, steps) for variable in variables))
    longitude, latitude = cube.grid.cell_centre(cell)
    return Series(
        instance=instance,
        place=Place(round(float(longitude), 6), round(float(latitude), 6)),
        times=list(cube.times.labels[steps]) if cube.times else [],
        calendar=cube.calendar,
        variables=variables,
        values={variable.name: values for variable, values in zip(variables, read, strict=True)},
    )


def _choose_variables(cube: Cube, names: list[str]) -> list[Variable]:
    unknown = [name for name in names if name not in cube.variables]
    if unknown:
        raise InvalidInputError(
            f"There is no parameter {', '.join(map(repr, unknown))}.",
            f"There are: {', '.join(cube.variables)}.",
        )
    return [cube.variables[name] for name in names] if names else list(cube.variables.values())


def _extent(bounds: Bounds) -> str:
    west, south, east, north = (round(edge, 3) for edge in bounds)
    return f"longitude {west:g} to {east:g} and latitude {south:g} to {north:g}"
