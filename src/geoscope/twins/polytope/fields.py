"""Whole fields as GRIB 2: read from cubes, encoded by a process of its own, passed on message by message."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson

from geoscope.errors import InvalidInputError, SetupError
from geoscope.mars.datasets import TwinParameter
from geoscope.twins.polytope.grib_grids import Packing, grid_of
from geoscope.twins.polytope.plan import Part

ENCODING_TIMEOUT_S = 120.0
END_TIMEOUT_S = 10.0


async def write_fields(parts: Sequence[Part]) -> AsyncIterator[bytes]:
    """Write fields as GRIB 2 messages: by dataset, time, level and parameter.

    Yields
    ------
    bytes
        One message.

    Raises
    ------
    InvalidInputError
        If the grid or a parameter cannot be written as GRIB.
    SetupError
        If the encoder does not work.
    """
    async with _encoder() as encoder:
        for part in parts:
            packing = await asyncio.to_thread(grid_of, part.cube.grid)
            for place in range(len(part.steps)):
                for level in range(len(part.levels)):
                    for parameter in part.parameters:
                        yield await _message(encoder, part, packing, place, level, parameter)


async def _message(
    encoder: asyncio.subprocess.Process,
    part: Part,
    packing: Packing,
    place: int,
    level: int,
    parameter: TwinParameter,
) -> bytes:
    field = await part.cube.field(parameter.variable, int(part.steps[place]), int(part.levels[level]))
    values = packing.arrange(field)
    described = _description(part, packing, place, level, parameter) | {"count": len(values)}
    try:
        async with asyncio.timeout(ENCODING_TIMEOUT_S):
            return await _encoded(encoder, described, values)
    except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        raise SetupError("The GRIB encoder does not work.", "Is ecCodes installed?") from error


async def _encoded(
    encoder: asyncio.subprocess.Process, described: dict[str, Any], values: "np.ndarray[Any, Any]"
) -> bytes:
    if encoder.stdin is None or encoder.stdout is None:
        raise ValueError("the encoder has no pipes")
    encoder.stdin.write(orjson.dumps(described) + b"\n")
    encoder.stdin.write(values.astype("<f4").tobytes())
    await encoder.stdin.drain()
    answer = orjson.loads(await encoder.stdout.readline())
    if "problem" in answer:
        raise InvalidInputError(
            f"param: {described['param']} cannot be written as GRIB 2: {answer['problem']}.",
            "A feature is answered as CoverageJSON.",
        )
    return await encoder.stdout.readexactly(answer["bytes"])


def _description(
    part: Part, packing: Packing, place: int, level: int, parameter: TwinParameter
) -> dict[str, Any]:
    """Return what the encoder has to know of a field."""
    if parameter.id is None:
        raise InvalidInputError(
            f"param: {parameter.short_name} has no number of ECMWF's and cannot be written as GRIB.",
            "A feature is answered as CoverageJSON.",
        )
    dataset = part.dataset
    base = dataset.base if dataset.base is not None else part.instants[place]
    number = dataset.keys.get("number", "")
    return {
        "keys": dict(dataset.written),
        "param": parameter.id,
        "levtype": dataset.keys.get("levtype", "sfc"),
        "level": float(part.level_values[level]) if part.has_levels else None,
        "date": int(str(base)[:10].replace("-", "")),
        "time": int(str(base)[11:16].replace(":", "")),
        "step": part.hours[place],
        "number": int(number) if number.isdigit() else None,
        "grid": packing.keys,
    }


@asynccontextmanager
async def _encoder() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "geoscope.twins.polytope.grib_encoder",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
        if process.stdin is not None:
            process.stdin.close()
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
