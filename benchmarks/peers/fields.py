"""Fields that all stores of the benchmarks hold: smooth over the Earth and the year, noisy as a model's."""

import functools

import numpy as np
from numpy.typing import NDArray

SEED = 20200101
# Noise is dear to make: each day takes one of so many.
NOISES = 8


def daily_field(nside: int, day: int) -> NDArray[np.float32]:
    """Return 2 m temperature of a day in K on nested HEALPix, in steps of 1/128 K as packed output has it."""
    cells = 12 * nside**2
    season = 8.0 * np.cos(2 * np.pi * day / 365.25)
    field = 285.0 + season * np.cos(np.arange(cells) / cells * np.pi) + _noise(cells, day % NOISES)
    return (np.round(field * 128) / 128).astype(np.float32)


@functools.cache
def _noise(cells: int, number: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED + number).normal(0.0, 1.5, cells)
