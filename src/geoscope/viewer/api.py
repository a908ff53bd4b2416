"""Tiles, pictures and legends of cubes at `/tiles`."""

import asyncio
from dataclasses import asdict
from hashlib import blake2b
from typing import Annotated

import orjson
from fastapi import APIRouter, FastAPI, Query, Request, Response

from geoscope.holdings import cache_headers, holdings_lifespan
from geoscope.viewer.colormaps import offered_colormaps
from geoscope.viewer.drawing import Drawing, RequestedDrawing
from geoscope.viewer.frames import LARGEST_SIDE, choose_frame, read_bounds
from geoscope.viewer.manifest import MANIFEST
from geoscope.viewer.picture import draw, draw_legend
from geoscope.viewer.pixels import cells_of_picture, cells_of_tile, degrees_of_pixel
from geoscope.viewer.tilejson import tile_document
from geoscope.web import base_url, service_application

# Data change only when an item is written anew; the entity tag then tells.
CACHE_CONTROL = "public, max-age=600"

Side = Annotated[int | None, Query(ge=1, le=LARGEST_SIDE, description="In pixels.")]

router = APIRouter()
of_item = APIRouter(prefix="/tiles/collections/{collection}/items/{item}")


def create_application() -> FastAPI:
    """Make the application of the viewer service."""
    application = service_application(MANIFEST, lifespan=holdings_lifespan)
    application.include_router(router)
    application.include_router(of_item)
    return application


@router.get("/tiles/colormaps", summary="Colour maps on offer")
async def colormaps() -> Response:
    """List the colour maps: name, title, kind and eleven colours of each."""
    return Response(orjson.dumps(offered_colormaps()), media_type="application/json")


@of_item.get("/tilejson.json", summary="What a map needs to know (TileJSON 3.0.0)")
async def tilejson(request: Request, drawing: RequestedDrawing) -> Response:
    """Describe the tiles of a variable, with its legend and its times."""
    asked = {key: str(value) for key, value in asdict(drawing.wish).items() if value is not None}
    return Response(
        orjson.dumps(tile_document(drawing, base_url(request), asked)),
        headers=cache_headers(drawing.holdings, ""),
        media_type="application/json",
    )


@of_item.get("/WebMercatorQuad/{z}/{x}/{y}.png", summary="A map tile of 256 x 256 pixels")
async def tile(request: Request, drawing: RequestedDrawing, z: int, x: int, y: int) -> Response:
    """Draw a tile; what is missing or outside the data is transparent."""
    grid, field = await drawing.field(degrees_of_pixel(z))
    png = await asyncio.to_thread(lambda: draw(field, cells_of_tile(grid, z, x, y), drawing.style))
    return _png_response(request, drawing, png)


@of_item.get("/map.png", summary="A picture in plate carrée (EPSG:4326)")
async def picture(
    request: Request,
    drawing: RequestedDrawing,
    bbox: Annotated[str | None, Query(description="west,south,east,north; all by default.")] = None,
    width: Side = None,
    height: Side = None,
) -> Response:
    """Draw the data, or a box of them, as one picture."""
    asked = read_bounds(bbox) if bbox else None
    frame = choose_frame(drawing.cube.grid.bounds, asked, width, height)
    grid, field = await drawing.field((frame.bounds.north - frame.bounds.south) / frame.height)
    png = await asyncio.to_thread(lambda: draw(field, cells_of_picture(grid, frame), drawing.style))
    return _png_response(request, drawing, png)


@of_item.get("/legend.png", summary="The legend as a picture")
async def legend(
    request: Request,
    drawing: RequestedDrawing,
    width: Annotated[int, Query(ge=160, le=LARGEST_SIDE)] = 360,
    height: Annotated[int, Query(ge=64, le=256)] = 68,
) -> Response:
    """Draw the colours with their values and unit."""
    return _png_response(request, drawing, draw_legend(drawing.style, width, height))


def _png_response(request: Request, drawing: Drawing, png: bytes) -> Response:
    tag = f'"{blake2b(png, digest_size=12).hexdigest()}"'
    headers = cache_headers(drawing.holdings, CACHE_CONTROL) | {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(png, media_type="image/png", headers=headers)
