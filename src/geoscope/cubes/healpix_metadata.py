"""What a dataset says of its HEALPix grid, in the words of CF and of xdggs: written, and read.

CF has a grid mapping `healpix` and a coordinate of standard name `healpix_index`; xdggs has words of its own
for the same (`grid_name`, `level`). Both are written, xdggs' on the grid mapping: on the coordinate, where it
had them first, xdggs 0.7 takes them only if there is nothing else, no `standard_name` either.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from geoscope.cubes.conventions import data_variables
from geoscope.cubes.grid import Cells
from geoscope.cubes.healpix import HealpixGrid, cells_on_earth
from geoscope.errors import InvalidInputError

CELL_IDS = "cell_ids"
INDEX_NAME = "healpix_index"
NESTED = ("nested", "nest")


class HealpixAttributes(NamedTuple):
    """Attributes of the coordinate of cell ids, and of the grid mapping variable."""

    coordinate: dict[str, Any]
    grid_mapping: dict[str, Any]


def healpix_attributes(level: int) -> HealpixAttributes:
    """Return the attributes by which CF readers and xdggs recognise nested HEALPix on the sphere.

    Parameters
    ----------
    level : int
        Refinement level.

    Returns
    -------
    HealpixAttributes
        `coordinate` for a variable `cell_ids` along the dimension of the cells; `grid_mapping` for a scalar
        variable that data variables name by their attribute `grid_mapping`.
    """
    return HealpixAttributes(
        {
            "standard_name": INDEX_NAME,
            "long_name": "HEALPix index of the cell, nested",
            "units": "1",
        },
        {
            "grid_mapping_name": "healpix",
            "refinement_level": level,
            "indexing_scheme": "nested",
            "grid_name": "healpix",
            "level": level,
        },
    )


def read_healpix(dataset: xr.Dataset) -> HealpixGrid | None:
    """Return the HEALPix grid that a dataset speaks of; None if it speaks of none.

    Read are CF's grid mapping and xdggs' attributes, and the grid mapping of those climate models that write
    all cells without ids (`healpix_nside`, `healpix_order`).

    Raises
    ------
    InvalidInputError
        If the grid is in ring order or on an ellipsoid, or its level is not said.
    ValueError
        If the ids are none of that level, or not in order.
    """
    said = _said(dataset)
    if said is None:
        return None
    level = _level(said)
    order = str(said.get("indexing_scheme", said.get("healpix_order", "nested"))).lower()
    if order not in NESTED:
        raise InvalidInputError(
            f"The HEALPix cells are in {order!r} order.",
            "Expected nested order: geoscope.cubes.ring_order brings fields there.",
        )
    if str(said.get("ellipsoid") or "sphere").lower() != "sphere" or said.get("inverse_flattening"):
        raise InvalidInputError("The HEALPix cells are on an ellipsoid.", "Expected those on the sphere.")
    coordinate = _coordinate(dataset)
    if coordinate is None:
        return HealpixGrid(level, dimension=_dimension_of_all_cells(dataset, level))
    ids = coordinate.values
    return HealpixGrid(level, None if _is_everything(ids, level) else ids, str(coordinate.dims[0]))


def _said(dataset: xr.Dataset) -> Mapping[str, Any] | None:
    for variable in dataset.variables.values():
        if variable.attrs.get("grid_mapping_name") == "healpix":
            return variable.attrs
    for variable in dataset.variables.values():
        if variable.attrs.get("grid_name") == "healpix" and variable.ndim == 1:
            return variable.attrs
    return None


def _level(said: Mapping[str, Any]) -> int:
    for key in ("refinement_level", "level"):
        if key in said:
            return int(said[key])
    nside = int(said.get("healpix_nside", 0))
    if nside < 1 or nside & (nside - 1):
        raise InvalidInputError(
            "The HEALPix grid does not say its level.", "Expected refinement_level at the grid mapping."
        )
    return nside.bit_length() - 1


def _coordinate(dataset: xr.Dataset) -> xr.DataArray | None:
    for name, variable in dataset.variables.items():
        named = (
            variable.attrs.get("standard_name") == INDEX_NAME or variable.attrs.get("grid_name") == "healpix"
        )
        if named and variable.ndim == 1:
            return dataset[name]
    return None


def _dimension_of_all_cells(dataset: xr.Dataset, level: int) -> str:
    for name, length in dataset.sizes.items():
        if length == cells_on_earth(level) and data_variables(dataset, (str(name),)):
            return str(name)
    raise InvalidInputError(
        "The HEALPix grid has neither ids of its cells nor all of them.",
        f"Expected a coordinate with the standard_name {INDEX_NAME}.",
    )


def _is_everything(ids: Cells, level: int) -> bool:
    return len(ids) == cells_on_earth(level) and bool(np.array_equal(ids, np.arange(len(ids))))
