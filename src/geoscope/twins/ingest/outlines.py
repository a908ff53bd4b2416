"""What a repository is before its first value: coordinates, levels, variables and attributes, by CF."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.healpix_metadata import CELL_IDS
from geoscope.twins.ingest.described_grids import grid_coordinates, grid_of
from geoscope.twins.ingest.plan import PlannedRepository, PlannedVariable
from geoscope.twins.ingest.regridding import Regridding

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
    variables = {each.name: each for each in repository.variables.values()}
    extra = {"grid_mapping": mapping} if mapping else {}
    return CubeOutline(
        grid=grid_of(repository.grid),
        grid_coordinates=coordinates,
        variables=tuple(
            VariableOutline(
                name=name,
                attributes=_attributes(variable, repository.regridding) | extra,
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
    if isinstance(outline.grid, HealpixGrid) and outline.grid.cell_ids is not None:
        return outline  # a region's cells are known by their ids alone
    return replace(outline, grid_coordinates=outline.grid_coordinates.drop_vars(CELL_IDS, errors="ignore"))


def _levels(repository: PlannedRepository) -> Levels | None:
    if not repository.levels:
        return None
    attributes = dict(LEVELS.get(repository.level_type, {"long_name": repository.level_type}))
    return Levels(
        values=np.asarray(repository.levels, np.float64), name="level", attributes=attributes | {"axis": "Z"}
    )


def _attributes(variable: PlannedVariable, regridding: Regridding | None) -> dict[str, str]:
    facts = variable.facts
    cell_methods = facts.get("cell_methods") or CELL_METHODS.get(facts.get("step_type", ""), "")
    method = regridding.method_of(facts) if regridding else ""
    if method == "conservative":
        cell_methods = f"{cell_methods} area: mean".strip()
    found = {
        "standard_name": facts.get("standard_name", ""),
        "long_name": facts.get("title") or variable.name,
        "units": facts.get("unit", ""),
        "cell_methods": cell_methods,
        "mars:param": facts.get("param", ""),
        "mars:shortName": facts["name"] if facts.get("param") else "",
        "geoscope:regridded_by": method,
    }
    return {key: value for key, value in found.items() if value}


def _root_attributes(repository: PlannedRepository, title: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Conventions": "CF-1.12", "title": title}
    found |= {f"mars:{key}": value for key, value in repository.mars.items()}
    if repository.base is not None:
        moment = datetime.fromtimestamp(repository.base, UTC)
        found |= {"mars:date": f"{moment:%Y%m%d}", "mars:time": f"{moment:%H%M}"}
    if repository.regridding is not None:
        found |= repository.regridding.provenance
    return found
