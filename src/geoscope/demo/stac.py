"""The demo's STAC documents: what is said of each collection and cube, from the cube itself and `datasets`.

In them `geoscope://base` stands for the platform's address and `geoscope://s3` for its S3 endpoint: the
catalogue puts in what the client uses.
"""

import hashlib
import json
from typing import Any

import pystac
from pystac.utils import str_to_datetime
from shapely.geometry import shape

from geoscope.cube_items import GROWING, ZARR
from geoscope.cubes.describe import CubeDescription
from geoscope.demo.datasets import (
    ATTRIBUTION,
    LICENSE,
    LICENSE_URL,
    SOURCE_URL,
    DemoCollection,
    DemoItem,
    Provider,
)
from geoscope.objects import REGION, Place

BASE = "geoscope://base"
S3_ENDPOINT = "geoscope://s3"
BUCKET = "demo"
TWIN_BUCKET = "public-twins"
DATASET_VERSION = "1"

SOURCE_DIGEST = "geoscope:source_digest"
DOCUMENT_DIGEST = "geoscope:document_digest"

EXTENSIONS = {
    name: f"https://stac-extensions.github.io/{name}/{version}/schema.json"
    for name, version in {
        "alternate-assets": "v1.2.0",
        "datacube": "v2.3.0",
        "processing": "v1.2.0",
        "render": "v2.0.0",
        "scientific": "v1.0.0",
        "storage": "v2.0.0",
        "version": "v1.2.0",
        "xarray-assets": "v1.0.0",
    }.items()
}

type Document = dict[str, Any]


def cube_place(collection: DemoCollection, item: DemoItem) -> Place:
    """Return where a cube lies: a store of Zarr, or a twin's repository."""
    if collection.regridding is not None:
        return Place(TWIN_BUCKET, f"{collection.id}/{item.id}")
    return Place(BUCKET, f"{collection.id}/{item.id}.zarr")


def item_document(
    collection: DemoCollection, item: DemoItem, cube: CubeDescription, source_digest: str
) -> Document:
    """Return the STAC item of a cube."""
    start, end = str_to_datetime(cube.start), str_to_datetime(cube.end)
    properties: Document = {
        "title": item.title,
        "description": item.description,
        "license": LICENSE,
        "version": DATASET_VERSION,
        "cube:dimensions": cube.dimensions,
        "cube:variables": cube.variables,
        "renders": _renders(collection),
        "storage:schemes": _storage_schemes(collection),
        SOURCE_DIGEST: source_digest,
    }
    extensions = ["datacube", "render", "storage", "version"]
    if collection.regridding is not None:
        properties |= {f"mars:{key}": value for key, value in collection.regridding.mars.items()}
        properties["geoscope:grid"] = f"h{2**collection.regridding.level}"
        properties["processing:lineage"] = collection.description
        extensions.append("processing")
    else:
        extensions += ["alternate-assets", "xarray-assets"]
    if cube.calendar != "standard":
        properties["geoscope:calendar"] = cube.calendar
    document = pystac.Item(
        id=item.id,
        geometry=cube.geometry,
        bbox=_bbox(cube),
        datetime=start if start == end else None,
        start_datetime=start,
        end_datetime=end,
        properties=properties,
        collection=collection.id,
        stac_extensions=_extensions(*sorted(extensions)),
        assets={
            **_data_assets(collection, item),
            "thumbnail": _thumbnail(collection, item),
        },
    )
    document.add_links(_links(collection))
    return _sealed(document.to_dict(include_self_link=False, transform_hrefs=False), "properties")


def collection_document(collection: DemoCollection, cubes: list[CubeDescription]) -> Document:
    """Return the STAC collection over all of its cubes."""
    extra: Document = {
        "version": DATASET_VERSION,
        "attribution": ATTRIBUTION,
        "cube:dimensions": {name: _without_values(about) for name, about in cubes[0].dimensions.items()},
        "cube:variables": _common_variables(cubes),
        "renders": _renders(collection),
        "storage:schemes": _storage_schemes(collection),
        "item_assets": {
            **(
                {"cube": {"type": GROWING, "roles": ["data"], "title": "Cube"}}
                if collection.regridding
                else {}
            ),
            "data": {"type": ZARR, "roles": ["data"], "title": "Zarr cube"},
            "thumbnail": {"type": "image/png", "roles": ["thumbnail"], "title": "Picture"},
        },
    }
    extensions = ["datacube", "render", "storage", "version"]
    if collection.publications:
        extensions.append("scientific")
        extra["sci:publications"] = [
            {"doi": paper.doi, "citation": paper.citation} for paper in collection.publications
        ]
    document = pystac.Collection(
        id=collection.id,
        title=collection.title,
        description=collection.description,
        keywords=list(collection.keywords),
        license=LICENSE,
        providers=[_provider(provider) for provider in collection.providers],
        extent=_extent(cubes),
        summaries=pystac.Summaries({"geoscope:calendar": sorted({cube.calendar for cube in cubes})}),
        stac_extensions=_extensions(*extensions),
        assets={"thumbnail": _thumbnail(collection, collection.items[0])},
        extra_fields=extra,
    )
    document.add_links(_links(collection))
    return _sealed(document.to_dict(include_self_link=False, transform_hrefs=False), None)


