"""One value for a whole region, made beside the data: mean, minimum, maximum or sum of its cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.coarsening import cell_areas
from geoscope.cubes.grid import Bounds, Cells, Degrees, Grid
from geoscope.cubes.longitudes import covering_arc
from geoscope.cubes.sphere import unit_vectors
from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.regions import Selection
from geoscope.errors import InvalidInputError

# Cells become narrow towards a pole; there an arc that is a little too wide does no harm.
_NARROWEST = 0.01


@dataclass(frozen=True)
class Aggregation:
    """How the cells of a region become one value.

    Attributes
    ----------
    method : Aggregate
        Which.
    cells : ndarray of int64, shape (n,)
        The cells that count, each place once.
    areas : ndarray of float64, shape (n,), or None
        Their areas in steradians; None where the grid does not know them.
    place : Selection
        The one place that stands for the region in an answer: the centre of the cells.
    box : Bounds
        The box around the cells, with west < place < east: over the date line it goes beyond 180 degrees.
    """

    method: Aggregate
    cells: Cells
    areas: NDArray[np.float64] | None
    place: Selection
    box: Bounds

    @classmethod
    def over(cls, grid: Grid, region: Selection, method: Aggregate) -> "Aggregation":
        """Prepare the aggregation of the cells of a region.

        Cells that only repeat the place of others, as the halo of an ocean model does, do not count.

        Raises
        ------
        InvalidInputError
            If a mean is asked for and the grid does not know the areas of its cells.
        """
        cells, longitude, latitude = region.cells, region.longitude, region.latitude
        areas = _known_areas(grid, cells)
        if areas is None and method is Aggregate.MEAN:
            raise InvalidInputError(
                "The cells of these data have no areas, by which a mean would be weighted.",
                f"Expected aggregate={Aggregate.MIN}, {Aggregate.MAX} or {Aggregate.SUM}.",
            )
        if areas is not None and not areas.all():
            own = areas > 0
            cells, areas, longitude, latitude = cells[own], areas[own], longitude[own], latitude[own]
        box = _box_around(longitude, latitude, grid.cell_size)
        x, y = _centre(longitude, latitude, areas, box)
        if x > 180.0:
            x, box = x - 360.0, box._replace(west=box.west - 360.0, east=box.east - 360.0)
        place = Selection(np.array([-1]), np.round([x], 6), np.round([y], 6), is_single=True)
        return cls(method, cells, areas, place, Bounds(*(round(edge, 6) for edge in box)))

    @property
    def cell_method(self) -> str:
        """What the answer says of its values, as CF's `cell_methods` does."""
        return f"area: {self.method.cell_method}"

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        return self.cells.nbytes + (0 if self.areas is None else self.areas.nbytes)

    def apply(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one value for all cells; missing ones do not count, and where all are missing the value is.

        Parameters
        ----------
        values : ndarray of float32, shape (steps, levels, cells)
            NaN where missing.

        Returns
        -------
        ndarray of float32, shape (steps, levels, 1)
            Computed in double precision.
        """
        if self.method is Aggregate.MIN:
            return np.asarray(np.fmin.reduce(values, axis=2, keepdims=True))
        if self.method is Aggregate.MAX:
            return np.asarray(np.fmax.reduce(values, axis=2, keepdims=True))
        weights = np.ones(values.shape[2])
        if self.method is Aggregate.MEAN and self.areas is not None:
            weights = self.areas
        missing = np.isnan(values)
        if missing.any():
            there = np.einsum("slc,c->sl", ~missing, weights)
            values = np.where(missing, np.float32(0), values)
        else:
            there = np.full(values.shape[:2], weights.sum())
        total = np.einsum("slc,c->sl", values, weights)
        divisor = there if self.method is Aggregate.MEAN else np.ones_like(there)
        found = np.full(total.shape, np.nan)
        np.divide(total, divisor, out=found, where=there > 0)
        return found.astype(np.float32).reshape(*found.shape, 1)


def _known_areas(grid: Grid, cells: Cells) -> NDArray[np.float64] | None:
    try:
        areas = cell_areas(grid, cells)
    except InvalidInputError:
        return None
    return areas if areas.any() else None


def _box_around(longitude: Degrees, latitude: Degrees, cell_size: float) -> Bounds:
    south = max(float(latitude.min()) - cell_size / 2, -90.0)
    north = min(float(latitude.max()) + cell_size / 2, 90.0)
    narrowing = max(float(np.cos(np.radians(np.abs(latitude).max()))), _NARROWEST)
    west, east = covering_arc(longitude, min(cell_size / narrowing, 90.0))
    return Bounds(west, south, east + (360.0 if east < west else 0.0), north)


def _centre(
    longitude: Degrees, latitude: Degrees, areas: NDArray[np.float64] | None, box: Bounds
) -> tuple[float, float]:
    """Return the centre of cells on the sphere; that of the box if it is none of its places."""
    x, y, z = np.average(unit_vectors(longitude, latitude), axis=0, weights=areas)
    east = float(np.degrees(np.arctan2(y, x)))
    north = float(np.degrees(np.arctan2(z, np.hypot(x, y))))
    turned = east + 360.0 if east < box.west else east
    if not (box.west <= turned <= box.east and box.south <= north <= box.north):
        return (box.west + box.east) / 2, (box.south + box.north) / 2
    return turned, north
