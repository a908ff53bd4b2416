"""Answers, put together from stored bytes: links are spliced in and addresses filled in, nothing is parsed.

A stored document ends with its member `links`. It says `geoscope://base` for the platform's own address and
`geoscope://s3` for that of the S3 endpoint; both are filled in as the client sees the platform.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from geoscope.catalogue.models import FoundCollection, FoundItem
from geoscope.settings import Settings

BASE = "geoscope://base"
S3 = "geoscope://s3"
ROOT = f"{BASE}/stac"

JSON = "application/json"
GEOJSON = "application/geo+json"
JSON_SCHEMA = "application/schema+json"
QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

# Made for each answer; a document that is sent in is stored without them.
GENERATED_RELS = frozenset({"self", "root", "parent", "collection", "items", "item", QUERYABLES_REL})

type Link = Mapping[str, Any]


class Addresses(NamedTuple):
    """What stands in an answer for the two placeholders, as JSON text."""

    base: bytes
    s3: bytes


def addresses(settings: Settings, base_url: str) -> Addresses:
    """Return the addresses of the platform and of its S3 endpoint as a client sees them.

    Parameters
    ----------
    settings : Settings
        Says the S3 endpoint's port, and the public host name if there is one.
    base_url : str
        The platform's address as the client wrote it, without a slash at the end.
    """
    if settings.edge.public_host:
        s3_url = f"https://s3.{settings.edge.public_host}"
    else:
        parts = urlsplit(base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        s3_url = f"{parts.scheme}://{host}:{settings.s3_port}"
    return Addresses(_text(base_url), _text(s3_url))


def fill_in(document: bytes, known: Addresses) -> bytes:
    """Put the addresses in the places of their placeholders."""
    return document.replace(BASE.encode(), known.base).replace(S3.encode(), known.s3)


def take_out(document: bytes, known: Addresses) -> bytes:
    """Put the placeholders back, so that a document that was read here can be sent back as it is."""
    for placeholder, address in ((BASE, known.base), (S3, known.s3)):
        for end in (b"/", b'"'):
            document = document.replace(address + end, placeholder.encode() + end)
    return document


def link(rel: str, href: str, type_: str = JSON, **more: object) -> Link:
    """Return a link (RFC 8288) as STAC writes it."""
    return {"rel": rel, "href": href, "type": type_, **more}


def item_document(item: FoundItem) -> bytes:
    """Return an item with its links."""
    collection = f"{ROOT}/collections/{item.collection}"
    links = (
        f'{{"rel":"self","href":"{collection}/items/{item.id}","type":"application/geo+json"}},'
        f'{{"rel":"parent","href":"{collection}","type":"application/json"}},'
        f'{{"rel":"collection","href":"{collection}","type":"application/json"}},'
        f'{{"rel":"root","href":"{ROOT}","type":"application/json"}}'
    )
    return _splice(item.document, links.encode())


def collection_document(collection: FoundCollection) -> bytes:
    """Return a collection with its links."""
    href = f"{ROOT}/collections/{collection.id}"
    links = [
        link("self", href),
        link("root", ROOT),
        link("parent", ROOT),
        link("items", f"{href}/items", GEOJSON),
        link(QUERYABLES_REL, f"{href}/queryables", JSON_SCHEMA),
    ]
    return _splice(collection.document, orjson.dumps(links)[1:-1])


def item_collection_document(items: Iterable[FoundItem], links: Sequence[Link], matched: int | None) -> bytes:
    """Return a page of items as a GeoJSON FeatureCollection."""
    documents = [item_document(item) for item in items]
    counts = b',"numberReturned":%d' % len(documents) + (
        b"" if matched is None else b',"numberMatched":%d' % matched
    )
    return b'{"type":"FeatureCollection","features":[%b],"links":%b%b}' % (
        b",".join(documents),
        orjson.dumps(links),
        counts,
    )


def collections_document(
    collections: Iterable[FoundCollection], links: Sequence[Link], matched: int
) -> bytes:
    """Return a page of collections."""
    documents = [collection_document(collection) for collection in collections]
    return b'{"collections":[%b],"links":%b,"numberReturned":%d,"numberMatched":%d}' % (
        b",".join(documents),
        orjson.dumps(links),
        len(documents),
        matched,
    )


def _splice(document: bytes, links: bytes) -> bytes:
    """Put links, written without brackets, before the end of a document whose last member is its links."""
    comma = b"" if document.endswith(b"[]}") else b","
    return b"%b%b%b]}" % (document[:-2], comma, links)


def _text(value: str) -> bytes:
    """Write text as inside of a JSON string."""
    return orjson.dumps(value)[1:-1]
