"""A backend that is a STAC API."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import anyio
import orjson
from shapely.geometry import mapping

from geoscope.catalogue.areas import Area
from geoscope.catalogue.datetimes import EARLIEST_US, LATEST_US, Interval, format_instant
from geoscope.catalogue.federation.backends import Answer, BackendError, Credentials, Document, Question
from geoscope.catalogue.federation.fetching import Fetcher, NotFoundHereError, RefusedRequestError
from geoscope.catalogue.models import SortKey

MAX_PAGE_SIZE = 250
MAX_COLLECTIONS = 5000

# What a backend calls otherwise than this catalogue does.
_OWN_NAMES = frozenset({"id", "collection", "federation:backends", "federation:id"})

_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


class _Abilities(NamedTuple):
    """What the landing page says, and until when it is believed (s, monotonic)."""

    search_url: str
    takes_post: bool
    sorts: bool
    filters: bool
    until_s: float


class StacApiBackend:
    """Asks a STAC API 1.0 with item search.

    Parameters
    ----------
    url : str
        Its landing page.
    fetcher : Fetcher
        Asks the server.
    lifetime_s : float
        How long is believed what the landing page says.
    """

    def __init__(self, url: str, fetcher: Fetcher, lifetime_s: float) -> None:
        self._url = url.rstrip("/")
        self._fetcher = fetcher
        self._lifetime_s = lifetime_s
        self._abilities: _Abilities | None = None
        self._looking = anyio.Lock()

    @property
    def address(self) -> str:
        """The landing page."""
        return self._url + "/"

    async def search(self, question: Question, cursor: str | None, credentials: Credentials) -> Answer:
        """Return the first items of an answer, or those that a cursor leads to."""
        abilities = await self._look(credentials)
        body = search_body(question, sorts=abilities.sorts, filters=abilities.filters)
        try:
            page = await self._page(abilities, body, cursor, credentials)
        except RefusedRequestError:
            # It may be the filter that it cannot; this catalogue can.
            if body.pop("filter", None) is None or cursor is not None:
                raise
            body.pop("filter-lang")
            page = await self._page(abilities, body, cursor, credentials)
        documents = page.get("features")
        if not isinstance(documents, list):
            raise BackendError("Its answer is no FeatureCollection.")
        next_cursor = self._next_cursor(page, abilities, body)
        return Answer(documents, next_cursor if next_cursor != cursor else None, abilities.sorts)

    async def item(self, collection: str, id_: str, credentials: Credentials) -> Document | None:
        """Return an item, or None if there is none of this id."""
        path = f"collections/{quote(collection, safe='')}/items/{quote(id_, safe='')}"
        return await self._document(path, credentials)

    async def queryables(self, collection: str, credentials: Credentials) -> Document | None:
        """Return the JSON Schema of what a search in a collection can name."""
        return await self._document(f"collections/{quote(collection, safe='')}/queryables", credentials)

    async def collections(self, credentials: Credentials) -> list[Document]:
        """Return all its collections."""
        found: list[Document] = []
        url: str | None = f"{self._url}/collections"
        seen = set()
        while url is not None and url not in seen and len(found) < MAX_COLLECTIONS:
            seen.add(url)
            page = await self._fetcher.get(url, authorization(credentials))
            listed = page.get("collections") if isinstance(page, Mapping) else None
            if not isinstance(listed, list):
                raise BackendError("Its list of collections is none.")
            found += [collection for collection in listed if isinstance(collection, dict)]
            following = _link(page, "next")
            url = None if following is None else urljoin(url, str(following["href"]))
        return found[:MAX_COLLECTIONS]

    async def close(self) -> None:
        """Close all connections."""
        await self._fetcher.close()

    async def _look(self, credentials: Credentials) -> _Abilities:
        async with self._looking:
            if self._abilities is None or time.monotonic() > self._abilities.until_s:
                self._abilities = await self._read_abilities(credentials)
            return self._abilities

    async def _read_abilities(self, credentials: Credentials) -> _Abilities:
        landing = await self._fetcher.get(self._url, authorization(credentials))
        classes = landing.get("conformsTo") if isinstance(landing, Mapping) else None
        if not isinstance(classes, list):
            raise BackendError("Its landing page is none of a STAC API.")
        searches = [link for link in _links(landing) if link.get("rel") == "search"]
        posting = [link for link in searches if str(link.get("method")).upper() == "POST"]
        hrefs = [str(link.get("href")) for link in (*posting, *searches)]
        text = " ".join(map(str, classes))
        return _Abilities(
            search_url=urljoin(self.address, hrefs[0]) if hrefs else f"{self._url}/search",
            takes_post=bool(posting),
            sorts="item-search#sort" in text,
            filters="item-search#filter" in text and "cql2-json" in text,
            until_s=time.monotonic() + self._lifetime_s,
        )

    async def _page(
        self, abilities: _Abilities, body: Document, cursor: str | None, credentials: Credentials
    ) -> Document:
        path, changes = ("", {}) if cursor is None else orjson.loads(cursor)
        url = urljoin(abilities.search_url, path) if path else abilities.search_url
        if abilities.takes_post:
            page = await self._fetcher.post(url, body | changes, authorization(credentials))
        else:
            query = urlencode(_as_query(body) | changes)
            page = await self._fetcher.get(f"{url}?{query}", authorization(credentials))
        if not isinstance(page, dict):
            raise BackendError("Its answer is no FeatureCollection.")
        return page

    def _next_cursor(self, page: Document, abilities: _Abilities, body: Document) -> str | None:
        """Return where the next page differs from the first: its path, and members of the request."""
        link = _link(page, "next")
        if link is None:
            return None
        address = urlsplit(urljoin(abilities.search_url, str(link["href"])))
        self._fetcher.require_own(address.geturl())
        search_path = urlsplit(abilities.search_url).path
        sent: Document = body if abilities.takes_post else _as_query(body)
        following = link.get("body") if abilities.takes_post else dict(parse_qsl(address.query))
        if not isinstance(following, Mapping):
            raise BackendError("Its link to the next page cannot be followed.")
        changes = {name: value for name, value in following.items() if sent.get(name) != value}
        return orjson.dumps([address.path if address.path != search_path else "", changes]).decode()

    async def _document(self, path: str, credentials: Credentials) -> Document | None:
        try:
            found = await self._fetcher.get(f"{self._url}/{path}", authorization(credentials))
        except NotFoundHereError:
            return None
        return found if isinstance(found, dict) else None


def search_body(question: Question, *, sorts: bool, filters: bool) -> Document:
    """Return a question as the body of a search (STAC API Item Search)."""
    body: Document = {
        "collections": [question.collection],
        "limit": min(question.size, MAX_PAGE_SIZE),
        **_place(question.area),
    }
    if question.ids is not None:
        body["ids"] = list(question.ids)
    if question.time is not None:
        body["datetime"] = _interval(question.time)
    if sorts:
        body["sortby"] = [_sort(key) for key in question.order]
        if all(key.property != "id" for key in question.order):
            body["sortby"].append({"field": "id", "direction": "asc"})
    if filters and question.filter is not None:
        names = {reference.name for reference in question.filter.references.values()}
        if names.isdisjoint(_OWN_NAMES):
            body |= {"filter": question.filter.sent, "filter-lang": "cql2-json"}
    return body


def authorization(credentials: Credentials) -> dict[str, str]:
    """Return the header that says who asks (RFC 6750, RFC 7617)."""
    if token := credentials.get("token"):
        return {"Authorization": f"Bearer {token}"}
    return {}


def _place(area: Area | None) -> Document:
    if area is None:
        return {}
    if area.geometry is None and len(area.boxes) == 1:
        return {"bbox": list(area.boxes[0])}
    return {"intersects": mapping(area.shape)}


def _interval(time_: Interval) -> str:
    start = ".." if time_.start_us == EARLIEST_US else format_instant(time_.start_us)
    end = ".." if time_.end_us == LATEST_US else format_instant(time_.end_us)
    return start if start == end else f"{start}/{end}"


def _sort(key: SortKey) -> dict[str, str]:
    name = key.property if key.property in ("id", "collection") else f"properties.{key.property}"
    return {"field": name, "direction": "desc" if key.descending else "asc"}


def _as_query(body: Document) -> dict[str, str]:
    """Return a body as the parameters of a GET request."""
    query: dict[str, str] = {}
    for name, value in body.items():
        if name == "sortby":
            signs = {"asc": "+", "desc": "-"}
            query[name] = ",".join(f"{signs[key['direction']]}{key['field']}" for key in value)
        elif isinstance(value, list):
            query[name] = ",".join(map(str, value))
        else:
            query[name] = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return query


def _links(document: object) -> list[Mapping[str, Any]]:
    links = document.get("links") if isinstance(document, Mapping) else None
    return [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []


def _link(document: object, rel: str) -> Mapping[str, Any] | None:
    return next((link for link in _links(document) if link.get("rel") == rel and link.get("href")), None)
