"""The copy for time series: blocks of steps are read from the maps and written in chunks long in time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import icechunk
import numpy as np
import zarr

from geoscope.cubes.growing.checksums import MISSING
from geoscope.cubes.growing.names import FIELDS, LATE, LATE_COUNT, SERIES
from geoscope.cubes.growing.snapshot import Snapshot

# What is read of the maps before it is written: all steps of a block, and as many cells as fit.
COLUMN_BYTES = 160 * 1024**2


@dataclass(frozen=True)
class Block:
    """Steps of one chunk of a variable's series, at one level."""

    variable: str
    level: int
    steps: slice


def settle(session: icechunk.Session, *, everything: bool) -> bool:
    """Extend the series in a session by what the maps hold; return whether there was anything to do.

    A block that a late field has changed is made anew, and so is the last one if it was not whole.

    Parameters
    ----------
    session : icechunk.Session
        Writable; to be committed by the caller.
    everything : bool
        Whether to go on to the last step, and to make anew what is late; else only whole blocks are added.
    """
    snapshot = Snapshot(session.store, mode="r+")
    target = _target(snapshot, everything=everything)
    blocks = list(_blocks(snapshot, target, everything=everything))
    if target == snapshot.settled and not blocks:
        return False
    _lengthen(snapshot, target)
    for block in blocks:
        _copy(snapshot, block)
    for name in {block.variable for block in blocks}:
        _forget_late(snapshot, name, [block for block in blocks if block.variable == name])
    return True


def is_due(snapshot: Snapshot) -> bool:
    """Tell whether whole blocks wait to be settled."""
    return _target(snapshot, everything=False) > snapshot.settled


def _block_steps(snapshot: Snapshot) -> int:
    return int(snapshot.array(f"{SERIES}/{snapshot.names[0]}").chunks[0]) if snapshot.names else 1


def _target(snapshot: Snapshot, *, everything: bool) -> int:
    steps = len(snapshot.times)
    if everything:
        return steps
    length = _block_steps(snapshot)
    return max(steps // length * length, snapshot.settled)


def _blocks(snapshot: Snapshot, target: int, *, everything: bool) -> Iterator[Block]:
    length, settled = _block_steps(snapshot), snapshot.settled
    for name in snapshot.names:
        checksums = snapshot.checksums(name)
        late = (
            snapshot.late(name) if everything and settled else np.zeros((settled, checksums.shape[1]), bool)
        )
        for start in range(0, target, length):
            steps = slice(start, min(start + length, target))
            grows = steps.stop > settled
            for level in range(checksums.shape[1]):
                holds_any = (checksums[steps, level] != MISSING).any()
                if holds_any and (grows or late[steps, level].any()):
                    yield Block(name, level, steps)


def _lengthen(snapshot: Snapshot, target: int) -> None:
    times = snapshot.array(f"{SERIES}/time")
    times.resize((target,))
    times[snapshot.settled :] = snapshot.times[snapshot.settled : target]
    for name in snapshot.names:
        for path in (f"{SERIES}/{name}", f"{LATE}/{name}"):
            array = snapshot.array(path)
            array.resize((target, *array.shape[1:]))


def _copy(snapshot: Snapshot, block: Block) -> None:
    """Copy one block, a part of the grid after the other, so that memory is bounded."""
    maps, series = snapshot.array(block.variable), snapshot.array(f"{SERIES}/{block.variable}")
    inner = (block.level,) if _has_levels(snapshot, block.variable) else ()
    for rows in _parts(maps, series, 1 + len(inner), block.steps.stop - block.steps.start):
        place = (block.steps, *inner, rows)
        series[place] = maps[place]


def _parts(maps: zarr.Array[Any], series: zarr.Array[Any], first: int, steps: int) -> Iterator[slice]:
    """Cut the grid's first dimension so that a part has whole chunks of the series and fits into memory."""
    length, chunk = series.shape[first], series.chunks[first]
    row_bytes = steps * maps.dtype.itemsize * math.prod(series.shape[first + 1 :])
    rows = min(COLUMN_BYTES // row_bytes, maps.chunks[first])
    # Parts of a chunk of the maps, each of them decoded as few times as can be.
    rows = max(chunk, math.ceil(maps.chunks[first] / math.ceil(maps.chunks[first] / max(rows, 1))))
    rows = math.ceil(rows / chunk) * chunk
    for start in range(0, length, rows):
        yield slice(start, min(start + rows, length))


def _has_levels(snapshot: Snapshot, name: str) -> bool:
    return snapshot.array(f"{FIELDS}/{name}").ndim == 2


def _forget_late(snapshot: Snapshot, name: str, blocks: list[Block]) -> None:
    array = snapshot.array(f"{LATE}/{name}")
    marks = np.asarray(array[:])
    if not marks.any():
        return
    for block in blocks:
        marks[(block.steps, block.level) if marks.ndim == 2 else (block.steps,)] = False
    array[:] = marks
    array.update_attributes({LATE_COUNT: int(marks.sum())})
