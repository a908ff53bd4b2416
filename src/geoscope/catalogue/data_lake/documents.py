"""Collections and items as Data Lake clients expect them; see `docs/services/catalogue-data-lake.md`."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from geoscope.access import Policy
from geoscope.catalogue.announcing import announce
from geoscope.catalogue.documents import (
    GENERATED_RELS,
    GEOJSON,
    JSON,
    JSON_SCHEMA,
    QUERYABLES_REL,
    Link,
    Policies,
    link,
)
from geoscope.catalogue.finding import ItemAnswer
from geoscope.catalogue.models import FoundCollection, FoundItem
from geoscope.catalogue.orders.documents import PRODUCT, ROOT, download_address
from geoscope.catalogue.orders.ordering import BACKENDS, LOCAL, WHOLE_EARTH, is_orderable, is_twin_collection
from geoscope.catalogue.orders.product_files import data_assets
from geoscope.catalogue.stac_api.fields import FieldSelection

CATALOGUE = "Catalogue"
QUERYABLES_TITLE = "What a search can name"

type Document = dict[str, Any]


def collection_document(found: FoundCollection, policy: Policy | None = None) -> Document:
    """Return a collection with its links, each of which has a title."""
    document: Document = orjson.loads(announce(found.document, policy))
    title = document.get("title") or found.id
    document.setdefault("dedl:short_description", title)
    summaries = document.setdefault("summaries", {})
    summaries.setdefault(BACKENDS, [LOCAL])
    can_order = "orderable" in summaries.get("order:status", ()) or is_twin_collection(document)
    href = f"{ROOT}/collections/{found.id}"
    document["links"] = [
        link("self", href, JSON, title=title),
        link("root", ROOT, JSON, title=CATALOGUE),
        link("parent", ROOT, JSON, title=CATALOGUE),
        link("items", f"{href}/items", GEOJSON, title="Items"),
        link(QUERYABLES_REL, f"{href}/queryables", JSON_SCHEMA, title=QUERYABLES_TITLE),
        *([_retrieve_link(found.id)] if can_order else []),
        *_own_links(document),
    ]
    return document


def item_document(found: FoundItem, policy: Policy | None = None) -> Document:
    """Return an item with its links; what is one file can be downloaded as a whole."""
    document: Document = orjson.loads(announce(found.document, policy))
    if document["geometry"] is None:
        document |= {"geometry": WHOLE_EARTH, "bbox": [-180, -90, 180, 90]}
    sent = document["properties"]
    backends = sent.get(BACKENDS) or [LOCAL]
    can_order = is_orderable(sent)
    document["properties"] = {
        "title": found.id,
        "published": sent.get("created") or sent.get("updated") or sent.get("datetime"),
        "storage:tier": "offline" if can_order else "online",
        "order:status": "orderable" if can_order else "succeeded",
        BACKENDS: backends,
    } | {name: value for name, value in sent.items() if value is not None or name == "datetime"}
    document["assets"] = _assets(document, backends[0], can_order=can_order)
    collection = f"{ROOT}/collections/{found.collection}"
    own = _own_links(document)
    # A backend of the federation says in its own words how the item is ordered.
    body = next((each["body"] for each in own if each["rel"] == "retrieve" and "body" in each), None)
    document["links"] = [
        link("self", f"{collection}/items/{found.id}", GEOJSON, title=found.id),
        link("collection", collection, JSON, title=found.collection),
        link("parent", collection, JSON, title=found.collection),
        link("root", ROOT, JSON, title=CATALOGUE),
        *([_retrieve_link(found.collection, body or {"id": found.id})] if can_order else []),
        *(each for each in own if each["rel"] != "retrieve"),
    ]
    return document


def item_collection_document(
    answer: ItemAnswer, links: Sequence[Link], policies: Policies, selection: FieldSelection | None
) -> bytes:
    """Return a page of items as a GeoJSON FeatureCollection."""
    documents = [orjson.dumps(item_document(item, policies.get(item.collection))) for item in answer.items]
    if selection is not None:
        documents = [selection.select(document) for document in documents]
    more: Document = {"links": links, "numberReturned": len(documents)}
    if answer.matched is not None:
        more["numberMatched"] = answer.matched
    if answer.reports:
        more["federation"] = {
            "backends": [
                {"id": each.backend, "state": each.state, "message": each.message} for each in answer.reports
            ]
        }
    return b'{"type":"FeatureCollection","features":[%b],%b' % (b",".join(documents), orjson.dumps(more)[1:])


def _assets(item: Document, backend: str, *, can_order: bool) -> Document:
    """Return all assets but data to be ordered, and the product as a whole where it is one file."""
    assets: Document = item["assets"]
    data = data_assets(item)
    if can_order:
        return {key: asset for key, asset in assets.items() if key not in data}
    if backend == LOCAL and len(data) == 1 and PRODUCT not in assets:
        [(key, asset)] = data.items()
        alternate = {"alternate": {"origin": {"href": asset["href"], "title": "Where it lies"}}}
        href = download_address(backend, item["collection"], item["id"], PRODUCT)
        return {PRODUCT: {"title": key, **asset, **alternate, "href": href}} | assets
    return assets


def _own_links(document: Mapping[str, Any]) -> list[Link]:
    own = (each for each in document["links"] if each["rel"] not in GENERATED_RELS)
    return [{"title": each["rel"], **each} for each in own]


def _retrieve_link(collection: str, body: object = None) -> Link:
    more = {} if body is None else {"body": body}
    href = f"{ROOT}/collections/{collection}/order"
    return link("retrieve", href, GEOJSON, title="Order", method="POST", **more)
