"""Countries as locations: outlines of Natural Earth, found by name or by any code of ISO 3166-1.

The outlines are those at 1:50 million that the pages' maps draw too (the package world-atlas, public domain);
the build puts them beside this file. Territories without a code of their own are found by name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import shapely
from iso3166 import countries_by_numeric
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoscope.cuts.geometries import Polygon, read_box
from geoscope.errors import NotFoundError

OUTLINES = Path(__file__).parent / "built" / "countries-50m.json"

# Of an outline in the list of locations, in degrees; a cut takes the whole one.
_LIST_TOLERANCE = 0.1


@dataclass(frozen=True)
class Country:
    """A country or territory.

    Attributes
    ----------
    id : str
        ISO 3166-1 alpha-3; without a code, the name in lower case with hyphens.
    name : str
        In English.
    codes : tuple of str
        Alpha-2, alpha-3 and numeric; empty if it has none.
    outline : Polygon
        Degrees (CRS84), cut at the date line.
    """

    id: str
    name: str
    codes: tuple[str, ...]
    outline: Polygon

    def feature(self, href: str) -> dict[str, Any]:
        """Return it as GeoJSON, its outline simplified to a tenth of a degree."""
        simple = shapely.simplify(self.outline, _LIST_TOLERANCE)
        return {
            "type": "Feature",
            "id": self.id,
            "geometry": shapely.geometry.mapping(shapely.set_precision(simple, 0.001)),
            "bbox": [round(edge, 3) for edge in self.outline.bounds],
            "properties": {"name": self.name, "codes": list(self.codes), "href": href},
        }


def countries() -> tuple[Country, ...]:
    """Return all of them, by name."""
    return tuple(sorted(set(_by_key().values()), key=lambda each: each.name))


def country(name: str) -> Country:
    """Return a country by its id, its name or one of its codes, in any case of letters.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = _by_key().get(_key(name))
    if found is None:
        near = get_close_matches(_key(name[:80]), _by_key(), 4, 0.6)
        names = " or ".join(dict.fromkeys(_by_key()[key].name for key in near))
        raise NotFoundError(
            f"There is no location {name[:80]!r}.",
            (f"Did you mean {names}? " if names else "")
            + "Expected a country by its English name or its code of ISO 3166-1: France, FR, FRA or 250.",
        )
    return found


def list_countries(boxes: list[list[float]], address: str, bbox: str | None, limit: int) -> dict[str, Any]:
    """Return the countries that boxes, and the one that was asked for, meet: a GeoJSON FeatureCollection.

    Parameters
    ----------
    boxes : list of list of float
        Four numbers each, or six with heights; `west` > `east` crosses the date line.
    address : str
        Of the list itself.
    bbox : str or None
        As it was asked for.
    limit : int
        Most countries of the answer.
    """
    areas = [shapely.union_all([_area(box) for box in boxes])]
    if bbox is not None:
        areas.append(_area(read_box(bbox)[0]))
    found = [each for each in countries() if all(shapely.intersects(each.outline, area) for area in areas)]
    return {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": min(len(found), limit),
        "links": [{"rel": "self", "href": address, "type": "application/geo+json"}],
        "features": [each.feature(f"{address}/{quote(each.id)}") for each in found[:limit]],
    }


def _area(box: Sequence[float]) -> BaseGeometry:
    west, south, east, north = box if len(box) == 4 else (*box[:2], *box[3:5])
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(shapely.box(west, south, 180, north), shapely.box(-180, south, east, north))


@cache
def _by_key() -> dict[str, Country]:
    found: dict[str, Country] = {}
    for each in _read_countries():
        for name in (each.name, each.id, *each.codes, *_other_names(each)):
            found.setdefault(_key(name), each)
    return found


def _other_names(each: Country) -> tuple[str, ...]:
    if not each.codes:
        return ()
    official = countries_by_numeric[each.codes[2]]
    # "Iran, Islamic Republic of" is asked for as Iran, too.
    return official.name, official.apolitical_name, official.name.partition(",")[0].partition("(")[0]


def _key(name: str) -> str:
    return re.sub(r"[^\w]+", " ", name.casefold()).strip()


def _read_countries() -> list[Country]:
    topology = orjson.loads(OUTLINES.read_bytes())
    arcs = _arcs(topology)
    polygons: dict[tuple[str, str], list[shapely.Geometry]] = {}
    names: dict[str, str] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        name, code = geometry["properties"]["name"], str(geometry.get("id", ""))
        known = code in countries_by_numeric
        # Some territories share the code of the country that they belong to, which comes first.
        name = names.setdefault(code, name) if known else name
        polygons.setdefault((name, code if known else ""), []).append(_outline(geometry, arcs))
    return [_country(name, code, parts) for (name, code), parts in polygons.items()]


def _country(name: str, code: str, parts: list[shapely.Geometry]) -> Country:
    outline: Polygon = shapely.union_all(
        [  # type: ignore[assignment]  # of polygons
            shapely.make_valid(part) for part in parts
        ]
    )
    if not code:
        return Country(_key(name).replace(" ", "-"), name, (), outline)
    official = countries_by_numeric[code]
    return Country(official.alpha3, name, (official.alpha2, official.alpha3, code), outline)


def _arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Return the lines that borders are made of: TopoJSON keeps whole-number differences."""
    scale, offset = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + offset for arc in topology["arcs"]]


def _outline(geometry: dict[str, Any], arcs: list[NDArray[np.float64]]) -> shapely.Geometry:
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    made = []
    for rings in polygons:
        shell, *holes = (_ring(ring, arcs) for ring in rings)
        made.append(shapely.Polygon(shell, holes))
    return shapely.MultiPolygon(made)


def _ring(numbers: list[int], arcs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Join arcs to a ring; a negative number is that arc backwards."""
    lines = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return np.concatenate([lines[0], *(line[1:] for line in lines[1:])])
