"""The copy for time series: blocks of steps are read from the maps and written in chunks long in time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import icechunk
import numpy as np

from geoscope.cubes.growing.block_copy import Block, BlockCopy
from geoscope.cubes.growing.checksums import MISSING
from geoscope.cubes.growing.names import LATE, LATE_COUNT, SERIES
from geoscope.cubes.growing.snapshot import Snapshot

AT_ONCE = 2


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
    with ThreadPoolExecutor(AT_ONCE, "settling") as pool:
        for block in blocks:
            BlockCopy(session.store, snapshot, block).run(pool)
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


def _forget_late(snapshot: Snapshot, name: str, blocks: list[Block]) -> None:
    array = snapshot.array(f"{LATE}/{name}")
    marks = np.asarray(array[:])
    if not marks.any():
        return
    for block in blocks:
        marks[(block.steps, block.level) if marks.ndim == 2 else (block.steps,)] = False
    array[:] = marks
    array.update_attributes({LATE_COUNT: int(marks.sum())})
