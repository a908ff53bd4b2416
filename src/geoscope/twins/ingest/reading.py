"""The fields of a plan, decoded by several processes at once, within a bound of memory."""

import queue
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from geoscope.twins.ingest.answers import Decoded, DecodeTask, Failed, SetAside, Source, Wanted
from geoscope.twins.ingest.decoders import Decoder, DecoderDiedError, DecoderPool
from geoscope.twins.ingest.findings import Aside, Findings
from geoscope.twins.ingest.plan import Batch, PlannedVariable

# Small fields are asked for many at a time.
PARCEL_BYTES = 8 * 1024**2
PARCEL_FIELDS = 200
# Decoded and not yet taken.
WAITING_BYTES = 32 * 1024**2
MOST_WAITING = 512
# What all decoders hold together.
DECODER_BYTES = 256 * 1024**2
# Fields of this size stay where they were decoded until they are let go: to copy them costs more.
LENT_FROM_BYTES = 4 * 1024**2
LENT_BYTES = 256 * 1024**2
MOST_LENT = 3
POLL_S = 0.2


@dataclass(frozen=True)
class DecodedField:
    """A field with its values, which nobody else writes to while they are referred to.

    Those of a large field are lent: whoever keeps some waits in vain for the next.
    """

    row: int
    variable: PlannedVariable
    time: np.datetime64
    level: float | None
    values: NDArray[np.floating]


@dataclass(frozen=True)
class _Parcel:
    """Fields of one source that a process decodes in one go."""

    source: Source
    rows: list[int]
    wanted: list[Wanted]

    def at(self, start: int) -> "_Parcel":
        """Return it with all places moved."""
        return replace(
            self, wanted=[msgspec.structs.replace(each, place=start + each.place) for each in self.wanted]
        )


class _Slots:
    """Parts of a decoder's memory: taken to decode into, and lent with the values until those are let go."""

    def __init__(self, count: int, size: int) -> None:
        self._free = queue.SimpleQueue[int]()
        for number in range(count):
            self.give_back(number * size)

    def take(self, stop: threading.Event) -> int | None:
        """Return where a free part starts, as soon as there is one; None when told to stop."""
        while not stop.is_set():
            with suppress(queue.Empty):
                return self._free.get(timeout=POLL_S)
        return None

    def give_back(self, start: int) -> None:
        """Free a part."""
        self._free.put(start)

    def lend(self, start: int, values: NDArray[np.floating]) -> None:
        """Free a part as soon as nobody refers to the values in it."""
        weakref.finalize(values, self.give_back, start).atexit = False


