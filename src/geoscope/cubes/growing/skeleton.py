"""The groups and arrays of a growing cube, before and beside their values (`names.py` lists them)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.codecs import BloscCodec

from geoscope.cubes.conventions import is_grid_mapping
from geoscope.cubes.grid import Grid
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.growing.checksums import MISSING
from geoscope.cubes.growing.names import (
    FIELDS,
    GRID_DIGEST,
    GROWING,
    LATE,
    LAYOUT,
    LEVEL_COORDINATE,
    MAX_ERROR,
    PYRAMID,
    SERIES,
    level_path,
)
from geoscope.cubes.growing.outline import PLACES, CubeOutline, Levels, VariableOutline
from geoscope.cubes.growing.places import without_places, write_places
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.layout import map_chunks, series_chunks
from geoscope.cubes.pyramid import coarser_grid

# A map of level 5 is 48 kB: one of a coarser level costs as much to fetch.
COARSEST_LEVEL = 5

_TIME_CHUNK = 8192
_CHECKSUM_CHUNKS = (1024, 32)


@dataclass(frozen=True, eq=False)
class Layer:
    """One of the groups that hold all variables.

    Attributes
    ----------
    path : str
        Of the group; empty for the root.
    grid : Grid
        The cube's own, or a coarser one.
    chunks : tuple of int
        Steps, then cells along each dimension of the grid, in one chunk.
    """

    path: str
    grid: Grid
    chunks: tuple[int, ...]

    def array_path(self, name: str) -> str:
        """Return the path of one of its arrays in the store."""
        return f"{self.path}/{name}".lstrip("/")


def layers(outline: CubeOutline) -> Iterator[Layer]:
    """Yield the groups that hold all variables: maps, coarser maps, series."""
    grid, block = outline.grid, outline.block_steps
    yield Layer("", grid, (1, *map_chunks(grid.shape)))
    while isinstance(grid, HealpixGrid) and grid.level > COARSEST_LEVEL:
        grid = coarser_grid(grid)
        yield Layer(level_path(grid.level), grid, (1, *map_chunks(grid.shape)))
    grid = outline.grid
    yield Layer(SERIES, grid, (block, *series_chunks(grid.shape, block)))


def create_groups(store: Store, outline: CubeOutline) -> None:
    """Make all groups, coordinates and arrays of an empty cube."""
    zarr.create_group(store, zarr_format=3)
    of_level = defaultdict[HealpixGrid, list[zarr.Group]](list)
    for layer in layers(outline):
        _write_coordinates(store, layer, outline)
        group = zarr.open_group(store, path=layer.path, mode="r+", zarr_format=3)
        if isinstance(layer.grid, HealpixGrid):
            of_level[layer.grid].append(group)
        group.update_attributes({"Conventions": "CF-1.12"})
        _create_time(group, outline.calendar)
    for grid, groups in of_level.items():
        write_places(groups, grid)
    marks = {LAYOUT: GROWING, GRID_DIGEST: grid_digest(without_places(outline))}
    zarr.open_group(store, mode="r+").update_attributes(plain(outline.attributes) | marks)
    if outline.levels is not None:
        create_levels(store, outline, outline.levels)
    for variable in outline.variables:
        create_variable(store, outline, variable)


def create_levels(store: Store, outline: CubeOutline, levels: Levels) -> None:
    """Write the level coordinate to all groups, in the place of one that was there."""
    zarr.open_group(store, mode="r+").update_attributes({LEVEL_COORDINATE: levels.name})
    for layer in layers(outline):
        group = zarr.open_group(store, path=layer.path, mode="r+")
        coordinate = group.create_array(
            levels.name,
            shape=levels.values.shape,
            chunks=levels.values.shape,
            dtype="float64",
            fill_value=np.nan,
            dimension_names=(levels.name,),
            attributes={"axis": "Z"} | plain(levels.attributes),
            overwrite=True,
        )
        coordinate[:] = levels.values


def create_variable(store: Store, outline: CubeOutline, variable: VariableOutline) -> None:
    """Make the arrays of a variable, as long as the time axis is."""
    root = zarr.open_group(store, mode="r")
    inner = (str(root.attrs[LEVEL_COORDINATE]),) if variable.has_levels else ()
    attributes = plain(variable.attributes) | _references(root, outline) | {PYRAMID: variable.pyramid}
    if variable.max_error is not None:
        attributes |= {MAX_ERROR: variable.max_error}
    counts: tuple[int, ...] = ()
    steps = settled = 0
    for layer in layers(outline):
        group = zarr.open_group(store, path=layer.path, mode="r+")
        counts = tuple(_array(group, name).shape[0] for name in inner)
        length = _array(group, "time").shape[0]
        steps, settled = (steps, length) if layer.path == SERIES else (length, settled)
        group.create_array(
            variable.name,
            shape=(length, *counts, *layer.grid.shape),
            chunks=(layer.chunks[0], *(1 for _ in inner), *layer.chunks[1:]),
            dtype=variable.dtype,
            fill_value=np.nan,
            compressors=[packing(variable.dtype)],
            dimension_names=("time", *inner, *outline.grid.dimensions),
            attributes=attributes,
        )
    for path, length, dtype, empty in (
        (FIELDS, steps, "uint64", MISSING),
        (LATE, settled, "bool", False),
    ):
        zarr.open_group(store, path=path, mode="a", zarr_format=3).create_array(
            variable.name,
            shape=(length, *counts),
            chunks=_CHECKSUM_CHUNKS[: 1 + len(inner)],
            dtype=dtype,
            fill_value=empty,
            dimension_names=("time", *inner),
        )


def packing(dtype: str) -> BloscCodec:
    """Return how values are compressed, without loss.

    Shuffled bits, because model output comes with its last bits all zero. On values packed by GRIB, LZ4 is
    then within a few percent of Zstandard's size, at twice its speed both ways.
    """
    return BloscCodec(typesize=np.dtype(dtype).itemsize, cname="lz4", clevel=5, shuffle="bitshuffle")


def grid_digest(coordinates: xr.Dataset) -> str:
    """Return a digest of a grid's coordinates: names, values, and what its grid mapping says."""
    digest = hashlib.sha256()
    for name in sorted(map(str, coordinates.variables)):
        variable = coordinates[name]
        said = {key: value for key, value in plain(variable.attrs).items() if key in _SAID_OF_GRIDS}
        digest.update(f"{name}{variable.dims}{sorted(said.items())}".encode())
        if variable.ndim:
            digest.update(np.ascontiguousarray(variable.values).view(np.uint8).data)
    return digest.hexdigest()[:32]


