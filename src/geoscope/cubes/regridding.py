"""A dataset on another grid, with its attributes kept and what was done to it noted."""

from datetime import UTC, datetime
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geoscope.cubes.coarsening import coarsening
from geoscope.cubes.conventions import NO_DATA, bounds_names, is_grid_mapping, referenced_name
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.cubes.grid_coordinates import grid_coordinates, grid_mapping_of
from geoscope.cubes.sampling import sampling
from geoscope.errors import InvalidInputError

type RegriddingMethod = Literal["nearest", "bilinear", "conservative"]

# Attributes that name variables or tell of cells of the grid that is left.
OF_THE_OLD_GRID = ("grid_mapping", "coordinates", "cell_measures", "bounds", "ancillary_variables")


def regrid_dataset(dataset: xr.Dataset, target: Grid, method: RegriddingMethod = "nearest") -> xr.Dataset:
    """Bring all numeric variables of a dataset that span its grid to another grid.

    Names, units and all other attributes are kept; the coordinates and the grid mapping are the new grid's.
    `cell_methods` gets `area: mean` from the method `conservative`, and `history` a line. Categories
    (`flag_values` or `flag_masks`) are taken from the nearest cell whatever the method, because a mean of
    them is none. Components of vectors stay along the axes that they were along.

    Parameters
    ----------
    dataset : xarray.Dataset
        Decoded as `xarray.open_dataset` does. What it holds is computed.
    target : Grid
        Any.
    method : {"nearest", "bilinear", "conservative"}
        `conservative` keeps means and integrals and is meant for a coarser grid.

    Raises
    ------
    InvalidInputError
        If the dataset's grid is not recognised, cannot be used by the method, or a variable holds sums over
        cells (`cell_methods: area: sum`), which no method here keeps.
    """
    source = detect_grid(dataset)
    if method not in ("nearest", "bilinear", "conservative"):
        raise InvalidInputError(
            f"There is no method {method!r}.", "Expected 'nearest', 'bilinear' or 'conservative'."
        )
    on_grid = set(source.dimensions)
    # Dimensions of data that are not on the grid keep their names; those of the new grid must not be theirs.
    taken = {str(name) for name in dataset.dims} - on_grid
    if clash := taken & set(target.dimensions):
        raise InvalidInputError(f"Dimensions of the data have the names of the new grid's: {sorted(clash)}.")
    mappings = {referenced_name(variable, "grid_mapping") for variable in dataset.data_vars.values()}
    bounds = bounds_names(dataset)
    new_coordinates = grid_coordinates(target)

    regridded = xr.Dataset(attrs=dict(dataset.attrs))
    for name, variable in dataset.variables.items():
        if name in mappings or name in new_coordinates.variables or _is_index(variable):
            continue
        if not on_grid & set(variable.dims):
            new = variable.copy()
        elif on_grid <= set(variable.dims) and _is_data(variable) and name not in bounds:
            new = _regrid(str(name), variable, source, target, method)
        else:
            continue
        regridded = (
            regridded.assign_coords({name: new}) if name in dataset.coords else regridded.assign({name: new})
        )
    regridded = regridded.assign_coords(new_coordinates.coords)
    regridded.attrs["history"] = _history(dataset, source, target, method)
    return regridded


def _regrid(
    name: str, variable: xr.Variable, source: Grid, target: Grid, method: RegriddingMethod
) -> xr.Variable:
    ordered = variable.transpose(..., *source.dimensions)
    attributes = {key: value for key, value in variable.attrs.items() if key not in OF_THE_OLD_GRID}
    methods = str(attributes.get("cell_methods", ""))
    if "area: sum" in methods:
        raise InvalidInputError(
            f"The variable {name!r} holds sums over cells, which other cells have others of.",
            "Divide it by the cells' areas first.",
        )
    is_category = "flag_values" in attributes or "flag_masks" in attributes
    values: NDArray[np.generic]
    if method == "conservative" and not is_category:
        values = coarsening(source, target).apply(ordered.values)
        attributes["cell_methods"] = f"{methods} area: mean".strip()
    else:
        values = sampling(
            source, target, "bilinear" if method == "bilinear" and not is_category else "nearest"
        ).apply(ordered.values)
    if mapping := grid_mapping_of(target):
        attributes["grid_mapping"] = mapping
    return xr.Variable((*ordered.dims[: -len(source.dimensions)], *target.dimensions), values, attributes)


def _is_data(variable: xr.Variable) -> bool:
    is_number = np.issubdtype(variable.dtype, np.number) or variable.dtype == np.bool_
    return is_number and variable.attrs.get("standard_name") not in NO_DATA


def _is_index(variable: xr.Variable) -> bool:
    return "grid_name" in variable.attrs or is_grid_mapping(variable)


def _history(dataset: xr.Dataset, source: Grid, target: Grid, method: RegriddingMethod) -> str:
    names = (f"{type(grid).__name__} {grid.shape}" for grid in (source, target))
    line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} geoscope regridded ({method}): {' to '.join(names)}"
    return "\n".join(filter(None, [line, str(dataset.attrs.get("history", ""))]))
