"""What a map needs to know to ask for tiles: TileJSON 3.0.0, with the legend and the times."""

from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from geoscope.cube_items import Document
from geoscope.viewer.drawing import Drawing
from geoscope.viewer.pixels import WEB_MERCATOR, deepest_useful_zoom
from geoscope.viewer.style import Style

# The square of Web Mercator ends there.
LATITUDE_LIMIT = 85.051129


def tile_document(drawing: Drawing, base: str, asked: dict[str, str]) -> dict[str, Any]:
    """Describe the tiles of a drawing.

    Parameters
    ----------
    base : str
        Address of the platform.
    asked : dict of str to str
        The query, which the address of the tiles repeats.
    """
    cube, style, item = drawing.cube, drawing.style, drawing.item
    west, south, east, north = cube.grid.bounds
    if west > east:
        # TileJSON knows no box across 180 degrees.
        west, east = -180.0, 180.0
    query = urlencode({"variable": style.variable.name} | asked)
    item_address = f"{base}/tiles/collections/{quote(drawing.collection['id'])}/items/{quote(item['id'])}"
    properties = item["properties"]
    return {
        "tilejson": "3.0.0",
        "name": f"{properties.get('title') or item['id']}: {style.title}",
        "description": str(properties.get("description") or drawing.collection.get("description") or ""),
        "attribution": _attribution(drawing.collection),
        "scheme": "xyz",
        "tiles": [f"{item_address}/{WEB_MERCATOR.id}/{{z}}/{{x}}/{{y}}.png?{query}"],
        "minzoom": 0,
        "maxzoom": deepest_useful_zoom(cube.grid),
        "bounds": [west, max(south, -LATITUDE_LIMIT), east, min(north, LATITUDE_LIMIT)],
        "geoscope:legend": style.legend(),
        "geoscope:times": list(cube.times.labels) if cube.times else [],
        "geoscope:time": cube.times.labels[style.step] if cube.times else None,
        "geoscope:calendar": cube.calendar,
        **_levels(style),
    }


def _levels(style: Style) -> dict[str, Any]:
    """Return the levels that there are and the one that is drawn; nothing for a variable without."""
    axis = style.variable.levels
    if axis is None:
        return {}
    return {
        "geoscope:levels": axis.values.tolist(),
        "geoscope:level": float(axis.values[style.level]),
        "geoscope:level_unit": axis.unit,
    }


def _attribution(collection: Document) -> str:
    """Return whom to name, without markup: a map puts this into its page as HTML."""
    names = ", ".join(str(provider.get("name", "")) for provider in collection.get("providers", []))
    return escape(str(collection.get("attribution") or names or collection.get("license", "")))
