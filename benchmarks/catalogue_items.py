"""Items as a Sentinel-2 archive has them, made up: always the same ones, of about 7.5 kB each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

import orjson
from pyproj import Transformer

COLLECTION = "sentinel-2-l2a"
START = datetime(2024, 1, 1, tzinfo=UTC)

_TILE_METRES = 109_800
_STEP_METRES = 100_000
_BANDS = {
    "blue": ("B02", 10, 0.49),
    "green": ("B03", 10, 0.56),
    "red": ("B04", 10, 0.665),
    "rededge2": ("B06", 20, 0.74),
    "rededge3": ("B07", 20, 0.783),
    "nir": ("B08", 10, 0.842),
    "nir08": ("B8A", 20, 0.865),
    "swir16": ("B11", 20, 1.61),
    "swir22": ("B12", 20, 2.19),
}
_LATITUDE_BANDS = "CDEFGHJKLMNPQRSTUVWX"


class Tile(NamedTuple):
    """A square of the MGRS grid: its name, its zone's EPSG code, its upper left corner, its ring."""

    name: str
    epsg: int
    x: int
    y: int
    ring: list[list[float]]


def collection() -> dict[str, Any]:
    """Return the collection that the items belong to."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": COLLECTION,
        "title": "Sentinel-2 Level-2A",
        "description": "Made-up scenes, for measuring.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[START.isoformat().replace("+00:00", "Z"), None]]},
        },
        "links": [],
    }


def lines(count: int, years: int) -> Iterator[bytes]:
    """Yield items as lines of NDJSON, spread over the globe and over some years from 2024 on."""
    tiles = grid()
    step = timedelta(days=365.25 * years) / count
    for number in range(count):
        # A satellite goes on along its orbit: what follows in time lies elsewhere.
        yield orjson.dumps(item(number, tiles[number * 7919 % len(tiles)], START + number * step))


@cache
def grid() -> tuple[Tile, ...]:
    """Return the squares of the MGRS grid between 60 degrees south and 75 degrees north."""
    tiles = []
    for zone in range(1, 61):
        for south in (True, False):
            epsg = (32700 if south else 32600) + zone
            to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
            to_metres = Transformer.from_crs(4326, epsg, always_xy=True)
            west_degrees = zone * 6 - 186
            rows = range(3_400_000, 10_000_000, _STEP_METRES) if south else range(0, 8_300_000, _STEP_METRES)
            for y in rows:
                _, latitude = to_degrees.transform(500_000, y)
                west, _ = to_metres.transform(west_degrees, latitude)
                first = int(west // _STEP_METRES) * _STEP_METRES
                columns = range(first, 1_000_000 - first, _STEP_METRES)
                tiles += [_tile(zone, epsg, x, y, to_degrees) for x in columns]
    return tuple(tile for tile in tiles if min(tile.ring)[0] > -180 and max(tile.ring)[0] < 180)


def _tile(zone: int, epsg: int, x: int, y: int, to_degrees: Transformer) -> Tile:
    top, right = y + _STEP_METRES, x + _TILE_METRES
    bottom = top - _TILE_METRES
    corners = to_degrees.transform([x, x, right, right, x], [top, bottom, bottom, top, top])
    ring = [[round(longitude, 8), round(latitude, 8)] for longitude, latitude in zip(*corners, strict=True)]
    if max(ring)[0] - min(ring)[0] > 180:
        ring = [[-180.0, 0.0], [180.0, 0.0], [-180.0, 0.0]]
    band = _LATITUDE_BANDS[max(0, min(19, int((ring[1][1] + 80) // 8)))]
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    column, row = letters[(x // _STEP_METRES) % 24], letters[(y // _STEP_METRES) % 20]
    return Tile(f"{zone:02}{band}{column}{row}", epsg, x, top, ring)


def item(number: int, tile: Tile, moment: datetime) -> dict[str, Any]:
    """Return one item."""
    random = Random(number)
    platform = f"sentinel-2{'ab'[number % 2]}"
    seen = moment.replace(microsecond=random.randrange(1000) * 1000)
    stamp = f"{seen:%Y-%m-%dT%H:%M:%S}.{seen.microsecond // 1000:03}Z"
    made = (seen + timedelta(hours=5, seconds=random.randrange(9000))).strftime("%Y-%m-%dT%H:%M:%SZ")
    id_ = f"S2{platform[-1].upper()}_{tile.name}_{seen:%Y%m%dT%H%M%S}_L2A_{number:07}"
    folder = f"https://archive.example.org/sentinel-2-l2a/{tile.name[:2]}/{tile.name[2]}/{seen:%Y/%m}/{id_}"
    ring = _seen_part(tile.ring, random)
    longitudes, latitudes = zip(*ring, strict=True)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
            "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
            "https://stac-extensions.github.io/view/v1.0.0/schema.json",
        ],
        "id": id_,
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": _properties(number, tile, platform, stamp, made, random),
        "assets": {name: _band(name, folder, tile, random) for name in _BANDS}
        | {
            "visual": _picture(folder, tile),
            "scl": _classes(folder, tile),
            "thumbnail": {
                "href": f"{folder}/thumbnail.jpg",
                "type": "image/jpeg",
                "title": "Thumbnail of preview image",
                "roles": ["thumbnail"],
            },
            "product_metadata": {
                "href": f"{folder}/product_metadata.xml",
                "type": "application/xml",
                "roles": ["metadata"],
            },
        },
        "links": [
            {"rel": "license", "href": "https://archive.example.org/legal/sentinel-data", "title": "Licence"}
        ],
    }


def _seen_part(ring: list[list[float]], random: Random) -> list[list[float]]:
    """Cut a third of the squares along the edge of the swath."""
    if random.random() < 2 / 3:
        return ring
    upper_left, lower_left, lower_right, upper_right, _ = ring
    at, lean = random.uniform(0.3, 0.8), random.uniform(0.1, 0.2)
    top = _between(upper_left, upper_right, at)
    bottom = _between(lower_left, lower_right, at - lean)
    return [upper_left, lower_left, bottom, top, upper_left]


def _between(start: list[float], end: list[float], share: float) -> list[float]:
    return [round(a + (b - a) * share, 8) for a, b in zip(start, end, strict=True)]


def _properties(
    number: int, tile: Tile, platform: str, stamp: str, made: str, random: Random
) -> dict[str, Any]:
    def percent() -> float:
        return round(random.random() ** 2 * 100, 6)

    return {
        "datetime": stamp,
        "created": made,
        "updated": made,
        "platform": platform,
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "eo:cloud_cover": percent(),
        "eo:snow_cover": percent(),
        "proj:code": f"EPSG:{tile.epsg}",
        "proj:centroid": {"lat": tile.ring[0][1], "lon": tile.ring[0][0]},
        "grid:code": f"MGRS-{tile.name}",
        "mgrs:utm_zone": int(tile.name[:2]),
        "mgrs:latitude_band": tile.name[2],
        "mgrs:grid_square": tile.name[3:],
        "sat:orbit_state": "descending" if number % 5 else "ascending",
        "sat:relative_orbit": number % 143 + 1,
        "view:azimuth": round(random.uniform(90, 300), 8),
        "view:incidence_angle": round(random.uniform(2, 11), 8),
        "view:sun_azimuth": round(random.uniform(20, 180), 8),
        "view:sun_elevation": round(random.uniform(10, 80), 8),
        "s2:tile_id": f"S2{platform[-1].upper()}_OPER_MSI_L2A_TL_2APS_{made.replace('-', '')}_{tile.name}",
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": "05.10",
        "s2:generation_time": made,
        "s2:datatake_type": "INS-NOBS",
        "s2:sequence": str(number % 3),
        "s2:degraded_msi_data_percentage": round(random.random() / 50, 6),
        "s2:nodata_pixel_percentage": percent(),
        "s2:dark_features_percentage": percent(),
        "s2:cloud_shadow_percentage": percent(),
        "s2:vegetation_percentage": percent(),
        "s2:not_vegetated_percentage": percent(),
        "s2:water_percentage": percent(),
        "s2:unclassified_percentage": percent(),
        "s2:high_proba_clouds_percentage": percent(),
        "s2:thin_cirrus_percentage": percent(),
        "processing:software": {"sentinel2-to-stac": "0.1.1"},
        "processing:level": "L2",
        "product:type": "S2MSI2A",
    }


def _band(name: str, folder: str, tile: Tile, random: Random) -> dict[str, Any]:
    code, metres, wavelength = _BANDS[name]
    return {
        "href": f"{folder}/{code}.tif",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": f"{name} - {metres}m",
        "eo:common_name": name.rstrip("123"),
        "eo:center_wavelength": wavelength,
        "nodata": 0,
        "data_type": "uint16",
        "raster:scale": 0.0001,
        "raster:offset": -0.1,
        "file:size": random.randrange(1_000_000, 250_000_000),
        "roles": ["data", "reflectance"],
    } | _raster(metres, tile)


def _picture(folder: str, tile: Tile) -> dict[str, Any]:
    return {
        "href": f"{folder}/TCI.tif",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": "True color image",
        "bands": [{"name": name, "eo:common_name": name} for name in ("red", "green", "blue")],
        "roles": ["visual"],
    } | _raster(10, tile)


def _classes(folder: str, tile: Tile) -> dict[str, Any]:
    return {
        "href": f"{folder}/SCL.tif",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": "Scene classification map (SCL)",
        "data_type": "uint8",
        "roles": ["data"],
    } | _raster(20, tile)


def _raster(metres: int, tile: Tile) -> dict[str, Any]:
    pixels = _TILE_METRES // metres
    return {
        "gsd": metres,
        "proj:shape": [pixels, pixels],
        "proj:transform": [metres, 0, tile.x, 0, -metres, tile.y],
    }
