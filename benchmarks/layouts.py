"""How a twin's values are cut into chunks: a series and a map, read from every layout that was thought of."""

import itertools
import time

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec, ShardingCodec

from benchmarks.measure import Timing, take_turns
from benchmarks.running import Bench
from benchmarks.twin_cubes import plain_store

DAYS, CELLS = 3653, 12_288
ROUNDS = 15
# Chunk, and shard or None: steps by cells.
LAYOUTS: dict[str, tuple[tuple[int, int], tuple[int, int] | None]] = {
    "one map": ((1, CELLS), None),
    "366 x 256, shards 366 x all": ((366, 256), (366, CELLS)),
    "366 x 1024": ((366, 1024), None),
    "366 x 256": ((366, 256), None),
    "1024 x 128": ((1024, 128), None),
}


def measure(bench: Bench, days: int = DAYS) -> str:
    generator = np.random.default_rng(0)
    course = 280 + 10 * np.sin(np.arange(days) * 2 * np.pi / 365)[:, None]
    values = (np.round((course + generator.normal(0, 2, (days, CELLS))) * 64) / 64).astype("float32")
    arrays, written = {}, {}
    for name, (chunks, shards) in LAYOUTS.items():
        arrays[name] = _create(bench, name, values.shape, chunks, shards)
        started = time.perf_counter()
        arrays[name][:] = values
        written[name] = time.perf_counter() - started
        np.testing.assert_array_equal(arrays[name][:, 5], values[:, 5])
    steps = itertools.cycle(range(3, days, 367))
    cells = itertools.cycle(range(7, CELLS, 1031))
    maps = take_turns({name: (lambda a=array: a[next(steps)]) for name, array in arrays.items()}, ROUNDS)
    # A series of the map layout reads everything: fewer rounds.
    series = take_turns({name: (lambda a=array: a[:, next(cells)]) for name, array in arrays.items()}, 5, 1)
    rows = [_row(name, s, m, written[name]) for name, s, m in zip(LAYOUTS, series, maps, strict=True)]
    return f"""## Layouts of a twin

{days} steps x {CELLS} cells of float32 ({values.nbytes / 1e6:.0f} MB) in the object store, read by Zarr with
nothing kept. A growing cube keeps the first for maps and `366 x 256` for series: none is quick for both on a
large grid.

| chunk | series, ms | map, ms | write, s |
| --- | ---: | ---: | ---: |
{"\n".join(rows)}"""


def _create(
    bench: Bench, name: str, shape: tuple[int, ...], chunks: tuple[int, int], shards: tuple[int, int] | None
) -> zarr.Array:
    blosc = BloscCodec(typesize=4, cname="zstd", clevel=1, shuffle="bitshuffle")
    sharding = ShardingCodec(
        chunk_shape=chunks, codecs=[BytesCodec(), blosc], subchunk_write_order="colexicographic"
    )
    packed = {"serializer": sharding, "compressors": None} if shards else {"compressors": [blosc]}
    group = zarr.open_group(plain_store(bench, f"layouts/{name.replace(' ', '')}"), mode="w")
    return group.create_array(
        "2t", shape=shape, chunks=shards or chunks, dtype="float32", fill_value=np.nan, **packed
    )


def _row(name: str, series: Timing, one_map: Timing, write_s: float) -> str:
    return f"| {name} | {series.median_ms:.1f} | {one_map.median_ms:.1f} | {write_s:.1f} |"
