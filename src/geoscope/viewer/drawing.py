"""What a request wants drawn: a cube of the catalogue, and the style chosen for it."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Depends, Query
from numpy.typing import NDArray

from geoscope.cube_items import Document
from geoscope.cubes.cube import Cube
from geoscope.cubes.grid import Grid
from geoscope.holdings import OpenHoldings, SeenHoldings
from geoscope.viewer.style import Style, Wish, choose_style, renders_of


@dataclass(frozen=True)
class Drawing:
    """A cube, its documents, what was asked for, how it is drawn, and as whose."""

    cube: Cube
    item: Document
    collection: Document
    wish: Wish
    style: Style
    holdings: SeenHoldings

    async def field(self, pixel: float) -> tuple[Grid, NDArray[np.float32]]:
        """Read the field that is drawn, and its grid: the coarsest that shows as much.

        Parameters
        ----------
        pixel : float
            Size of a pixel, in degrees.
        """
        cube = await self.cube.fitting(pixel)
        return cube.grid, await cube.field(self.style.variable.name, self.style.step, self.style.level)


def wish_of_request(
    variable: Annotated[str | None, Query(description="Name of a variable; the first by default.")] = None,
    datetime: Annotated[
        str | None, Query(description="Instant: the nearest step; the last by default.")
    ] = None,
    level: Annotated[
        float | None, Query(description="In the unit of the data: the nearest level; the first by default.")
    ] = None,
    colormap: Annotated[str | None, Query(description="A name of /tiles/colormaps; `_r` turns it.")] = None,
    vmin: Annotated[float | None, Query(description="Value of the first colour.")] = None,
    vmax: Annotated[float | None, Query(description="Value of the last colour.")] = None,
) -> Wish:
    """Read what is to be drawn, and how; an empty value is none."""
    return Wish(variable or None, datetime or None, level, colormap or None, vmin, vmax)


async def drawing_of_request(
    holdings: OpenHoldings, collection: str, item: str, wish: Annotated[Wish, Depends(wish_of_request)]
) -> Drawing:
    """Find the cube that a request names and choose how to draw it."""
    item_document = await holdings.item(collection, item)
    collection_document = await holdings.collection(collection)
    cube = await holdings.cube(collection, item)
    style = await choose_style(cube, wish, renders_of(item_document, collection_document))
    return Drawing(cube, item_document, collection_document, wish, style, holdings)


RequestedDrawing = Annotated[Drawing, Depends(drawing_of_request)]
