"""What a repository is before its first value: coordinates, levels, variables and attributes, by CF."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from geoscope.cubes.detect import detect_grid
from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.healpix_metadata import CELL_IDS, healpix_attributes
from geoscope.errors import InvalidInputError
from geoscope.twins.ingest.findings import Grid
from geoscope.twins.ingest.plan import PlannedRepository, PlannedVariable, cells_of

LATITUDE = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}
LONGITUDE = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}

# By ecCodes' typeOfLevel: attributes of the coordinate. Another type has its name and nothing else.
LEVELS: Mapping[str, Mapping[str, str]] = {
    "isobaricInhPa": {
        "standard_name": "air_pressure",
        "long_name": "pressure",
        "units": "hPa",
        "positive": "down",
    },
    "hybrid": {
        "standard_name": "atmosphere_hybrid_sigma_pressure_coordinate",
        "long_name": "hybrid level",
        "units": "1",
        "positive": "down",
    },
    "heightAboveGround": {
        "standard_name": "height",
        "long_name": "height above ground",
        "units": "m",
        "positive": "up",
    },
    "heightAboveSea": {
        "standard_name": "height_above_mean_sea_level",
        "long_name": "height above mean sea level",
        "units": "m",
        "positive": "up",
    },
    "depthBelowSea": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down"},
    "oceanModel": {"long_name": "ocean model level", "units": "1", "positive": "down"},
    "oceanModelLayer": {"long_name": "ocean model layer", "units": "1", "positive": "down"},
    "soilLayer": {"long_name": "soil layer", "units": "1", "positive": "down"},
    "snowLayer": {"long_name": "snow layer", "units": "1", "positive": "down"},
    "theta": {
        "standard_name": "air_potential_temperature",
        "long_name": "potential temperature",
        "units": "K",
    },
    "potentialVorticity": {"long_name": "potential vorticity", "units": "1e-9 K m2 kg-1 s-1"},
}
CELL_METHODS = {
    "accum": "time: sum",
    "avg": "time: mean",
    "max": "time: maximum",
    "min": "time: minimum",
    "instant": "time: point",
}


def cube_outline(repository: PlannedRepository, max_error: Mapping[str, float], title: str) -> CubeOutline:
    """Return the outline of a repository's cube.

    Parameters
    ----------
    repository : PlannedRepository
        What is to be stored.
    max_error : mapping
        Bounds of lossy rounding by variable.
    title : str
        Of the dataset.

    Raises
    ------
    InvalidInputError
        If the grid's description describes none.
    """
    coordinates, mapping = grid_coordinates(repository.grid)
    dimensions = _grid_dimensions(repository.grid)
    variables = {each.name: each for each in repository.variables.values()}
    shape = tuple(coordinates.sizes[dimension] for dimension in dimensions)
    extra = {"grid_mapping": mapping} if mapping else {}
    example = coordinates.assign({"example": (dimensions, np.broadcast_to(np.float32(0), shape), extra)})
    return CubeOutline(
        grid=detect_grid(example),
        grid_coordinates=coordinates,
        variables=tuple(
            VariableOutline(
                name=name,
                attributes=_attributes(variable) | extra,
                has_levels=variable.has_levels,
                max_error=max_error.get(name),
                dtype=variable.dtype,
            )
            for name, variable in sorted(variables.items())
        ),
        levels=_levels(repository),
        attributes=_root_attributes(repository, title),
    )


def without_cell_ids(outline: CubeOutline) -> CubeOutline:
    """Return an outline that still describes its cube, and takes less memory.

    All cells of HEALPix in their order need no ids to be recognised; at nside 1024 these are 100 MB.
    """
    return replace(outline, grid_coordinates=outline.grid_coordinates.drop_vars(CELL_IDS, errors="ignore"))


def grid_coordinates(grid: Grid) -> tuple[xr.Dataset, str]:
    """Return the coordinates of a described grid, and the name of its grid mapping or nothing."""
    match grid["kind"]:
        case "healpix":
            return _healpix(grid), "crs"
        case "rectilinear":
            return _axes(grid, ("latitude", LATITUDE), ("longitude", LONGITUDE)), ""
        case "rotated":
            return _rotated(grid), "crs"
        case "reduced_gaussian":
            return _reduced_gaussian(grid), ""
        case "cf":
            return _as_they_stood(grid), str(grid["mapping"])
        case kind:
            raise InvalidInputError(f"Grids of the kind {kind!r} cannot be stored.")


def _grid_dimensions(grid: Grid) -> tuple[str, ...]:
    match grid["kind"]:
        case "healpix" | "reduced_gaussian":
            return ("cells",)
        case "rectilinear":
            return ("latitude", "longitude")
        case "rotated":
            return ("grid_latitude", "grid_longitude")
        case _:
            return tuple(str(each) for each in grid["dimensions"])


def _axes(grid: Grid, row: tuple[str, Any], column: tuple[str, Any]) -> xr.Dataset:
    coordinates = {
        row[0]: (row[0], np.asarray(grid["latitude"], np.float64), dict(row[1])),
        column[0]: (column[0], np.asarray(grid["longitude"], np.float64), dict(column[1])),
    }
    return xr.Dataset(coords=coordinates)


def _healpix(grid: Grid) -> xr.Dataset:
    attributes = healpix_attributes(int(grid["level"]))
    ids = np.arange(cells_of(grid), dtype=np.int64)
    coordinates = {
        CELL_IDS: ("cells", ids, attributes.coordinate),
        "crs": ((), np.int32(0), attributes.grid_mapping),
    }
    return xr.Dataset(coords=coordinates)


def _rotated(grid: Grid) -> xr.Dataset:
    coordinates = _axes(
        grid,
        ("grid_latitude", {"standard_name": "grid_latitude", "units": "degrees"}),
        ("grid_longitude", {"standard_name": "grid_longitude", "units": "degrees"}),
    )
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": grid["north_pole_latitude"],
        "grid_north_pole_longitude": grid["north_pole_longitude"],
        "north_pole_grid_longitude": grid["north_pole_grid_longitude"],
    }
    return coordinates.assign_coords(crs=((), np.int32(0), mapping))


def _reduced_gaussian(grid: Grid) -> xr.Dataset:
    points = np.asarray(grid["points"], np.int64)
    latitude = np.repeat(np.asarray(grid["latitude"], np.float64), points)
    longitude = np.concatenate([np.arange(count) * (360 / count) for count in points])
    return xr.Dataset(
        coords={"latitude": ("cells", latitude, LATITUDE), "longitude": ("cells", longitude, LONGITUDE)},
        attrs={"geoscope:reduced_gaussian_points": points.tolist()},
    )


def _as_they_stood(grid: Grid) -> xr.Dataset:
    coordinates = {
        name: (
            tuple(about["dims"]),
            np.asarray(about["values"], about["dtype"]).reshape(about["shape"])
            if about["values"]
            else np.int32(0),
            about["attributes"],
        )
        for name, about in grid["coordinates"].items()
    }
    return xr.Dataset(coords=coordinates)


def _levels(repository: PlannedRepository) -> Levels | None:
    if not repository.levels:
        return None
    attributes = dict(LEVELS.get(repository.level_type, {"long_name": repository.level_type}))
    return Levels(
        values=np.asarray(repository.levels, np.float64), name="level", attributes=attributes | {"axis": "Z"}
    )


def _attributes(variable: PlannedVariable) -> dict[str, str]:
    facts = variable.facts
    found = {
        "standard_name": facts.get("standard_name", ""),
        "long_name": facts.get("title") or variable.name,
        "units": facts.get("unit", ""),
        "cell_methods": facts.get("cell_methods") or CELL_METHODS.get(facts.get("step_type", ""), ""),
        "mars:param": facts.get("param", ""),
        "mars:shortName": facts["name"] if facts.get("param") else "",
    }
    return {key: value for key, value in found.items() if value}


def _root_attributes(repository: PlannedRepository, title: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Conventions": "CF-1.12", "title": title}
    found |= {f"mars:{key}": value for key, value in repository.mars.items()}
    if repository.base is not None:
        moment = datetime.fromtimestamp(repository.base, UTC)
        found |= {"mars:date": f"{moment:%Y%m%d}", "mars:time": f"{moment:%H%M}"}
    return found
