"""The landing page, and what the API conforms to."""

from typing import Any

from geoscope.catalogue.documents import GEOJSON, HTML, JSON_SCHEMA, QUERYABLES_REL, ROOT, link
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.placeholders import BASE
from geoscope.web import OPENAPI_MEDIA_TYPE

_STAC = "https://api.stacspec.org"
_CQL2 = (
    "cql2-text",
    "cql2-json",
    "basic-cql2",
    "advanced-comparison-operators",
    "case-insensitive-comparison",
    "accent-insensitive-comparison",
    "basic-spatial-functions",
    "basic-spatial-functions-plus",
    "spatial-functions",
    "temporal-functions",
    "array-functions",
    "property-property",
    "arithmetic",
)
CONFORMANCE = (
    f"{_STAC}/v1.0.0/core",
    f"{_STAC}/v1.0.0/collections",
    f"{_STAC}/v1.0.0/ogcapi-features",
    f"{_STAC}/v1.0.0/item-search",
    f"{_STAC}/v1.0.0-rc.2/children",
    f"{_STAC}/v1.0.0-rc.1/collection-search",
    f"{_STAC}/v1.0.0-rc.1/collection-search#filter",
    f"{_STAC}/v1.0.0-rc.1/collection-search#query",
    f"{_STAC}/v1.0.0-rc.1/collection-search#fields",
    f"{_STAC}/v1.0.0/ogcapi-features/extensions/transaction",
    f"{_STAC}/v1.0.0/collections/extensions/transaction",
    f"{_STAC}/v0.3.0/aggregation",
    f"{_STAC}/v0.3.0/aggregation#query",
    f"{_STAC}/v0.3.0/aggregation#filter",
    *(
        f"{_STAC}/{version}/{place}#{extension}"
        for place in ("item-search", "ogcapi-features")
        for version, extension in (
            ("v1.0.0", "sort"),
            ("v1.0.0", "fields"),
            ("v1.0.0", "query"),
        )
    ),
    *(
        f"{_STAC}/v1.0.0-rc.1/{place}#{extension}"
        for place in ("item-search", "ogcapi-features", "collection-search")
        for extension in ("free-text", "advanced-free-text")
    ),
    # The extension's version 1.0.0 kept what its last candidates said; clients look for any of them.
    *(f"{_STAC}/{version}/item-search#filter" for version in ("v1.0.0", "v1.0.0-rc.3", "v1.0.0-rc.2")),
    *(
        f"http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/{name}"
        for name in ("filter", "features-filter")
    ),
    *(f"http://www.opengis.net/spec/cql2/1.0/conf/{name}" for name in _CQL2),
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/simple-query",
)


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
            link("self", ROOT, title=site_name),
            link("root", ROOT, title=site_name),
            link("conformance", f"{ROOT}/conformance", title="Conformance classes"),
            link("data", f"{ROOT}/collections", title="Collections"),
            link("search", f"{ROOT}/search", GEOJSON, method="GET", title="Item search"),
            link("search", f"{ROOT}/search", GEOJSON, method="POST", title="Item search"),
            link("service-desc", f"{BASE}{MANIFEST.openapi}", OPENAPI_MEDIA_TYPE, title="OpenAPI"),
            link("service-doc", f"{ROOT}/api.html", HTML, title="Description of the API"),
            link(QUERYABLES_REL, f"{ROOT}/queryables", JSON_SCHEMA, title="Queryables"),
            link("children", f"{ROOT}/children", title="Collections, whole"),
            link("aggregate", f"{ROOT}/aggregate", method="GET", title="Aggregate"),
            link("aggregate", f"{ROOT}/aggregate", method="POST", title="Aggregate"),
            link("aggregations", f"{ROOT}/aggregations", title="Aggregations"),
            *(link("child", f"{ROOT}/collections/{id_}", title=title) for id_, title in collection_titles),
        ],
    }
