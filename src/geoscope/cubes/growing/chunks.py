"""Whole chunks of an array, as the store has them: zarr's own way takes a millisecond of Python for each."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import zarr
from numcodecs.blosc import Blosc
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.codecs import BloscCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from geoscope.errors import InvalidInputError

type Index = tuple[int, ...]
# What is to be stored by key; None for what shall not be there.
type Packed = dict[str, bytes | None]

_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}


class ChunkedArray:
    """An array of floats of a growing cube, packed and unpacked chunk by chunk.

    Its chunks are shaped as the store says, and may be as old as they like; missing ones are NaN.

    Parameters
    ----------
    array : zarr.Array
        As `skeleton.py` made it.

    Attributes
    ----------
    chunks : tuple of int
        Shape of a chunk.
    dtype : numpy.dtype
        Of its values.
    """

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.chunks: Index = tuple(array.chunks)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        self._prefix = array.store_path.path
        self._key = array.metadata.encode_chunk_key
        self._codec = _codec(array)

    def key(self, index: Index) -> str:
        """Return the key of a chunk."""
        return f"{self._prefix}/{self._key(index)}"

    def pack(self, first: Index, values: NDArray[np.floating]) -> Packed:
        """Cut values into chunks, and compress each.

        Parameters
        ----------
        first : tuple of int
            Index of the chunk at which the values begin.
        values : ndarray
            In the array's type and with all of its dimensions; a last chunk that is not full is filled up.
        """
        return dict(self.packed(first, values))

    def packed(self, first: Index, values: NDArray[np.floating]) -> Iterator[tuple[str, bytes | None]]:
        """Yield the chunks that `pack` returns one by one, as they are compressed."""
        counts = [math.ceil(length / chunk) for length, chunk in zip(values.shape, self.chunks, strict=True)]
        for offset in product(*map(range, counts)):
            cut = tuple(
                slice(at * chunk, (at + 1) * chunk) for at, chunk in zip(offset, self.chunks, strict=True)
            )
            index = tuple(start + at for start, at in zip(first, offset, strict=True))
            yield self.key(index), self._compressed(values[cut])

    def unpack(self, content: bytes) -> NDArray[np.floating]:
        """Return the values of a chunk, with all of its dimensions."""
        return np.frombuffer(self._codec.decode(content), self.dtype).reshape(self.chunks)

    def _compressed(self, part: NDArray[np.floating]) -> bytes | None:
        if math.isnan(part.flat[0]) and np.isnan(part).all():
            return None
        if part.shape != self.chunks:
            whole = np.full(self.chunks, np.nan, self.dtype)
            whole[tuple(slice(length) for length in part.shape)] = part
            part = whole
        return bytes(self._codec.encode(np.ascontiguousarray(part)))


def send(store: Store, packed: Mapping[str, bytes | None]) -> None:
    """Store chunks, all at once; return when the last is there."""
    sync(_send(store, packed))


def fetch(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """Return the contents of chunks in the order of their keys, None for those that are not there."""
    return sync(_fetch(store, keys))


def shorten(array: zarr.Array[Any], length: int) -> None:
    """Take room away that was not used; zarr would delete each chunk of it, though none is there."""
    sync(array.async_array.resize((length, *array.shape[1:]), delete_outside_chunks=False))


async def _send(store: Store, packed: Mapping[str, bytes | None]) -> None:
    buffer = default_buffer_prototype().buffer

    async def one(key: str, content: bytes | None) -> None:
        if content is None:
            await store.delete(key)
        else:
            await store.set(key, buffer.from_bytes(content))

    await asyncio.gather(*(one(key, content) for key, content in packed.items()))


async def _fetch(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    prototype = default_buffer_prototype()

    async def one(key: str) -> bytes | None:
        found = await store.get(key, prototype)
        return None if found is None else found.to_bytes()

    return await asyncio.gather(*map(one, keys))


def _codec(array: zarr.Array[Any]) -> Blosc:
    compressors = array.compressors
    if len(compressors) != 1 or not isinstance(compressors[0], BloscCodec) or array.shards is not None:
        raise InvalidInputError(f"The array {array.path!r} is not packed as a growing cube packs its own.")
    said: Any = compressors[0].to_dict()["configuration"]
    return Blosc(said["cname"], said["clevel"], _SHUFFLES[said["shuffle"]], said["blocksize"])