def _extent(cubes: list[CubeDescription]) -> pystac.Extent:
    west, south, east, north = zip(*(_bbox(cube) for cube in cubes), strict=True)
    box = [min(west), min(south), max(east), max(north)]
    starts = [str_to_datetime(cube.start) for cube in cubes]
    ends = [str_to_datetime(cube.end) for cube in cubes]
    return pystac.Extent(pystac.SpatialExtent([box]), pystac.TemporalExtent([[min(starts), max(ends)]]))


def _bbox(cube: CubeDescription) -> list[float]:
    """Return the box around the geometry: an item's outline and its box must agree (RFC 7946, section 5)."""
    west, _, east, _ = cube.bbox
    return cube.bbox if west > east else [*shape(cube.geometry).bounds]


def _common_variables(cubes: list[CubeDescription]) -> Document:
    """Return the first cube's variables without those attributes in which the cubes differ."""
    common: Document = {}
    for name, variable in cubes[0].variables.items():
        others = [cube.variables[name].get("attrs", {}) for cube in cubes[1:]]
        attributes = variable.get("attrs", {}).items()
        kept = {key: value for key, value in attributes if all(other.get(key) == value for other in others)}
        common[name] = variable | {"attrs": kept}
    return common


def _sealed(document: Document, place: str | None) -> Document:
    """Add the digest of the whole document, by which a second run sees that nothing has changed."""
    document["links"] = [link for link in document["links"] if link["rel"] not in ("root", "collection")]
    text = json.dumps(document, sort_keys=True)
    target = document[place] if place else document
    target[DOCUMENT_DIGEST] = hashlib.sha256(text.encode()).hexdigest()
    return document


def _asset_name(collection: DemoCollection) -> str:
    return "cube" if collection.regridding else "data"


def _data_assets(collection: DemoCollection, item: DemoItem) -> dict[str, pystac.Asset]:
    place = cube_place(collection, item)
    if collection.regridding is None:
        return {"data": _zarr_asset(place)}
    repository = pystac.Asset(
        href=place.address,
        title="Cube, as a repository of Icechunk",
        media_type=GROWING,
        roles=["data"],
        extra_fields={"storage:refs": ["s3"]},
    )
    href = f"{BASE}/twins/zarr/{collection.id}/{item.id}"
    over_http = pystac.Asset(href=href, title="Zarr cube over HTTPS", media_type=ZARR, roles=["data"])
    return {"cube": repository, "data": over_http}


def _zarr_asset(place: Place) -> pystac.Asset:
    return pystac.Asset(
        href=f"{BASE}/data/{place.bucket}/{place.key}",
        title="Zarr cube over HTTPS",
        media_type=ZARR,
        roles=["data"],
        extra_fields={
            "alternate": {
                "s3": {"href": place.address, "title": "Zarr cube over S3", "storage:refs": ["s3"]}
            },
            "xarray:open_kwargs": {"engine": "zarr", "consolidated": True, "chunks": {}},
        },
    )


def _thumbnail(collection: DemoCollection, item: DemoItem) -> pystac.Asset:
    query = f"variable={collection.drawing.variable}&width=512&height=256"
    return pystac.Asset(
        href=f"{BASE}/tiles/collections/{collection.id}/items/{item.id}/map.png?{query}",
        title=collection.drawing.title,
        media_type=pystac.MediaType.PNG,
        roles=["thumbnail"],
    )


def _renders(collection: DemoCollection) -> Document:
    drawing = collection.drawing
    return {
        drawing.variable: {
            "title": drawing.title,
            "assets": [_asset_name(collection)],
            "rescale": [[drawing.minimum, drawing.maximum]],
            "colormap_name": drawing.colormap,
        }
    }


def _storage_schemes(collection: DemoCollection) -> Document:
    bucket = TWIN_BUCKET if collection.regridding else BUCKET
    return {"s3": {"type": "custom-s3", "platform": S3_ENDPOINT, "region": REGION, "bucket": bucket}}


def _links(collection: DemoCollection) -> list[pystac.Link]:
    links = [
        pystac.Link("license", LICENSE_URL, pystac.MediaType.HTML, "Open Government Licence v3.0"),
        pystac.Link("via", SOURCE_URL, pystac.MediaType.HTML, "Where the files come from: iris-sample-data"),
    ]
    links += [
        pystac.Link("cite-as", f"https://doi.org/{paper.doi}", pystac.MediaType.HTML, paper.citation)
        for paper in collection.publications
    ]
    return links


def _provider(provider: Provider) -> pystac.Provider:
    roles = [pystac.ProviderRole(role) for role in provider.roles]
    return pystac.Provider(provider.name, roles=roles, url=provider.url)


def _extensions(*names: str) -> list[str]:
    return [EXTENSIONS[name] for name in names]


def _without_values(dimension: Document) -> Document:
    """Return a dimension with its extent alone: each step stands in the items."""
    return {name: value for name, value in dimension.items() if name != "values" or "extent" not in dimension}
