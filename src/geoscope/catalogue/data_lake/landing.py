"""The landing page in the Data Lake's shape, and what this API conforms to."""

from collections.abc import Iterable
from typing import Any

import orjson

from geoscope.catalogue.documents import GEOJSON, JSON, JSON_SCHEMA, QUERYABLES_REL, link
from geoscope.catalogue.manifest import MANIFEST
from geoscope.catalogue.models import FoundCollection
from geoscope.catalogue.orders.documents import ROOT
from geoscope.catalogue.orders.ordering import BACKENDS, LOCAL
from geoscope.web import OPENAPI_MEDIA_TYPE

_STAC = "https://api.stacspec.org"
_OGC = "http://www.opengis.net/spec"
CONFORMANCE = (
    f"{_STAC}/v1.0.0/core",
    f"{_STAC}/v1.0.0/collections",
    f"{_STAC}/v1.0.0/item-search",
    f"{_STAC}/v1.0.0/item-search#sort",
    f"{_STAC}/v1.0.0/item-search#query",
    f"{_STAC}/v1.0.0/ogcapi-features",
    f"{_STAC}/v1.0.0/ogcapi-features#sort",
    f"{_STAC}/v1.0.0-rc.1/collection-search",
    f"{_STAC}/v1.0.0-rc.1/collection-search#free-text",
    f"{_STAC}/v1.0.0-rc.1/collection-search#advanced-free-text",
    f"{_STAC}/v1.0.0-rc.1/collection-search#query",
    f"{_STAC}/v1.0.0-rc.2/item-search#filter",
    *(f"{_OGC}/cql2/1.0/conf/{name}" for name in ("basic-cql2", "cql2-json", "cql2-text")),
    f"{_OGC}/ogcapi-common-2/1.0/conf/simple-query",
    *(f"{_OGC}/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "geojson", "oas30")),
    *(f"{_OGC}/ogcapi-features-3/1.0/conf/{name}" for name in ("filter", "features-filter")),
)


def landing_page(site_name: str, collections: Iterable[FoundCollection]) -> dict[str, Any]:
    """Return the landing page: a STAC catalogue that says who serves its collections."""
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": "geoscope-data-lake",
        "title": site_name,
        "description": f"All data of {site_name}, in one catalogue.",
        "conformsTo": CONFORMANCE,
        "federation": federation(site_name, collections),
        "links": [
            link("self", ROOT, title=site_name),
            link("root", ROOT, title=site_name),
            link("data", f"{ROOT}/collections", title="Collections"),
            link("conformance", f"{ROOT}/conformance", title="Standards that hold"),
            link("search", f"{ROOT}/search", GEOJSON, title="Item search", method="GET"),
            link("search", f"{ROOT}/search", GEOJSON, title="Item search", method="POST"),
            link(QUERYABLES_REL, f"{ROOT}/queryables", JSON_SCHEMA, title="What a search can name"),
            link("service-desc", f"{ROOT}/api", OPENAPI_MEDIA_TYPE, title="OpenAPI"),
            link("service-doc", str(MANIFEST.documentation), "text/html", title="Documentation"),
            link("orders", f"{ROOT}/orders", JSON, title="Your orders"),
        ],
    }


def federation(site_name: str, collections: Iterable[FoundCollection]) -> dict[str, Any]:
    """Return who serves collections, by name of the backend, as the collections themselves say."""
    backends: dict[str, Any] = {
        LOCAL: {"title": site_name, "description": f"Kept by {site_name} itself.", "url": ROOT}
    }
    for found in collections:
        document = orjson.loads(found.document)
        hosts = [each for each in document.get("providers") or () if "host" in (each.get("roles") or ())]
        names = [name for name in document.get("summaries", {}).get(BACKENDS, ()) if name != LOCAL]
        for name, host in zip(names, hosts, strict=False):
            title = host.get("name") or name
            about = {"title": title, "description": f"Served by {title}.", "url": host.get("url") or ROOT}
            backends.setdefault(name, about)
    return backends
