"""How a variable is drawn: its colour map and its range, from the question, the catalogue, or the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.cube_items import Document
from geoscope.cubes.cube import Cube, Variable
from geoscope.errors import InvalidInputError
from geoscope.viewer.colormaps import DEFAULT, STOPS, Colormap, find_colormap

# Of a field without a range of its own, the extremes are left to saturate.
PERCENTILES = (2.0, 98.0)
MOST_SAMPLES = 65_536
# Where coarser levels are kept, cells of this size are enough.
SAMPLED_DEGREES = 1.0


@dataclass(frozen=True)
class Wish:
    """What was asked for; None for what was left to the platform."""

    variable: str | None = None
    datetime: str | None = None
    level: float | None = None
    colormap: str | None = None
    vmin: float | None = None
    vmax: float | None = None


@dataclass(frozen=True)
class Style:
    """A variable at a time and a level, and how it is drawn: `vmin` has the first colour, `vmax` the last."""

    variable: Variable
    step: int
    level: int
    title: str
    colormap: Colormap
    vmin: float
    vmax: float

    def value_at(self, fraction: float) -> float:
        """Return the value at a fraction of the range, in digits that a legend can show."""
        return _sensible(self.vmin + fraction * (self.vmax - self.vmin))

    def legend(self) -> dict[str, Any]:
        """Describe the colours with their values, for a page that draws its own legend."""
        fractions = np.linspace(0, 1, STOPS).tolist()
        return {
            "variable": self.variable.name,
            "title": self.title,
            "unit": self.variable.unit,
            "vmin": self.vmin,
            "vmax": self.vmax,
            "colormap": self.colormap.name,
            "missing": "transparent",
            "stops": [
                {"value": self.value_at(part), "color": self.colormap.hex_colour(part)} for part in fractions
            ],
        }


async def choose_style(cube: Cube, wish: Wish, renders: Document) -> Style:
    """Choose how to draw, from what was asked, then the catalogue's `renders`, then the data.

    Parameters
    ----------
    renders : dict
        Of the STAC render extension, by name of variable.

    Raises
    ------
    InvalidInputError
        If the variable, the colour map or the range cannot be used.
    """
    name = wish.variable or next(
        (name for name in renders if name in cube.variables), next(iter(cube.variables), "")
    )
    variable = cube.variable(name)
    level = variable.levels.nearest(wish.level) if variable.levels and wish.level is not None else 0
    render = renders.get(name, {})
    colormap = find_colormap(wish.colormap or render.get("colormap_name") or DEFAULT)
    vmin, vmax = wish.vmin, wish.vmax
    if vmin is None or vmax is None:
        low, high = (render.get("rescale") or [None])[0] or await _range_of_data(cube, name, level)
        vmin, vmax = (low if vmin is None else vmin), (high if vmax is None else vmax)
    if not (np.isfinite(vmin) and np.isfinite(vmax) and vmin < vmax):
        raise InvalidInputError(
            f"The range from vmin={vmin:g} to vmax={vmax:g} is empty.", "Expected vmin < vmax."
        )
    step = cube.times.nearest(wish.datetime) if cube.times else 0
    title = str(render.get("title") or variable.title)
    if variable.levels:
        title += f", {variable.levels.values[level]:g} {variable.levels.unit}".rstrip()
    return Style(variable, step, level, title, colormap, float(vmin), float(vmax))


def renders_of(item: Document, collection: Document) -> Document:
    """Return the `renders` of an item, or those of its collection."""
    renders: Document = (
        item["properties"].get("renders") or item.get("renders") or collection.get("renders") or {}
    )
    return renders


async def _range_of_data(cube: Cube, name: str, level: int) -> tuple[float, float]:
    """Return the range of the last time step: the same for every time, so that colours can be compared."""
    cube = await cube.fitting(SAMPLED_DEGREES)
    field: NDArray[np.float32] = (await cube.field(name, cube.step_count - 1, level)).ravel()
    values = field[:: max(field.size // MOST_SAMPLES, 1)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (_sensible(float(value)) for value in np.percentile(values, PERCENTILES))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _sensible(value: float) -> float:
    """Keep six significant digits: what a legend can show."""
    return float(f"{value:.6g}")
