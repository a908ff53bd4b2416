"""Regridding and HEALPix fields, beside healpy."""

import healpy
import numpy as np

from benchmarks.measure import table, take_turns
from geoscope.cubes.coarsening import Coarsening
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.pyramid import pyramid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.ring_order import ring_to_nested
from geoscope.cubes.sampling import Sampling

ROUNDS = 15
LEVEL = 10
NSIDE = 2**LEVEL


def measure() -> str:
    source = HealpixGrid(LEVEL)
    target = RectilinearGrid(np.arange(0, 360, 0.25), np.linspace(90, -90, 721), ("latitude", "longitude"))
    field = np.random.default_rng(0).normal(size=source.shape).astype("float32")
    places = target.centres()
    longitude, latitude = np.broadcast_arrays(*places)
    nearest, bilinear = Sampling.nearest(source, *places), Sampling.bilinear(source, *places)
    cells, weights = healpy.get_interp_weights(
        NSIDE, longitude.ravel(), latitude.ravel(), nest=True, lonlat=True
    )[:2]
    sampled = take_turns(
        {
            "nearest, healpy": lambda: field[
                healpy.ang2pix(NSIDE, longitude, latitude, nest=True, lonlat=True)
            ],
            "nearest, weights and values": lambda: Sampling.nearest(source, *places).apply(field),
            "nearest, weights known": lambda: nearest.apply(field),
            "bilinear, healpy": lambda: healpy.get_interp_val(
                field, longitude, latitude, nest=True, lonlat=True
            ),
            "bilinear, weights and values": lambda: Sampling.bilinear(source, *places).apply(field),
            "bilinear, healpy, weights known": lambda: (field[cells] * weights).sum(axis=0),
            "bilinear, weights known": lambda: bilinear.apply(field),
        },
        ROUNDS,
    )
    gaps = field.copy()
    gaps[::3] = np.nan
    orders = take_turns(
        {
            "ring to nested, healpy": lambda: healpy.reorder(field, r2n=True),
            "ring to nested": lambda: ring_to_nested(field),
            "one level up, healpy": lambda: healpy.ud_grade(
                field, NSIDE // 2, order_in="NEST", order_out="NEST"
            ),
            "all ten levels": lambda: list(pyramid(field, source)),
            "all ten levels, a third missing": lambda: list(pyramid(gaps, source)),
        },
        ROUNDS,
    )
    return f"""## Regridding

One float32 field on HEALPix nside {NSIDE} ({source.shape[0]:,} cells) to a quarter of a degree (1,038,240
places), {ROUNDS} rounds, in process. healpy's values and ours are the same: bilinear to 1e-6.

{table(sampled, "nearest, healpy")}

The same field from ring to nested order, and its coarser levels.

{table(orders, "ring to nested, healpy")}

{_conservative()}"""


def _conservative() -> str:
    source = RectilinearGrid(np.arange(0, 360, 1.0), np.linspace(90, -90, 181), ("latitude", "longitude"))
    target = HealpixGrid(5)
    weights = Coarsening.between(source, target)
    field = np.random.default_rng(0).normal(size=source.shape).astype("float32")
    timings = take_turns(
        {
            "weights": lambda: Coarsening.between(source, target),
            "values": lambda: weights.apply(field),
        },
        5,
        1,
    )
    return f"""Conservative, one degree (65,160 cells) to HEALPix nside 32: the weights are found once.

{table(timings, "weights")}"""
