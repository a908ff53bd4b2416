"""The landing page, what the API conforms to, and what items can be asked for."""

from typing import Any

from geoscope.catalogue.documents import BASE, GEOJSON, JSON_SCHEMA, QUERYABLES_REL, ROOT, link
from geoscope.catalogue.manifest import MANIFEST
from geoscope.web import OPENAPI_MEDIA_TYPE

_STAC = "https://api.stacspec.org"
CONFORMANCE = (
    f"{_STAC}/v1.0.0/core",
    f"{_STAC}/v1.0.0/collections",
    f"{_STAC}/v1.0.0/ogcapi-features",
    f"{_STAC}/v1.0.0/item-search",
    f"{_STAC}/v1.0.0-rc.1/collection-search",
    f"{_STAC}/v1.0.0-rc.1/item-search#free-text",
    f"{_STAC}/v1.0.0-rc.1/ogcapi-features#free-text",
    f"{_STAC}/v1.0.0-rc.1/collection-search#free-text",
    f"{_STAC}/v1.0.0/ogcapi-features/extensions/transaction",
    f"{_STAC}/v1.0.0/collections/extensions/transaction",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/simple-query",
)

_ITEM_SCHEMA = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"


def landing_page(site_name: str, collection_titles: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the landing page: a STAC catalogue with a link to each collection.

    Parameters
    ----------
    site_name : str
        How the platform calls itself.
    collection_titles : list of (id, title)
        Every collection.
    """
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "geoscope",
        "title": site_name,
        "description": f"All data of {site_name}, in one catalogue.",
        "conformsTo": CONFORMANCE,
        "links": [
            link("self", ROOT),
            link("root", ROOT),
            link("conformance", f"{ROOT}/conformance"),
            link("data", f"{ROOT}/collections"),
            link("search", f"{ROOT}/search", GEOJSON, method="GET"),
            link("search", f"{ROOT}/search", GEOJSON, method="POST"),
            link("service-desc", f"{BASE}{MANIFEST.openapi}", OPENAPI_MEDIA_TYPE),
            link(QUERYABLES_REL, f"{ROOT}/queryables", JSON_SCHEMA),
            *(link("child", f"{ROOT}/collections/{id_}", title=title) for id_, title in collection_titles),
        ],
    }


def queryables(collection: str | None = None) -> dict[str, Any]:
    """Return the properties that a search can name, as a JSON Schema (OGC API Features, part 3).

    Parameters
    ----------
    collection : str, optional
        For searches within this collection; otherwise for searches across all.
    """
    place = f"/collections/{collection}" if collection else ""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{ROOT}{place}/queryables",
        "type": "object",
        "title": f"Queryables of {collection}" if collection else "Queryables",
        "properties": {
            "id": {
                "title": "Item",
                "$ref": f"{_ITEM_SCHEMA}/item.json#/definitions/core/allOf/2/properties/id",
            },
            "collection": {"title": "Collection", "type": "string"}
            | ({"const": collection} if collection else {}),
            "geometry": {"title": "Geometry", "$ref": "https://geojson.org/schema/Geometry.json"},
            "datetime": {
                "title": "Date and time",
                "$ref": f"{_ITEM_SCHEMA}/datetime.json#/properties/datetime",
            },
        },
        "additionalProperties": False,
    }
