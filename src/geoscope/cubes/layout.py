"""How a cube is cut into chunks and shards, so that a series at a point and a map of a time are both quick.

A chunk is what one read decodes; a shard is one object of the store, holding many chunks. A series wants
chunks long in time, a map wants them wide in space: a chunk of a year of days by 256 cells keeps ten years
at a point at ten small reads, and costs a map a tenth of a second at worst (`docs/cubes.md` has the figures).
"""

import math
from dataclasses import dataclass

CHUNK_VALUES = 366 * 256
CHUNK_STEPS = 366
SHARD_BYTES = 64 * 1024**2
# From so many cells on a block of a growing cube's series has chunks of four times as many cells: each of
# them is an object, and nside 1024 would have 49,152.
MANY_CELLS = 2**21
# A map of a growing cube is cut into chunks of up to 1 MiB in float32.
MAP_CHUNK_VALUES = 256 * 1024


@dataclass(frozen=True)
class Layout:
    """Shapes of chunks and shards, in the order of the array's dimensions."""

    chunks: tuple[int, ...]
    shards: tuple[int, ...]


def layout_of(shape: tuple[int, ...], time: int | None, space: tuple[int, ...], value_bytes: int) -> Layout:
    """Choose chunks and shards for an array.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    time : int or None
        Position of the time dimension.
    space : tuple of int
        Positions of the horizontal dimensions. Any other dimension (levels) gets chunks of one.
    value_bytes : int
        Size of a value.
    """
    chunks = [1] * len(shape)
    if time is not None:
        chunks[time] = even_part(shape[time], CHUNK_STEPS)
    cells = CHUNK_VALUES // (chunks[time] if time is not None else 1)
    for length, position in zip(near_square([shape[p] for p in space], cells), space, strict=True):
        chunks[position] = length
    shards = list(chunks)
    # First all of time, so that a series needs one object; then space, the last dimension first.
    for position in ([time] if time is not None else []) + sorted(space, reverse=True):
        room = SHARD_BYTES // (math.prod(shards) * value_bytes)
        count = math.ceil(shape[position] / chunks[position])
        shards[position] = chunks[position] * max(1, min(count, room))
    return Layout(tuple(chunks), tuple(shards))


def map_chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Cut a map for being read whole: some of its rows, each of them whole."""
    rows = max(1, MAP_CHUNK_VALUES // math.prod(shape[1:]))
    return (even_part(shape[0], rows), *shape[1:])


def series_chunks(shape: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """Cut a map for being read at a place over `steps` steps at once."""
    values = CHUNK_VALUES * (4 if math.prod(shape) > MANY_CELLS else 1)
    return tuple(near_square(list(shape), max(1, values // steps)))


def even_part(length: int, most: int) -> int:
    """Return the size of the fewest equal parts of at most `most`."""
    return math.ceil(length / math.ceil(length / most))


def near_square(lengths: list[int], cells: int) -> list[int]:
    """Cut a rectangle into equal parts of about `cells` cells, as square as its sides allow."""
    parts = [0] * len(lengths)
    left = max(cells, 1)
    # A side shorter than the square's lends its room to the others.
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for rank, index in enumerate(order):
        side = max(1, round(left ** (1 / (len(order) - rank))))
        parts[index] = even_part(lengths[index], side)
        left = max(1, left // parts[index])
    return parts
