"""The bytes of an answer, in any form: a stream whose first piece is made before it is promised."""

import asyncio
import io
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from geoscope.cuts.coveragejson import coverage_json
from geoscope.cuts.cutting import Cut
from geoscope.cuts.estimates import PACE
from geoscope.cuts.forms import Form
from geoscope.cuts.netcdf import write_netcdf
from geoscope.cuts.room import room_needed
from geoscope.cuts.table import csv_table, write_parquet
from geoscope.cuts.zarr_archive import zarr_archive

PIECE_BYTES = 256 * 1024
# Values of a file that is made in memory: it takes some megabytes.
MOST_IN_MEMORY = 512 * 1024
# Forms that are made whole before their first piece leaves.
_FILES = (Form.NETCDF, Form.PARQUET)
# What the first pieces, with the first values, may take in memory.
_FIRST_BYTES = 64 * 1024

type Pieces = AsyncIterator[bytes]


def pieces_of(cuts: Sequence[Cut], form: Form, title: str) -> Pieces:
    """Yield the answer to a question, reading as it goes; whoever stops to ask for pieces stops the reading.

    NetCDF and Parquet end with what is only known then, or are written back and forth: they are made in
    memory if they are small, else in a temporary file, which is gone when the last piece was yielded or
    nobody wants it any more.
    """
    if form is Form.COVERAGE_JSON:
        return coverage_json(cuts)
    if form is Form.CSV:
        return csv_table(cuts)
    if form is Form.ZARR:
        return zarr_archive(cuts, title)
    return _from_file(cuts, form, title)


async def write_answer(cuts: Sequence[Cut], form: Form, title: str, path: Path) -> None:
    """Write the answer to a question to a file.

    Raises
    ------
    UnavailableError
        If the disk is full.
    """
    with room_needed():
        if form in _FILES:
            await _write_file(cuts, form, title, path)
            return
        with path.open("wb") as file:
            async for piece in pieces_of(cuts, form, title):
                await asyncio.to_thread(file.write, piece)


async def begun(pieces: Pieces, cuts: Sequence[Cut]) -> Pieces:
    """Return an answer whose beginning was made: what goes wrong until then is still an error document.

    Pieces are joined to some kilobytes at least, and the pace is learnt from how long they took.
    """
    started = time.monotonic()
    first = bytearray()
    async for piece in pieces:
        first += piece
        if len(first) >= _FIRST_BYTES:
            break

    async def rest() -> Pieces:
        async with aclosing(pieces):  # type: ignore[type-var]  # they are generators
            held = first
            async for piece in pieces:
                held += piece
                if len(held) >= _FIRST_BYTES:
                    yield bytes(held)
                    held = bytearray()
            if held:
                yield bytes(held)
        PACE.learn(cuts, started)

    return rest()


async def _from_file(cuts: Sequence[Cut], form: Form, title: str) -> Pieces:
    if sum(cut.value_count for cut in cuts) <= MOST_IN_MEMORY:
        made = io.BytesIO()
        await _write_file(cuts, form, title, made)
        content = made.getbuffer()
        for start in range(0, len(content), PIECE_BYTES):
            yield bytes(content[start : start + PIECE_BYTES])
        return
    with tempfile.TemporaryDirectory(prefix="geoscope-cut-") as folder:
        path = Path(folder) / "answer"
        await write_answer(cuts, form, title, path)
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece


async def _write_file(cuts: Sequence[Cut], form: Form, title: str, target: Path | BinaryIO) -> None:
    if form is Form.NETCDF:
        await write_netcdf(cuts, target, title)
    else:
        await write_parquet(cuts, target)
