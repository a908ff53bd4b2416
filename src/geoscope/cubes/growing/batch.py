"""One commit in the making: fields are put into the maps of a session; others are set aside."""

import math
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import icechunk
import numpy as np
import zarr
from numpy.typing import NDArray

from geoscope.cubes.grid import Grid
from geoscope.cubes.growing.checksums import MISSING, field_checksum
from geoscope.cubes.growing.chunks import ChunkedArray, Packed, send, shorten
from geoscope.cubes.growing.fields import Field, FieldKey, SetAside, WriteReport
from geoscope.cubes.growing.names import FIELDS, LATE, LATE_COUNT, LEVELS, level_path
from geoscope.cubes.growing.outline import VariableOutline
from geoscope.cubes.growing.rounding import rounded
from geoscope.cubes.growing.skeleton import COARSEST_LEVEL
from geoscope.cubes.growing.snapshot import Snapshot
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.pyramid import pyramid

# Fields that are compressed and sent at the same time: what a write holds in memory.
BYTES_IN_FLIGHT = 128 * 1024**2
MOST_IN_FLIGHT = 4
# Compressed and sent at once by each of them; the store's client holds a copy.
LOT_BYTES = 8 * 1024**2
# Small fields go together: to hand each of them over for itself would cost more than to pack it.
PARCEL_BYTES = 4 * 1024**2
PARCEL_FIELDS = 64
# Axes of time are made longer by as many steps as came already, up to this, and cut at a batch's end.
MOST_ROOM_STEPS = 256

# Fields and where they are to be stored.
type Parcel = dict[FieldKey, tuple[Field, tuple[int, ...]]]


