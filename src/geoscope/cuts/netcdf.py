"""Cuts as NetCDF-4: one dataset, or a group for each instance if there are several."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import h5netcdf
import numpy as np
from numpy.typing import NDArray

from geoscope.cuts.cutting import Cut
from geoscope.cuts.datasets import DataVariable, Outline, outlines, part_of
from geoscope.cuts.room import require_room

# Values of a chunk: what is compressed at once.
CHUNK_VALUES = 256 * 1024


async def write_netcdf(cuts: Sequence[Cut], target: Path | BinaryIO, title: str) -> None:
    """Write a file, block by block: no more than a block is ever in memory.

    Raises
    ------
    UnavailableError
        If there is hardly room left on the disk.
    """
    found = outlines(cuts, title)
    file = await asyncio.to_thread(h5netcdf.File, target, "w")
    try:
        for outline in found:
            group = file if len(found) == 1 else file.create_group(outline.group)
            # HDF5 without room on the disk ends the process.
            require_room(target, sum(each.values.nbytes for each in outline.coordinates))
            await asyncio.to_thread(_prepare, group, outline)
            for variable in outline.variables:
                await _fill(group, variable, target)
    finally:
        await asyncio.to_thread(file.close)


def _prepare(group: h5netcdf.Group, outline: Outline) -> None:
    for name, value in outline.attributes.items():
        group.attrs[name] = value
    # HDF5 has one name for a group's dimensions and coordinates.
    group.dimensions = outline.dimensions
    for coordinate in outline.coordinates:
        made = group.create_variable(
            coordinate.name, coordinate.dimensions, coordinate.values.dtype, data=coordinate.values
        )
        made.attrs.update(coordinate.attributes)
    for variable in outline.variables:
        made = group.create_variable(
            variable.name,
            variable.dimensions,
            np.float32,
            fillvalue=np.float32(np.nan),
            chunks=_chunks(variable.shape),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        made.attrs.update(variable.attributes)


async def _fill(group: h5netcdf.Group, variable: DataVariable, target: Path | BinaryIO) -> None:
    cut = variable.cut
    source = cut.cube.variables[variable.name]
    for block in cut.blocks():
        values = await cut.read(source, block)
        require_room(target, values.nbytes)
        part = part_of(cut, block)
        await asyncio.to_thread(_write, group[variable.name], variable, part, values)


def _write(
    target: h5netcdf.Variable, variable: DataVariable, part: slice, values: NDArray[np.float32]
) -> None:
    if "time" in variable.dimensions:
        target[part] = values.reshape(part.stop - part.start, *variable.shape[1:])
    else:
        target[...] = values.reshape(variable.shape)


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunks of whole rows of the last dimensions, as many steps as fit."""
    chunks, room = [], CHUNK_VALUES
    for length in reversed(shape):
        chunks.append(max(1, min(length, room)))
        room = math.ceil(room / max(length, 1)) if length <= room else 1
    return tuple(reversed(chunks))
