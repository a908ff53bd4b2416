"""What the pages ask of the catalogue (STAC API at `/stac`)."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from django.urls import reverse

from geoscope.portal.explorer.data_half import DataHalf, Json, Parameters
from geoscope.portal.explorer.datasets import Collection, Item, share_of_globe

MAX_COLLECTIONS = 200
MAX_ITEMS = 100


@dataclass(frozen=True)
class SearchResult:
    """One page of found items."""

    items: list[Item]
    total: int | None
    next_token: str

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


def list_collections(data: DataHalf) -> dict[str, Collection]:
    """Return the collections by id."""
    answer = data.get("stac", "collections", parameters={"limit": MAX_COLLECTIONS})
    return {document["id"]: Collection(document) for document in answer["collections"]}


def find_collection(data: DataHalf, collection_id: str) -> Collection:
    """Return one collection."""
    return Collection(data.get("stac", "collections", collection_id))


def list_items(data: DataHalf, collection: Collection) -> list[Item]:
    """Return the items of a collection, in order of id."""
    answer = data.get("stac", "collections", collection.id, "items", parameters={"limit": MAX_ITEMS})
    return sorted((Item(document, collection) for document in answer["features"]), key=lambda item: item.id)


def find_item(data: DataHalf, collection_id: str, item_id: str) -> Item:
    """Return one item, with its collection."""
    collection = find_collection(data, collection_id)
    return Item(data.get("stac", "collections", collection_id, "items", item_id), collection)


def search_items(data: DataHalf, parameters: Parameters) -> SearchResult:
    """Return one page of the items that fit a search."""
    collections = list_collections(data)
    answer = data.get("stac", "search", parameters=parameters)
    items = [
        Item(document, collections.get(document.get("collection", ""))) for document in answer["features"]
    ]
    return SearchResult(items, answer.get("numberMatched"), _next_token(answer))


def widest_item(items: list[Item]) -> Item | None:
    """Return the item that covers most of the globe and can be drawn."""
    drawn = [item for item in items if item.renders]
    return max(drawn, key=lambda item: share_of_globe(item.box), default=None)


def _next_token(answer: Json) -> str:
    for link in answer.get("links") or []:
        if link.get("rel") == "next":
            query = urlsplit(str(link.get("href", ""))).query
            return parse_qs(query).get("token", [""])[0]
    return ""
