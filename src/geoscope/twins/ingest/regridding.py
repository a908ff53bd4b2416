"""Fields on their way to HEALPix: which method fits, from which grid, with weights that are found once."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.coarsening import Coarsening
from geoscope.cubes.grid import Grid
from geoscope.cubes.healpix import HealpixGrid, cells_on_earth
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.regridding import RegriddingMethod
from geoscope.cubes.sampling import Sampling
from geoscope.cubes.scattered import ScatteredGrid
from geoscope.errors import InvalidInputError
from geoscope.twins.ingest.described_grids import Description, grid_name, grid_of

# Cells that are so much larger than the source's take its mean; others are interpolated.
MEAN_FROM = 1.5
# Conservative means from cells that are so much larger than the target's are steps, at a high price.
FINEST_CONSERVATIVE = 2
FAR_FINER = 4
# Weights of a large grid take hundreds of megabytes; fields come grid by grid.
KEPT_WEIGHTS = 2
CELLS_AT_ONCE = 1 << 20
# A smaller share of the Earth is stored as the cells of a region.
SHARE_OF_A_REGION = 0.5
GLOBAL_LATITUDES = 170.0

ALONG_THE_AXES = ("x_", "y_", "grid_eastward_", "grid_northward_")
EAST_AND_NORTH = ("eastward_", "northward_")

type Facts = Mapping[str, str]


class Regridder:
    """Brings fields of any grid to one level of HEALPix; threads may share it.

    Parameters
    ----------
    level : int
        Refinement level.
    method : str, optional
        By default the mean of a coarser grid's cells (`conservative`), else `bilinear`; `nearest` from places
        without order.
    """

    def __init__(self, level: int, method: RegriddingMethod | None = None) -> None:
        self._level, self._method = level, method
        self._known: dict[str, Regridding | None] = {}
        self._weights: OrderedDict[tuple[str, str], Sampling | Coarsening] = OrderedDict()
        self._lock = Lock()

    def regridding(self, key: str, description: Description) -> "Regridding | None":
        """Return the way from a described grid; None if it is the wanted one already.

        Parameters
        ----------
        key : str
            The same for the same description.
        description : dict
            Of the fields' grid.

        Raises
        ------
        InvalidInputError
            If the method cannot be used with that grid, or no cell of the level lies in it.
        """
        if key not in self._known:
            self._known[key] = self._way(key, description)
        return self._known[key]

    def weights(self, way: "Regridding", method: RegriddingMethod) -> Sampling | Coarsening:
        """Return the weights of a way by a method; those that were used last are kept."""
        with self._lock:
            place = way.key, method
            if place not in self._weights:
                while len(self._weights) >= KEPT_WEIGHTS:
                    self._weights.popitem(last=False)
                self._weights[place] = _find_weights(way.source, way.target, method)
            self._weights.move_to_end(place)
            return self._weights[place]

    def _way(self, key: str, description: Description) -> "Regridding | None":
        source = grid_of(description)
        if isinstance(source, HealpixGrid) and source.level == self._level:
            return None
        method = self._method or _fitting_method(source, HealpixGrid(self._level))
        _require_possible(source, HealpixGrid(self._level), method)
        ranges = _ranges_within(source, self._level)
        target: Description = {"kind": "healpix", "level": self._level}
        if ranges is not None:
            target["ranges"] = ranges
        return Regridding(key, _described(source, description), source, method, target, self)


@dataclass(frozen=True, eq=False)
class Regridding:
    """The way from one grid to HEALPix.

    Attributes
    ----------
    key : str
        Of the source's description.
    source_name : str
        The source in words: kind, size, box.
    source : Grid
        The grid that the files have.
    method : str
        For all variables but codes and directions, of which a mean is none: these are taken from the nearest.
    description : dict
        Of the target.
    """

    key: str
    source_name: str
    source: Grid
    method: RegriddingMethod
    description: Description
    _regridder: Regridder

    @cached_property
    def target(self) -> HealpixGrid:
        """The grid that the fields get."""
        grid = grid_of(self.description)
        assert isinstance(grid, HealpixGrid)  # noqa: S101 (described so)
        return grid

    @property
    def provenance(self) -> dict[str, str]:
        """What the store and the catalogue say of it."""
        return {"geoscope:regridded_from": self.source_name, "geoscope:regridded_by": self.method}

    def method_of(self, facts: Facts) -> RegriddingMethod:
        """Return by which method a variable is regridded."""
        return "nearest" if _is_category(facts) or _is_direction(facts) else self.method

    def check(self, facts: Facts) -> None:
        """Raise `InvalidInputError` if a variable cannot be regridded."""
        if "area: sum" in facts.get("cell_methods", ""):
            raise InvalidInputError(
                f"{facts['name']} holds sums over cells: on other cells they would be others."
            )

    def apply(self, values: NDArray[np.floating], facts: Facts) -> NDArray[np.floating]:
        """Return a field (cells,) of a variable on the target, in the same precision."""
        weights = self._regridder.weights(self, self.method_of(facts))
        regridded = weights.apply(values.reshape(self.source.shape))
        return regridded.astype(values.dtype, copy=False)

    def warnings(self, variables: Mapping[str, Facts]) -> list[str]:
        """Return what whoever asked should know before they use the fields, by sentences."""
        told = []
        finer = self.source.cell_size / self.target.cell_size
        if finer > FAR_FINER:
            fitting = max(0, round(math.log2(HealpixGrid(0).cell_size / self.source.cell_size)))
            told.append(
                f"HEALPix level {self.target.level} (cells of {self.target.cell_size:.2g} degrees) is far "
                f"finer than {self.source_name} (cells of {self.source.cell_size:.2g} degrees): that makes "
                f"the fields larger, not more detailed. Level {fitting} is about as fine."
            )
        axes = (*ALONG_THE_AXES, *(EAST_AND_NORTH if "rotated" in self.source_name else ()))
        components = sorted(
            n for n, each in variables.items() if each.get("standard_name", "").startswith(axes)
        )
        if components and isinstance(self.source, ProjectedGrid):
            told.append(
                f"{', '.join(components)}: components of vectors are not turned. Where the file has them "
                "along the axes of its own grid, they stay so."
            )
        return told


def _find_weights(source: Grid, target: HealpixGrid, method: RegriddingMethod) -> Sampling | Coarsening:
    if method == "conservative":
        return Coarsening.between(source, target)
    find = Sampling.bilinear if method == "bilinear" else Sampling.nearest
    return find(source, *target.centres())


def _fitting_method(source: Grid, target: HealpixGrid) -> RegriddingMethod:
    if isinstance(source, ScatteredGrid):
        return "nearest"
    return "conservative" if target.cell_size >= MEAN_FROM * source.cell_size else "bilinear"


def _require_possible(source: Grid, target: HealpixGrid, method: RegriddingMethod) -> None:
    if method != "nearest" and isinstance(source, ScatteredGrid):
        raise InvalidInputError(
            f"The grid is places without order, from which {method} is not possible.",
            "Expected the method nearest.",
        )
    if method == "conservative" and target.cell_size * FINEST_CONSERVATIVE < source.cell_size:
        raise InvalidInputError(
            f"Conservative regridding is for cells that are not finer: those of HEALPix level {target.level} "
            f"have {target.cell_size:.2g} degrees, the source's {source.cell_size:.2g}.",
            "Expected a coarser level, or the method bilinear or nearest.",
        )


def _ranges_within(source: Grid, level: int) -> list[tuple[int, int]] | None:
    """Return the ranges of ids of the cells whose centres lie in a region; None for most of the Earth."""
    box = source.bounds
    if (box.west, box.east) == (-180.0, 180.0) and box.north - box.south >= GLOBAL_LATITUDES:
        return None
    everything, number = HealpixGrid(level), cells_on_earth(level)
    parts = []
    for start in range(0, number, CELLS_AT_ONCE):
        ids = np.arange(start, min(start + CELLS_AT_ONCE, number))
        parts.append(ids[source.locate(*everything.cell_centre(ids)) >= 0])
    inside = np.concatenate(parts)
    if not len(inside):
        raise InvalidInputError(
            f"No cell of HEALPix level {level} has its centre in the grid of the files.",
            "Expected a finer level.",
        )
    if len(inside) >= SHARE_OF_A_REGION * number:
        return None
    cuts = np.flatnonzero(np.diff(inside) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(inside, cuts)]


def _described(source: Grid, description: Description) -> str:
    kind = str(description["kind"])
    if kind == "cf":
        kind = type(source).__name__.removesuffix("Grid").lower()
    words = "latitudes and longitudes" if kind == "rectilinear" else kind.replace("_", " ")
    west, south, east, north = (f"{edge:.4g}" for edge in source.bounds)
    return f"{words} {grid_name(description)} ({west} to {east} east, {south} to {north} north)"


def _is_category(facts: Facts) -> bool:
    """Tell whether values are codes: by CF's flags, or as ecCodes says it."""
    return bool(facts.get("categories")) or "code table" in facts.get("unit", "").lower()


def _is_direction(facts: Facts) -> bool:
    """Tell whether values are angles that go round, of which a mean of 359 and 1 would be wrong."""
    named = f"{facts.get('standard_name', '')} {facts.get('title', '')}".lower()
    return facts.get("unit", "").lower().startswith("deg") and "direction" in named
