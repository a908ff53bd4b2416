"""STAC documents of twins: a collection is a simulation, an item one repository with its cube."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shapely.geometry import shape

from geoscope.cube_items import GROWING, ZARR
from geoscope.cubes.describe import CubeDescription
from geoscope.cubes.growing.fields import Version
from geoscope.mars.datasets import GRID_KEY, TWINS_BACKEND
from geoscope.objects import REGION, Place
from geoscope.twins.ingest.described_grids import grid_name
from geoscope.twins.ingest.plan import PlannedRepository
from geoscope.twins.ingest.wish import Wish

BASE = "geoscope://base"
S3_ENDPOINT = "geoscope://s3"
VERSIONS_KEY = "geoscope:versions"
MOST_VERSIONS = 20
# Its fields can be ordered as GRIB, in the Data Lake's way.
ORDERED_FROM = {"federation:backends": [TWINS_BACKEND]}
EXTENSIONS = {
    "datacube": "https://stac-extensions.github.io/datacube/v2.3.0/schema.json",
    "storage": "https://stac-extensions.github.io/storage/v2.0.0/schema.json",
}
CENTRES = {
    "ecmf": ("European Centre for Medium-Range Weather Forecasts", "https://www.ecmwf.int"),
    "egrr": ("Met Office", "https://www.metoffice.gov.uk"),
    "kwbc": ("National Centers for Environmental Prediction", "https://www.weather.gov/ncep"),
    "edzw": ("Deutscher Wetterdienst", "https://www.dwd.de"),
}
WORDS = {
    "climate-dt": "Climate DT",
    "extremes-dt": "Weather-Induced Extremes DT",
    "ea": "ERA5",
    "od": "operational archive",
}
LEVTYPES = {
    "sfc": "Surface",
    "pl": "Pressure levels",
    "hl": "Heights",
    "ml": "Model levels",
    "sol": "Soil and ice",
    "o2d": "Ocean surface",
    "o3d": "Ocean levels",
}

type Document = dict[str, Any]


def dataset_title(mars: Mapping[str, str]) -> str:
    """Return the title of a collection, made of its MARS keys."""
    name = mars.get("dataset") or mars.get("class", "")
    known = [WORDS.get(name, name)]
    known += [mars[key] for key in ("activity", "experiment", "model") if key in mars]
    known += [f"{word} {mars[key]}" for key, word in _COUNTED.items() if key in mars]
    return ", ".join(each for each in known if each) or "Model output"


_COUNTED = {"generation": "generation", "realization": "realization"}


def item_document(
    repository: PlannedRepository,
    cube: CubeDescription,
    place: Place,
    versions: Sequence[Version],
    existing: Document | None,
) -> Document:
    """Return the item of a repository.

    Parameters
    ----------
    repository : PlannedRepository
        What is stored.
    cube : CubeDescription
        Its cube, with the variables of this ingest.
    place : Place
        Where it lies.
    versions : sequence of Version
        The states that can be opened, the newest first; it is this one that is described.
    existing : dict or None
        The item as it is now; variables that only it has are kept.
    """
    before = existing["properties"] if existing else {}
    now = _now()
    properties: Document = {
        "title": item_title(repository),
        "datetime": cube.start if cube.start == cube.end else None,
        "start_datetime": cube.start,
        "end_datetime": cube.end,
        "cube:dimensions": before.get("cube:dimensions", {}) | cube.dimensions,
        "cube:variables": before.get("cube:variables", {}) | cube.variables,
        "storage:schemes": _storage_schemes(place),
        GRID_KEY: grid_name(repository.grid),
        VERSIONS_KEY: listed_versions(versions),
        "created": before.get("created", now),
        "updated": now,
    }
    properties |= {f"mars:{key}": value for key, value in repository.mars.items()}
    if repository.regridding is not None:
        properties |= repository.regridding.provenance
    if repository.base is not None:
        moment = datetime.fromtimestamp(repository.base, UTC)
        properties |= {"mars:date": f"{moment:%Y%m%d}", "mars:time": f"{moment:%H%M}"}
        properties["forecast:reference_datetime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [*EXTENSIONS.values()],
        "id": repository.item,
        "collection": repository.collection,
        "geometry": cube.geometry,
        "bbox": _bbox(cube),
        "properties": properties,
        "links": [],
        "assets": {
            "cube": {
                "href": place.address,
                "title": "Cube, as a repository of Icechunk",
                "type": GROWING,
                "roles": ["data"],
                "storage:refs": ["s3"],
            },
            "data": {
                "href": f"{BASE}/twins/zarr/{repository.collection}/{repository.item}",
                "title": "Zarr cube over HTTPS",
                "type": ZARR,
                "roles": ["data"],
            },
        },
    }


def listed_versions(versions: Sequence[Version]) -> list[Document]:
    """Return what an item says of the versions of its cube, the newest first."""
    return [
        {"id": each.id, "when": each.when.isoformat(), "message": each.message, "steps": each.steps}
        for each in versions[:MOST_VERSIONS]
    ]


def versions_patch(item: Document, versions: Sequence[Version]) -> Document | None:
    """Return what an item has to say anew of the versions of its cube; None if it says it already."""
    listed = listed_versions(versions)
    if item["properties"].get(VERSIONS_KEY) == listed:
        return None
    # Who keeps the cube open looks at when its item was changed.
    return {"properties": {VERSIONS_KEY: listed, "updated": _now()}}


def collection_document(
    repository: PlannedRepository,
    cube: CubeDescription,
    place: Place,
    wish: Wish,
    existing: Document | None,
) -> Document:
    """Return the collection, new or as it becomes with this item; what people wrote in it stays."""
    document = dict(existing) if existing else _new_collection(repository, wish)
    given = {"title": wish.title, "description": wish.description, "license": wish.licence}
    document |= {key: value for key, value in given.items() if value is not None}
    if wish.provider is not None:
        document["providers"] = [{"name": wish.provider, "roles": ["producer"]}]
    document["extent"] = _extent(cube, document.get("extent"))
    without_values = {
        name: {key: value for key, value in about.items() if key != "values"}
        for name, about in cube.dimensions.items()
    }
    document["cube:dimensions"] = _joined(document.get("cube:dimensions", {}), without_values)
    document["cube:variables"] = document.get("cube:variables", {}) | cube.variables
    document["storage:schemes"] = _storage_schemes(place)
    document["summaries"] = document.get("summaries", {}) | ORDERED_FROM
    document["updated"] = _now()
    document["links"] = [
        link
        for link in document.get("links", [])
        if link.get("rel") in ("license", "about", "cite-as", "via")
    ]
    return document


def item_title(repository: PlannedRepository) -> str:
    """Return what a person reads as the item's title."""
    mars = repository.mars
    levtype = mars.get("levtype", "")
    words = [LEVTYPES.get(levtype, levtype), *(mars.get(key, "") for key in ("stream", "type", "resolution"))]
    words.append(grid_name(repository.grid))
    if repository.base is not None:
        words.append(f"from {datetime.fromtimestamp(repository.base, UTC):%Y-%m-%d %H:%M}")
    if "number" in mars:
        words.append(f"member {mars['number']}")
    return ", ".join(dict.fromkeys(word for word in words if word))