class FieldReader:
    """Reads fields by several decoders at once.

    Parameters
    ----------
    pool : DecoderPool
        The decoders; of large fields fewer are used than there are.
    findings : Findings
        What the sources hold; what cannot be read is set aside there.
    largest_field : int
        Bytes of the largest field that will be asked for.
    """

    def __init__(self, pool: DecoderPool, findings: Findings, largest_field: int) -> None:
        self._pool, self._findings = pool, findings
        # A process holds some three times a field, and its thread here once more.
        self._decoders = max(1, min(pool.size, DECODER_BYTES // (4 * max(largest_field, 1))))
        self._slot_bytes = _aligned(max(PARCEL_BYTES, largest_field))
        room = LENT_BYTES // (self._decoders * self._slot_bytes)
        self._slots = max(1, min(MOST_LENT, room)) if largest_field >= LENT_FROM_BYTES else 1
        self._all_slots: dict[Decoder, _Slots] = {}

    def read(self, batch: Batch, columns: dict[str, NDArray[Any]]) -> Iterator[DecodedField]:
        """Yield the fields of a batch as they are decoded, about in their order.

        Parameters
        ----------
        batch : Batch
            Which fields.
        columns : dict
            The columns of the findings.
        """
        parcels = queue.SimpleQueue[_Parcel]()
        for parcel in _parcels(batch, columns, self._findings):
            parcels.put(parcel)
        most = max(1, min(MOST_WAITING, WAITING_BYTES // batch.repository.field_bytes))
        ready: queue.Queue[DecodedField | BaseException | None] = queue.Queue(most)
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._work, args=(number, batch, columns, parcels, ready, stop))
            for number in range(min(self._decoders, parcels.qsize()))
        ]
        for thread in threads:
            thread.start()
        try:
            left = len(threads)
            while left:
                found = ready.get()
                if isinstance(found, BaseException):
                    raise found
                if found is None:
                    left -= 1
                else:
                    yield found
                    del found
        finally:
            stop.set()
            for thread in threads:
                while thread.is_alive():
                    with suppress(queue.Empty):
                        ready.get_nowait()
                    thread.join(POLL_S / 10)

    def _work(
        self,
        number: int,
        batch: Batch,
        columns: dict[str, NDArray[Any]],
        parcels: "queue.SimpleQueue[_Parcel]",
        ready: "queue.Queue[Any]",
        stop: threading.Event,
    ) -> None:
        """Decode parcel after parcel with one process, until none is left."""
        try:
            while not stop.is_set():
                try:
                    parcel = parcels.get_nowait()
                except queue.Empty:
                    break
                decoder, slots = self._decoder(parcel.source.family, number)
                start = slots.take(stop)
                if start is not None:
                    self._decode(parcel.at(start), start, decoder, slots, batch, columns, ready, stop)
        except BaseException as error:  # noqa: BLE001 (told to the thread that reads)
            ready.put(error)
        finally:
            ready.put(None)

    def _decode(
        self,
        parcel: _Parcel,
        start: int,
        decoder: Decoder,
        slots: _Slots,
        batch: Batch,
        columns: dict[str, NDArray[Any]],
        ready: "queue.Queue[Any]",
        stop: threading.Event,
    ) -> None:
        """Decode a parcel into a part of the memory, which is free again when this or the values are gone."""
        is_lent = False
        try:
            for row, found in decode(decoder, parcel, self._findings):
                values = found
                if found.nbytes >= LENT_FROM_BYTES and len(parcel.rows) == 1:
                    slots.lend(start, values)
                    is_lent = True
                else:
                    values = found.copy()
                variable = batch.repository.variables[int(columns["kind"][row])]
                field = DecodedField(
                    row=row,
                    variable=variable,
                    time=np.datetime64(int(columns["time"][row]), "s"),
                    level=None if np.isnan(columns["level"][row]) else float(columns["level"][row]),
                    values=batch.repository.on_its_grid(variable, values),
                )
                ready.put(field)
                if stop.is_set():
                    return
        finally:
            if not is_lent:
                slots.give_back(start)

    def _decoder(self, family: str, number: int) -> tuple[Decoder, _Slots]:
        decoder = self._pool.decoder(family, number)
        if decoder not in self._all_slots:
            decoder.make_room(self._slots * self._slot_bytes)
            self._all_slots[decoder] = _Slots(self._slots, self._slot_bytes)
        return decoder, self._all_slots[decoder]


def decode(
    decoder: Decoder, parcel: _Parcel, findings: Findings
) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """Yield rows with their values as they lie in the decoder's memory.

    A field at which the process dies is set aside, and the rest goes on.
    """
    position = 0
    while position < len(parcel.wanted):
        wanted = parcel.wanted[position:]
        try:
            for answer in decoder.answers(DecodeTask(parcel.source, wanted)):
                row, one = parcel.rows[position], parcel.wanted[position]
                position += 1
                match answer:
                    case Decoded():
                        yield row, decoder.values(one.place, one.cells, one.dtype)
                    case SetAside(offset, length, reason):
                        findings.aside(Aside(parcel.source.name, offset, length, reason))
                    case Failed(reason):
                        for each in parcel.wanted[position - 1 :]:
                            findings.aside(Aside(parcel.source.name, each.offset, each.length, reason))
                        return
                    case _:
                        pass
        except DecoderDiedError:
            if position < len(parcel.wanted):
                lost = parcel.wanted[position]
                reason = "The program that decodes it stopped at it."
                findings.aside(Aside(parcel.source.name, lost.offset, lost.length, reason))
                position += 1


def _parcels(batch: Batch, columns: dict[str, NDArray[Any]], findings: Findings) -> Iterator[_Parcel]:
    """Cut the fields of a batch into runs of the same source."""
    repository = batch.repository
    rows = batch.rows
    most = max(1, min(PARCEL_FIELDS, PARCEL_BYTES // repository.decoded_bytes))
    sources = columns["source"][rows]
    cuts = np.flatnonzero(np.diff(sources)) + 1
    for start, stop in pairwise([0, *cuts.tolist(), len(rows)]):
        for first in range(start, stop, most):
            chosen = rows[first : min(first + most, stop)].tolist()
            yield _Parcel(
                source=findings.sources[int(sources[first])],
                rows=chosen,
                wanted=list(_wanted(batch, columns, findings, chosen)),
            )


def _wanted(
    batch: Batch, columns: dict[str, NDArray[Any]], findings: Findings, rows: Sequence[int]
) -> Iterator[Wanted]:
    place = 0
    for row in rows:
        kind = int(columns["kind"][row])
        dtype = batch.repository.variables[kind].dtype
        yield Wanted(
            offset=int(columns["offset"][row]),
            length=int(columns["length"][row]),
            part=findings.kinds[kind].part or str(int(columns["part"][row])),
            place=place,
            cells=batch.repository.decoded_cells,
            dtype=dtype,
        )
        place += _aligned(batch.repository.decoded_cells * np.dtype(dtype).itemsize, 64)


def _aligned(size: int, to: int = 4096) -> int:
    return -(-size // to) * to
