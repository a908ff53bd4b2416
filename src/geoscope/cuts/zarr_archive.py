"""Cuts as Zarr 3 in a zip archive, which zarr opens as it is: one group, or one for each instance.

The archive is made while it is sent: first what describes it, then each chunk as soon as it was read.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Sequence
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec
from zarr.core.buffer import Buffer
from zarr.errors import ZarrUserWarning
from zarr.storage import MemoryStore

from geoscope.cuts.cutting import Cut
from geoscope.cuts.datasets import DataVariable, Outline, outlines, part_of
from geoscope.outlet import Outlet

# Values of a chunk, of one variable.
CHUNK_VALUES = 256 * 1024
_CODEC = BloscCodec(cname="zstd", clevel=1, shuffle="shuffle")


async def zarr_archive(cuts: Sequence[Cut], title: str) -> AsyncIterator[bytes]:
    """Yield the bytes of the archive."""
    found = outlines(cuts, title)
    outlet = Outlet()
    with ZipFile(outlet, "w", ZIP_STORED) as archive:
        for key, content in (await asyncio.to_thread(_descriptions, found)).items():
            archive.writestr(ZipInfo(key), content.to_bytes())
        yield outlet.take()
        for outline in found:
            group = "" if len(found) == 1 else f"{outline.group}/"
            for variable in outline.variables:
                async for name, content in _chunks(variable):
                    archive.writestr(ZipInfo(f"{group}{variable.name}/{name}"), content.to_bytes())
                    yield outlet.take()
    yield outlet.take()


def _descriptions(found: list[Outline]) -> dict[str, Buffer]:
    """Return all metadata and coordinates, by key."""
    kept: dict[str, Buffer] = {}
    store = MemoryStore(kept)
    if len(found) > 1:
        zarr.open_group(store, mode="w", zarr_format=3)
    for outline in found:
        _prepare(store, "" if len(found) == 1 else outline.group, outline)
    with warnings.catch_warnings():
        # As in cubes.writing: Zarr 3 has no words for consolidated metadata yet.
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=ZarrUserWarning)
        zarr.consolidate_metadata(store)
    return kept


def _prepare(store: MemoryStore, group: str, outline: Outline) -> None:
    coordinates = {each.name: (each.dimensions, each.values, each.attributes) for each in outline.coordinates}
    dataset = xr.Dataset(coords=coordinates, attrs=outline.attributes)
    dataset.to_zarr(store, group=group or None, mode="a", zarr_format=3, consolidated=False)
    root = zarr.open_group(store, path=group, mode="a")
    for variable in outline.variables:
        _create(root, variable)


def _create(group: zarr.Group, variable: DataVariable) -> zarr.Array[Any]:
    return group.create_array(
        variable.name,
        shape=variable.shape,
        chunks=_chunk_shape(variable),
        dtype="float32",
        fill_value=float("nan"),
        compressors=_CODEC,
        dimension_names=variable.dimensions,
        attributes=variable.attributes,
    )


async def _chunks(variable: DataVariable) -> AsyncIterator[tuple[str, Buffer]]:
    """Read a variable block by block, and yield the chunks of each by the end of their keys."""
    cut = variable.cut
    source = cut.cube.variables[variable.name]
    length = _chunk_shape(variable)[0] if "time" in variable.dimensions else 1
    kept: dict[str, Buffer] = {}
    array = await asyncio.to_thread(_create_alone, MemoryStore(kept), variable)
    kept.clear()
    for block in _whole_chunks(cut, length):
        values = await cut.read(source, block)
        await asyncio.to_thread(_write, array, variable, part_of(cut, block), values)
        while kept:
            key, content = kept.popitem()
            yield key.removeprefix(f"{variable.name}/"), content


def _create_alone(store: MemoryStore, variable: DataVariable) -> zarr.Array[Any]:
    return _create(zarr.open_group(store, mode="w", zarr_format=3), variable)


def _whole_chunks(cut: Cut, length: int) -> list[slice]:
    """Cut the steps where chunks of the archive end, as each can be written only once."""
    if cut.own_steps is not None:
        return [slice(0, 1)]
    first, last = cut.steps.start, cut.steps.stop
    longest = max(part.stop - part.start for part in cut.blocks())
    stride = max(length, longest // length * length)
    return [slice(start, min(start + stride, last)) for start in range(first, last, stride)]


def _write(array: zarr.Array[Any], variable: DataVariable, part: slice, values: NDArray[np.float32]) -> None:
    if "time" in variable.dimensions:
        array[part] = values.reshape(part.stop - part.start, *variable.shape[1:])
    else:
        array[...] = values.reshape(variable.shape)


def _chunk_shape(variable: DataVariable) -> tuple[int, ...]:
    shape = variable.shape
    if "time" not in variable.dimensions:
        return shape
    others = int(np.prod(shape[1:]))
    return (max(1, min(shape[0], CHUNK_VALUES // max(others, 1))), *shape[1:])