_SAID_OF_GRIDS = ("standard_name", "units", "grid_mapping_name", "refinement_level", "indexing_scheme")


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON knows them."""
    return {
        str(key): value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
        for key, value in attributes.items()
    }


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    assert isinstance(array, zarr.Array)  # noqa: S101 (for the types: names of groups are reserved)
    return array


def _create_time(group: zarr.Group, calendar: str) -> None:
    group.create_array(
        "time",
        shape=(0,),
        chunks=(_TIME_CHUNK,),
        dtype="int64",
        fill_value=0,
        dimension_names=("time",),
        attributes={
            "standard_name": "time",
            "axis": "T",
            "units": "seconds since 1970-01-01 00:00:00",
            "calendar": calendar,
        },
    )


def _write_coordinates(store: Store, layer: Layer, outline: CubeOutline) -> None:
    if layer.grid is outline.grid:
        coordinates = without_places(outline).copy()
    else:
        coordinates = grid_coordinates(layer.grid, with_places=False)
    for variable in coordinates.variables.values():
        variable.encoding = {}
        if variable.ndim and np.issubdtype(variable.dtype, np.number):
            variable.encoding["compressors"] = [packing(str(variable.dtype))]
            if variable.ndim == len(layer.grid.shape):
                wide = map_chunks(layer.grid.shape)
                variable.encoding["chunks"] = tuple(
                    min(length, chunk) for length, chunk in zip(variable.shape, wide, strict=True)
                )
    coordinates.to_zarr(store, group=layer.path or None, mode="a", zarr_format=3, consolidated=False)


def _references(root: zarr.Group, outline: CubeOutline) -> dict[str, str]:
    """Return the attributes by which a variable names its grid mapping and coordinates (CF 5, 5.6)."""
    coordinates, dimensions = without_places(outline).variables, outline.grid.dimensions
    mapping = [str(name) for name, variable in coordinates.items() if is_grid_mapping(variable)]
    others = [
        str(name)
        for name, variable in coordinates.items()
        if name not in dimensions and name not in mapping and set(variable.dims) <= set(dimensions)
    ]
    if isinstance(outline.grid, HealpixGrid):
        # Cubes of before have no places.
        others += [name for name in PLACES if name in root]
    found = {"grid_mapping": " ".join(mapping), "coordinates": " ".join(others)}
    return {key: text for key, text in found.items() if text}
