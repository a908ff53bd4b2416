"""What a catalogue says of a cube: extents, dimensions and variables (STAC datacube extension 2.3)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from geoscope.cubes.conventions import data_variables, time_axis
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Bounds, Grid
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.reduced_gaussian import ReducedGaussianGrid
from geoscope.cubes.times import TimeAxis, real_instant
from geoscope.errors import InvalidInputError

# Attributes that stand elsewhere in the description, or that only a decoder needs.
SAID_ELSEWHERE = (
    "units",
    "long_name",
    "grid_mapping",
    "coordinates",
    "bounds",
    "cell_measures",
    "ancillary_variables",
)
MOST_VALUES = 1000
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class CubeDescription:
    """A cube in the words of STAC.

    Attributes
    ----------
    bbox : list of float
        West, south, east, north in degrees, edges of cells included; west > east across 180 degrees.
    geometry : dict
        GeoJSON geometry of the same extent, following the true outline where it has one.
    start, end : str
        First and last time, RFC 3339 in UTC.
    calendar : str
        CF calendar, `standard` for the everyday one.
    dimensions, variables : dict
        `cube:dimensions` and `cube:variables`.
    """

    bbox: list[float]
    geometry: dict[str, Any]
    start: str
    end: str
    calendar: str
    dimensions: dict[str, Any]
    variables: dict[str, Any]


def describe(dataset: xr.Dataset) -> CubeDescription:
    """Describe a dataset, before or after it was written as a cube.

    Raises
    ------
    InvalidInputError
        If it has no recognisable grid, no time, or no data on its grid.
    """
    grid = detect_grid(dataset)
    axis = time_axis(dataset)
    if axis is None:
        raise InvalidInputError(
            "The dataset has no time.", "Expected a CF time coordinate; a scalar one is enough."
        )
    variables = data_variables(dataset, grid.dimensions)
    if not variables:
        raise InvalidInputError(f"The dataset has no variable on its grid {grid.dimensions}.")
    dimensions = _horizontal_dimensions(dataset, grid)
    if axis.dimension is not None:
        dimensions = {axis.dimension: _time_dimension(axis)} | dimensions
    for variable in variables.values():
        for name in map(str, variable.dims):
            dimensions.setdefault(name, _other_dimension(dataset, name))
    return CubeDescription(
        bbox=[_rounded(edge) for edge in grid.bounds],
        geometry=_geometry(grid),
        start=real_instant(axis.labels[0]),
        end=real_instant(axis.labels[-1]),
        calendar=axis.calendar,
        dimensions=dimensions,
        variables={name: _variable(variable) for name, variable in variables.items()},
    )


def _horizontal_dimensions(dataset: xr.Dataset, grid: Grid) -> dict[str, Any]:
    if isinstance(grid, HealpixGrid):
        what = f"Cells of nested HEALPix, level {grid.level} (nside {2**grid.level})"
        extent = [0, grid.shape[0] - 1] if grid.cell_ids is None else grid.cell_ids[[0, -1]].tolist()
        return {grid.dimensions[0]: {"type": "index", "extent": extent, "description": what}}
    if not isinstance(grid, (RectilinearGrid, ProjectedGrid)):
        flat = "Cells of the reduced Gaussian grid" if isinstance(grid, ReducedGaussianGrid) else "Places"
        words = (
            [flat] if len(grid.shape) == 1 else [f"{x} of the curvilinear grid" for x in ("Row", "Column")]
        )
        return {
            name: {"type": "index", "extent": [0, length - 1], "description": what}
            for name, length, what in zip(grid.dimensions, grid.shape, words, strict=True)
        }
    row, column = grid.dimensions
    reference = 4326 if isinstance(grid, RectilinearGrid) else (grid.crs.to_epsg() or grid.crs.to_json_dict())
    described: dict[str, Any] = {}
    for name, letter in ((column, "x"), (row, "y")):
        values = dataset[name].values.astype(np.float64)
        steps = np.diff(values)
        regular = len(steps) > 0 and np.allclose(steps, steps[0], rtol=1e-3)
        described[name] = {
            "type": "spatial",
            "axis": letter,
            "extent": [_rounded(values.min()), _rounded(values.max())],
            "step": _rounded(float(np.mean(steps))) if regular else None,
            "reference_system": reference,
        }
        if unit := dataset[name].attrs.get("units"):
            described[name]["unit"] = unit
    return described


def _time_dimension(axis: TimeAxis) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": "temporal",
        "extent": [real_instant(axis.labels[0]), real_instant(axis.labels[-1])],
        "step": _step(axis),
    }
    if len(axis) <= MOST_VALUES:
        described["values"] = [real_instant(label) for label in axis.labels]
    return described


def _step(axis: TimeAxis) -> str | None:
    """Return the ISO 8601 duration between steps; None if they are irregular."""
    gaps = np.unique(np.diff(axis.numbers))
    if len(gaps) == 1:
        gap = int(gaps[0])
        if gap % DAY_US == 0 and gap // DAY_US not in (30, 360, 365, 366):
            return f"P{gap // DAY_US}D"
        if gap < DAY_US and gap % 1_000_000 == 0:
            seconds = gap // 1_000_000
            whole_hours, whole_minutes = seconds % 3600 == 0, seconds % 60 == 0
            return (
                f"PT{seconds // 3600}H"
                if whole_hours
                else f"PT{seconds // 60}M"
                if whole_minutes
                else f"PT{seconds}S"
            )
    months = np.array([int(label[:4]) * 12 + int(label[5:7]) for label in axis.labels])
    strides = np.unique(np.diff(months))
    if len(strides) != 1:
        return f"P{int(gaps[0]) // DAY_US}D" if len(gaps) == 1 and gaps[0] % DAY_US == 0 else None
    stride = int(strides[0])
    return f"P{stride // 12}Y" if stride % 12 == 0 else f"P{stride}M"


def _other_dimension(dataset: xr.Dataset, name: str) -> dict[str, Any]:
    if name not in dataset.coords or not np.issubdtype(dataset[name].dtype, np.number):
        return {"type": "index", "extent": [0, dataset.sizes[name] - 1]}
    coordinate = dataset[name]
    values = coordinate.values.astype(np.float64).tolist()
    vertical = "positive" in coordinate.attrs or coordinate.attrs.get("axis") == "Z"
    described: dict[str, Any] = {"type": "spatial", "axis": "z"} if vertical else {"type": "other"}
    described |= {"extent": [min(values), max(values)], "values": values}
    if unit := coordinate.attrs.get("units"):
        described["unit"] = unit
    return described


def _variable(variable: xr.DataArray) -> dict[str, Any]:
    described: dict[str, Any] = {"type": "data", "dimensions": [str(name) for name in variable.dims]}
    description = variable.attrs.get("long_name") or variable.attrs.get("standard_name")
    if description:
        described["description"] = str(description)
    if unit := variable.attrs.get("units"):
        described["unit"] = str(unit)
    kept = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in variable.attrs.items()
        if key not in SAID_ELSEWHERE and isinstance(value, (str, int, float, np.generic))
    }
    return described | ({"attrs": kept} if kept else {})


def _geometry(grid: Grid) -> dict[str, Any]:
    ring = grid.outline()
    if ring is not None:
        return {"type": "Polygon", "coordinates": [[[_rounded(x), _rounded(y)] for x, y in ring.tolist()]]}
    bounds = grid.bounds
    if bounds.west <= bounds.east:
        return {"type": "Polygon", "coordinates": [_box(bounds)]}
    # RFC 7946, section 3.1.9: what crosses the antimeridian is cut there.
    parts = (bounds._replace(east=180.0), bounds._replace(west=-180.0))
    return {"type": "MultiPolygon", "coordinates": [[_box(part)] for part in parts]}


def _box(bounds: Bounds) -> list[list[float]]:
    west, south, east, north = (_rounded(edge) for edge in bounds)
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _rounded(degrees: float) -> float:
    """Keep a tenth of a metre: more digits are noise of the arithmetic."""
    return round(float(degrees), 6)
