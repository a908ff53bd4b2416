"""Fields that all stores of the benchmarks hold: smooth over the Earth and the year, noisy as a model's."""

import numpy as np
from numpy.typing import NDArray

SEED = 20200101


def daily_field(nside: int, day: int) -> NDArray[np.float32]:
    """Return 2 m temperature of a day in K on nested HEALPix, 16 bits of it as GRIB keeps them.

    Of each field the first values differ only by the day and the cell, so two stores can be compared.
    """
    cells = 12 * nside**2
    noise = np.random.default_rng(SEED + day).normal(0.0, 1.5, cells)
    season = 8.0 * np.cos(2 * np.pi * day / 365.25)
    field = 285.0 + season * np.cos(np.arange(cells) / cells * np.pi) + noise
    return (np.round(field * 128) / 128).astype(np.float32)
