"""Chunks stay near one size, shards hold whole chunks and stay within their limit."""

import math

from hypothesis import given
from hypothesis import strategies as st

from geoscope.cubes.layout import CHUNK_STEPS, CHUNK_VALUES, SHARD_BYTES, layout_of

SIDES = st.integers(1, 5000)


@given(st.integers(1, 20_000), SIDES, SIDES, st.sampled_from([2, 4, 8]))
def test_chunks_and_shards_keep_their_limits(steps, rows, columns, value_bytes):
    layout = layout_of((steps, rows, columns), 0, (1, 2), value_bytes)
    assert layout.chunks[0] <= min(steps, CHUNK_STEPS)
    # Equal parts may be half as large again as asked along each of two sides.
    assert math.prod(layout.chunks) <= 2.25 * CHUNK_VALUES
    assert all(shard % chunk == 0 for shard, chunk in zip(layout.shards, layout.chunks, strict=True))
    assert math.prod(layout.shards) * value_bytes <= max(SHARD_BYTES, math.prod(layout.chunks) * value_bytes)
    for shard, chunk, length in zip(layout.shards, layout.chunks, (steps, rows, columns), strict=True):
        assert 1 <= chunk <= length
        assert shard < length + chunk


def test_ten_years_of_days_at_a_point_are_ten_small_chunks_of_one_object():
    layout = layout_of((3653, 96, 128), 0, (1, 2), 4)
    assert layout.chunks == (366, 16, 16)
    assert layout.shards[0] >= 3653


def test_single_map_is_one_chunk():
    assert layout_of((160, 256), None, (0, 1), 4).chunks == (160, 256)


def test_levels_are_kept_apart():
    layout = layout_of((100, 37, 200, 300), 0, (2, 3), 4)
    assert layout.chunks[1] == layout.shards[1] == 1
