"""What the pages ask of the catalogue (STAC API at `/stac`)."""

from dataclasses import dataclass
from threading import BoundedSemaphore
from urllib.parse import parse_qs, urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _

from geoscope.errors import UnavailableError
from geoscope.portal.explorer.data_half import TIME_LIMIT_S, DataHalf, Json, Parameters
from geoscope.portal.explorer.datasets import OWN_BACKENDS, Collection, Described, Item, share_of_globe

COLLECTIONS_AT_ONCE = 1000
MAX_COLLECTIONS = 10_000
MAX_ITEMS = 100

# The catalogue gives other providers 8 seconds; its own work comes on top.
FEDERATED_TIME_LIMIT_S = 12.0
# Each of them keeps one of the portal's threads waiting; the other pages need the rest.
_federated_searches = BoundedSemaphore(4)


@dataclass(frozen=True)
class BackendReport:
    """A backend that did not answer a search as it should have, in its own words."""

    backend: str
    state: str
    message: str


@dataclass(frozen=True)
class SearchResult:
    """One page of found items; `reports` tell whose items are missing."""

    items: list[Item]
    total: int | None
    next_token: str
    reports: list[BackendReport]

    @property
    def footprints(self) -> Json:
        """The outlines of the items as GeoJSON, each with its id, title and page."""
        features = [
            {
                "type": "Feature",
                "id": item.id,
                "geometry": item.document.get("geometry"),
                "properties": {
                    "title": item.title,
                    "href": reverse("item", args=[item.collection_id, item.id]),
                },
            }
            for item in self.items
        ]
        return {"type": "FeatureCollection", "features": features}


def list_collections(data: DataHalf, parameters: dict[str, str | int] | None = None) -> list[Collection]:
    """Return the collections that fit a search, or all, in order of id."""
    asked: dict[str, str | int] = {"limit": COLLECTIONS_AT_ONCE, **(parameters or {})}
    found: list[Collection] = []
    while len(found) < MAX_COLLECTIONS:
        answer = data.get("stac", "collections", parameters=asked)
        found += (Collection(document) for document in answer["collections"])
        token = _next_token(answer)
        if not token:
            break
        asked["token"] = token
    return found


def list_local_collections(data: DataHalf, limit: int = COLLECTIONS_AT_ONCE) -> list[Collection]:
    """Return the collections that this platform itself serves, in order of id."""
    found = []
    for backend in OWN_BACKENDS:
        answer = data.get("stac", "collections", parameters={"provider": backend, "limit": limit})
        found += [Collection(document) for document in answer["collections"]]
    return sorted({one.id: one for one in found}.values(), key=lambda one: one.id)[:limit]


def find_collection(data: DataHalf, collection_id: str) -> Collection:
    """Return one collection."""
    return Collection(data.get("stac", "collections", collection_id))


def may_have(data: DataHalf, described: Described) -> bool:
    """Tell whether the visitor may have the data of a collection, or of an item's collection."""
    if described.policy is None:
        return True
    collection_id = described.collection_id if isinstance(described, Item) else described.id
    return bool(data.get("stac", "collections", collection_id, "access")["granted"])


def list_items(data: DataHalf, collection: Collection) -> list[Item]:
    """Return the items of a collection, in order of id."""
    answer = data.get("stac", "collections", collection.id, "items", parameters={"limit": MAX_ITEMS})
    return sorted((Item(document, collection) for document in answer["features"]), key=lambda item: item.id)


def newest_items(data: DataHalf, collection: Collection, limit: int) -> SearchResult:
    """Return the newest items of a collection that this platform serves."""
    answer = data.get("stac", "collections", collection.id, "items", parameters={"limit": limit})
    return _search_result(answer, {collection.id: collection})


def find_item(data: DataHalf, collection_id: str, item_id: str) -> Item:
    """Return one item, with its collection."""
    collection = find_collection(data, collection_id)
    limit = TIME_LIMIT_S if collection.is_local else FEDERATED_TIME_LIMIT_S
    document = data.get("stac", "collections", collection_id, "items", item_id, time_limit_s=limit)
    return Item(document, collection)


def search_items(data: DataHalf, parameters: Parameters, collection: Collection | None) -> SearchResult:
    """Return one page of the items that fit a search.

    Parameters
    ----------
    data : DataHalf
        Whom to ask.
    parameters : mapping or list of pairs
        The search.
    collection : Collection or None
        The one whose items are looked for, if it is one: others than the platform may take their time.
    """
    if collection is None or collection.is_local:
        answer = data.get("stac", "search", parameters=parameters)
    else:
        answer = _search_federated(data, parameters)
    known = {collection.id: collection} if collection else {}
    for document in answer["features"]:
        collection_id = document.get("collection") or ""
        if collection_id not in known:
            known[collection_id] = find_collection(data, collection_id)
    return _search_result(answer, known)


def widest_item(items: list[Item]) -> Item | None:
    """Return the item that covers most of the globe and can be drawn."""
    drawn = [item for item in items if item.renders]
    return max(drawn, key=lambda item: share_of_globe(item.box), default=None)


def _search_federated(data: DataHalf, parameters: Parameters) -> Json:
    if not _federated_searches.acquire(timeout=1.0):
        raise UnavailableError(_("Many searches at other providers are under way. Try again in a moment."))
    try:
        return data.get("stac", "search", parameters=parameters, time_limit_s=FEDERATED_TIME_LIMIT_S)
    finally:
        _federated_searches.release()


def _search_result(answer: Json, collections: dict[str, Collection]) -> SearchResult:
    items = [
        Item(document, collections.get(document.get("collection") or "")) for document in answer["features"]
    ]
    return SearchResult(items, answer.get("numberMatched"), _next_token(answer), _reports(answer))


def _reports(answer: Json) -> list[BackendReport]:
    told = (answer.get("federation") or {}).get("backends") or []
    reports = [BackendReport(one["id"], one["state"], str(one.get("message") or "")) for one in told]
    return [report for report in reports if report.state != "answered" or report.message]


def _next_token(answer: Json) -> str:
    for link in answer.get("links") or []:
        if link.get("rel") == "next":
            query = urlsplit(str(link.get("href", ""))).query
            return parse_qs(query).get("token", [""])[0]
    return ""