class Batch:
    """The fields of one commit.

    New times are put behind the last step in the order in which they come; `finish` brings them in order.

    Parameters
    ----------
    session : icechunk.Session
        Writable, with nothing written yet.
    grid : Grid
        Of the cube.
    replace : bool
        Whether a field with other values takes the place of the one that is there.
    report : WriteReport
        Is told what becomes of each field.
    """

    def __init__(self, session: icechunk.Session, grid: Grid, *, replace: bool, report: WriteReport) -> None:
        self.session = session
        self.snapshot = Snapshot(session.store, mode="r+")
        self.stored: dict[FieldKey, int] = {}
        self._grid, self._replace, self._report = grid, replace, report
        self._steps: dict[int, int] = {time: step for step, time in enumerate(self.snapshot.times.tolist())}
        self._last = int(self.snapshot.times[-1]) if len(self.snapshot.times) else None
        levels = self.snapshot.levels
        self._levels = {value: index for index, value in enumerate(levels.values.tolist())} if levels else {}
        self._room = len(self._steps)
        self._names = frozenset(self.snapshot.names)
        self._variables: dict[str, VariableOutline] = {}
        self._arrays: dict[str, dict[str, zarr.Array[Any]]] = {}
        self._chunked: dict[str, dict[str, ChunkedArray]] = {}
        self._checksums: dict[str, NDArray[np.uint64]] = {}

    def write(self, fields: Iterable[Field]) -> None:
        """Put fields into the maps; return when all of them are stored."""
        field_bytes = 4 * math.prod(self._grid.shape)
        together = min(PARCEL_FIELDS, max(1, PARCEL_BYTES // field_bytes))
        at_once = min(MOST_IN_FLIGHT, max(1, BYTES_IN_FLIGHT // (together * field_bytes)))
        with ThreadPoolExecutor(at_once, "growing-cube") as pool:
            outbox = _Outbox(pool, at_once, self._put)
            try:
                for parcel in self._parcels(fields, together):
                    outbox.put(parcel)
                    del parcel  # who gives fields may wait for the memory of those that are stored
                outbox.wait()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _parcels(self, fields: Iterable[Field], together: int) -> Iterator[Parcel]:
        """Yield the fields that are to be stored, some at a time."""
        parcel: Parcel = {}
        for field in fields:
            place = self._place(field)
            if place is None:
                del field
                continue
            parcel[field.key] = field, place  # in place of one that came before
            del field
            if len(parcel) == together:
                yield parcel
                parcel = {}
        if parcel:
            yield parcel

    def written(self) -> Iterator[Field]:
        """Yield the fields of this batch again, read from its session."""
        for key, checksum in self.stored.items():
            values = np.asarray(self._maps(key.variable)[""][self._index(key)])
            yield Field(key.variable, key.time, key.level, values, checksum)

    def finish(self) -> int:
        """Bring the new steps in order, and write times and checksums; return the number of steps."""
        old = len(self.snapshot.times)
        times = np.fromiter(self._steps, np.int64, len(self._steps))
        order = np.argsort(times, kind="stable")
        if np.any(order != np.arange(len(order))):
            self._reorder(order)
        times = times[order]
        self._steps = {time: step for step, time in enumerate(times.tolist())}
        for path in self._time_paths():
            array = self.snapshot.array(path)
            array.resize((len(times),))
            array[old:] = times[old:]
        for name in self._names:
            for array in self._maps(name).values():
                shorten(array, len(times))
            self._write_checksums(name, order, len(times))
        return len(times)

    def _place(self, field: Field) -> tuple[int, ...] | None:
        """Return where a field is to be stored; tell the report of one that is not."""
        key = field.key
        if reason := next(self._misfits(field), ""):
            self._report.refused.append(SetAside(key, reason))
            return None
        checksum = field.checksum or field_checksum(field.values)
        time = _seconds(key.time)
        level = 0 if key.level is None else self._levels[key.level]
        step = self._steps.get(time)
        there = MISSING if step is None else int(self._known(key.variable, step)[step, level])
        if there == checksum:
            self._report.duplicates.append(key)
            return None
        if there != MISSING and not self._replace:
            self._report.conflicts.append(SetAside(key, "is there already, with other values"))
            return None
        if step is None:
            step = self._steps[time] = len(self._steps)
        self._known(key.variable, step)[step, level] = checksum
        self._make_room(step)
        self._maps(key.variable)  # made here: the workers only read the table
        self.stored[key] = checksum
        return self._index(key)

    def _misfits(self, field: Field) -> Iterator[str]:
        """Yield why a field does not fit the cube."""
        name, time, level = field.key
        if name not in self._names:
            yield f"the cube has no variable {name!r}"
        if np.isnat(time):
            yield "it has no time"
        seconds = _seconds(time)
        if self._last is not None and seconds < self._last and seconds not in self._steps:
            yield "its time is before the last step of the cube, and is none of its steps"
        if self._variable(name).has_levels != (level is not None):
            yield "it has a level" if level is not None else "it has no level"
        if level is not None and level not in self._levels:
            yield f"the cube has no level {level:g}"
        if field.values.size != math.prod(self._grid.shape):
            yield f"it has {field.values.size} values, which is not the cube's grid {self._grid.shape}"
        dtype = np.dtype(self._variable(name).dtype)
        if not np.can_cast(field.values.dtype, dtype):
            yield f"its values are {field.values.dtype}, those of the cube {dtype}"

    def _put(self, parcel: Parcel) -> None:
        """Pack fields and their coarser levels, and store them, some chunks at a time."""
        lot: Packed = {}
        size = 0
        for key, content in self._packed(parcel):
            lot[key] = content
            size += len(content or b"")
            if size >= LOT_BYTES:
                send(self.session.store, lot)
                lot, size = {}, 0
        send(self.session.store, lot)

    def _packed(self, parcel: Parcel) -> Iterator[tuple[str, bytes | None]]:
        """Yield the chunks of fields and of their coarser levels."""
        for field, place in parcel.values():
            variable, chunked = self._variables[field.variable], self._chunked[field.variable]
            values = np.asarray(field.values, variable.dtype).reshape(self._grid.shape)
            if variable.max_error is not None:
                values = rounded(values, variable.max_error)
            yield from _packed(chunked[""], place, values)
            if isinstance(self._grid, HealpixGrid):
                for grid, coarse in pyramid(values, self._grid, variable.pyramid, down_to=COARSEST_LEVEL):
                    yield from _packed(chunked[level_path(grid.level)], place, coarse)

    def _variable(self, name: str) -> VariableOutline:
        if name not in self._variables:
            self._variables[name] = self.snapshot.variable(name)
        return self._variables[name]

    def _maps(self, name: str) -> dict[str, zarr.Array[Any]]:
        """Return the arrays that hold a variable's maps, by the path of their group."""
        if name not in self._arrays:
            found = {path: self.snapshot.array(f"{path}/{name}".lstrip("/")) for path in self._map_paths()}
            for array in found.values():
                array.resize((self._room, *array.shape[1:]))
            self._arrays[name] = found
            self._chunked[name] = {path: ChunkedArray(array) for path, array in found.items()}
        return self._arrays[name]

    def _map_paths(self) -> list[str]:
        levels = self.snapshot.group.get(LEVELS)
        coarser = levels.group_keys() if isinstance(levels, zarr.Group) else ()
        return ["", *(level_path(int(level)) for level in coarser)]

    def _time_paths(self) -> list[str]:
        return [f"{path}/time".lstrip("/") for path in self._map_paths()]

    def _make_room(self, step: int) -> None:
        if step < self._room:
            return
        self._room = step + 1 + min(step - len(self.snapshot.times), MOST_ROOM_STEPS)
        for arrays in self._arrays.values():
            for array in arrays.values():
                array.resize((self._room, *array.shape[1:]))

    def _known(self, name: str, step: int | None = None) -> NDArray[np.uint64]:
        """Return the checksums of a variable, with room for a step."""
        if name not in self._checksums:
            self._checksums[name] = self.snapshot.checksums(name)
        known = self._checksums[name]
        if step is not None and step >= len(known):
            more = np.full((step + MOST_ROOM_STEPS - len(known), known.shape[1]), MISSING, np.uint64)
            known = self._checksums[name] = np.concatenate([known, more])
        return known

    def _reorder(self, order: NDArray[np.int64]) -> None:
        """Move the chunks of the new steps: only references change."""
        old = len(self.snapshot.times)
        place_of = {int(step): place for place, step in enumerate(order) if place >= old}
        step_at = {place: step for step, place in place_of.items()}

        def forward(index: Any) -> Any:  # noqa: ANN401 (as Icechunk has it)
            step, *others = index
            return None if step < old else [place_of[step], *others]

        def backward(index: Any) -> Any:  # noqa: ANN401
            step, *others = index
            return [step_at.get(step, step), *others]

        for name in {key.variable for key in self.stored}:
            for path in self._arrays[name]:
                self.session.reindex_array(f"/{path}/{name}".replace("//", "/"), forward, backward)

    def _write_checksums(self, name: str, order: NDArray[np.int64], steps: int) -> None:
        array = self.snapshot.array(f"{FIELDS}/{name}")
        array.resize((steps, *array.shape[1:]))
        changed = [key for key in self.stored if key.variable == name]
        if not changed:
            return
        known = self._known(name, steps - 1)[order]
        first = min(len(self.snapshot.times), *(self._index(key)[0] for key in changed))
        array[first:] = known[first:].reshape((steps - first, *array.shape[1:]))
        self._mark_late(name, changed)

    def _mark_late(self, name: str, changed: list[FieldKey]) -> None:
        """Note which of the changed fields lie in steps that the series have passed."""
        settled = self.snapshot.settled
        late = [self._index(key) for key in changed if self._index(key)[0] < settled]
        if late:
            array = self.snapshot.array(f"{LATE}/{name}")
            marks = np.asarray(array[:])
            marks[tuple(np.transpose(late))] = True
            array[:] = marks
            array.update_attributes({LATE_COUNT: int(marks.sum())})

    def _index(self, key: FieldKey) -> tuple[int, ...]:
        """Return where a stored field stands in the arrays of its variable."""
        step = self._steps[_seconds(key.time)]
        return (step,) if key.level is None else (step, self._levels[key.level])


def _seconds(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))


def _packed(
    chunked: ChunkedArray, place: tuple[int, ...], values: NDArray[np.floating]
) -> Iterator[tuple[str, bytes | None]]:
    """Yield the chunks of a map: its step and level are chunks of one."""
    first = (*place, *(0 for _ in values.shape))
    return chunked.packed(first, values[(np.newaxis,) * len(place)])


class _Outbox:
    """Parcels on their way, a few at a time; two of the same field one after the other."""

    def __init__(self, pool: ThreadPoolExecutor, at_once: int, deliver: Callable[[Parcel], None]) -> None:
        self._pool, self._deliver = pool, deliver
        self._free = threading.Semaphore(at_once)
        self._on_the_way: dict[Future[None], frozenset[FieldKey]] = {}

    def put(self, parcel: Parcel) -> None:
        """Send a parcel as soon as there is room; what failed meanwhile is raised here."""
        for delivery, keys in list(self._on_the_way.items()):
            if delivery.done() or not keys.isdisjoint(parcel):
                delivery.result()
                del self._on_the_way[delivery]
        self._free.acquire()
        delivery = self._pool.submit(self._try, parcel)
        delivery.add_done_callback(lambda _: self._free.release())
        self._on_the_way[delivery] = frozenset(parcel)

    def _try(self, parcel: Parcel) -> None:
        try:
            self._deliver(parcel)
        except BaseException as error:
            # An error keeps its frames, and they the fields, for whose memory the next may wait.
            del parcel
            traceback.clear_frames(error.__traceback__)
            raise

    def wait(self) -> None:
        """Return when everything is there."""
        for delivery in self._on_the_way:
            delivery.result()