def _new_collection(repository: PlannedRepository, wish: Wish) -> Document:
    mars = repository.mars
    title = wish.title or dataset_title(mars)
    keys = ", ".join(f"{key}={value}" for key, value in mars.items() if key in _OF_ALL)
    centre = CENTRES.get(mars.get("centre", ""))
    provider: Document = {"name": wish.provider or "Unknown", "roles": ["producer"]}
    if wish.provider is None and centre is not None:
        provider |= {"name": centre[0], "url": centre[1]}
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [*EXTENSIONS.values()],
        "id": repository.collection,
        "title": title,
        "description": f"{title}. Fields of a model as cubes that can be cut and streamed"
        + (f" (MARS: {keys})." if keys else "."),
        "license": "other",
        "keywords": ["digital twin", "model output", *([mars["model"]] if "model" in mars else [])],
        "providers": [provider],
        "item_assets": {
            "cube": {"type": GROWING, "roles": ["data"], "title": "Cube"},
            "data": {"type": ZARR, "roles": ["data"], "title": "Zarr cube over HTTPS"},
        },
        "created": _now(),
    }


_OF_ALL = ("class", "dataset", "activity", "experiment", "generation", "model", "realization")


def _bbox(cube: CubeDescription) -> list[float]:
    """Return the box around the geometry: an item's outline and its box must agree (RFC 7946, section 5)."""
    west, _, east, _ = cube.bbox
    return cube.bbox if west > east else [*shape(cube.geometry).bounds]


def _extent(cube: CubeDescription, before: Mapping[str, Any] | None) -> Document:
    west, south, east, north = _bbox(cube)
    start, end = cube.start, cube.end
    if before is not None:
        boxes, (interval, *_) = before["spatial"]["bbox"], before["temporal"]["interval"]
        if west <= east and boxes[0][0] <= boxes[0][2]:
            west, east = min(west, boxes[0][0]), max(east, boxes[0][2])
        elif [west, east] != [boxes[0][0], boxes[0][2]]:
            west, east = -180.0, 180.0
        south, north = min(south, boxes[0][1]), max(north, boxes[0][3])
        start = min(start, interval[0] or start)
        end = max(end, interval[1] or end)
    return {"spatial": {"bbox": [[west, south, east, north]]}, "temporal": {"interval": [[start, end]]}}


def _joined(before: Mapping[str, Any], now: Mapping[str, Any]) -> Document:
    """Return the dimensions of a collection: extents of time and levels grow."""
    joined: Document = dict(before) | dict(now)
    for name, about in now.items():
        earlier = before.get(name, {}).get("extent")
        if earlier and about.get("extent") and None not in (*earlier, *about["extent"]):
            extent = [min(earlier[0], about["extent"][0]), max(earlier[1], about["extent"][1])]
            joined[name] = about | {"extent": extent}
    return joined


def _storage_schemes(place: Place) -> Document:
    return {"s3": {"type": "custom-s3", "platform": S3_ENDPOINT, "region": REGION, "bucket": place.bucket}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
