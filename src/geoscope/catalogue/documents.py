"""Answers, put together from stored bytes: links are spliced in and addresses filled in, nothing is parsed.

A stored document ends with its member `links`. It says `geoscope://base` for the platform's own address and
`geoscope://s3` for that of the S3 endpoint; both are filled in as the client sees the platform.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from geoscope.access import Policy
from geoscope.catalogue.announcing import announce
from geoscope.catalogue.finding import ItemAnswer
from geoscope.catalogue.models import CollectionPage, FoundCollection, FoundItem
from geoscope.catalogue.placeholders import BASE, S3
from geoscope.catalogue.stac_api.fields import FieldSelection
from geoscope.settings import Settings

_SCHEME = b"geoscope://"
ROOT = f"{BASE}/stac"

JSON = "application/json"
GEOJSON = "application/geo+json"
JSON_SCHEMA = "application/schema+json"
HTML = "text/html"
QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

# Made for each answer; a document that is sent in is stored without them.
GENERATED_RELS = frozenset(
    {"self", "root", "parent", "collection", "items", "item", "aggregate", "aggregations", QUERYABLES_REL}
)

type Link = Mapping[str, Any]
# Of the collections whose data is not for everybody, by id.
type Policies = Mapping[str, Policy]


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
    return _addresses(settings.edge.public_host, settings.s3_port, base_url)


# As many as there are names for the platform; what clients make up pushes each other out.
@lru_cache(maxsize=64)
def _addresses(public_host: str | None, s3_port: int, base_url: str) -> Addresses:
    if public_host:
        s3_url = f"https://s3.{public_host}"
    else:
        parts = urlsplit(base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        s3_url = f"{parts.scheme}://{host}:{s3_port}"
    return Addresses(_text(base_url), _text(s3_url))


def fill_in(document: bytes, known: Addresses) -> bytes:
    """Put the addresses in the places of their placeholders."""
    if _SCHEME not in document:
        return document
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


def item_document(item: FoundItem, policy: Policy | None = None) -> bytes:
    """Return an item with its links, and with its policy if its data is not for everybody."""
    return _splice(announce(item.document, policy), _item_links(item, ROOT))


def _item_links(item: FoundItem, root: str) -> bytes:
    collection = f"{root}/collections/{item.collection}"
    return (
        f'{{"rel":"self","href":"{collection}/items/{item.id}","type":"application/geo+json"}},'
        f'{{"rel":"parent","href":"{collection}","type":"application/json"}},'
        f'{{"rel":"collection","href":"{collection}","type":"application/json"}},'
        f'{{"rel":"root","href":"{root}","type":"application/json"}}'
    ).encode()


def collection_document(collection: FoundCollection, policy: Policy | None = None) -> bytes:
    """Return a collection with its links, and with its policy if its data is not for everybody."""
    href = f"{ROOT}/collections/{collection.id}"
    links = [
        link("self", href, title="This collection"),
        link("root", ROOT, title="Catalogue"),
        link("parent", ROOT, title="Catalogue"),
        link("items", f"{href}/items", GEOJSON, title="Items"),
        link(QUERYABLES_REL, f"{href}/queryables", JSON_SCHEMA, title="Queryables"),
        link("aggregate", f"{href}/aggregate", title="Aggregate"),
        link("aggregations", f"{href}/aggregations", title="Aggregations"),
    ]
    return _splice(announce(collection.document, policy), orjson.dumps(links)[1:-1])


def item_collection_document(
    answer: ItemAnswer,
    links: Sequence[Link],
    known: Addresses,
    policies: Policies,
    selection: FieldSelection | None = None,
) -> bytes:
    """Return a page of items as a GeoJSON FeatureCollection, with addresses filled in.

    Where other backends were asked, its member `federation` says what became of that.
    """
    # Most items hold no placeholder: filling in each by itself spares copying all of them.
    root = fill_in(ROOT.encode(), known).decode()
    features: list[bytes | memoryview] = []
    for item in answer.items:
        announced = announce(item.document, policies.get(item.collection))
        document, item_links = fill_in(announced, known), _item_links(item, root)
        if selection is not None:
            features += (b",", selection.select(_splice(document, item_links)))
        else:
            comma = b"" if document.endswith(b"[]}") else b","
            features += (b",", memoryview(document)[:-2], comma, item_links, b"]}")
    more = b',"numberReturned":%d' % len(answer.items)
    if answer.matched is not None:
        more += b',"numberMatched":%d' % answer.matched
    if answer.reports:
        backends = [
            {"id": report.backend, "state": report.state, "message": report.message}
            for report in answer.reports
        ]
        more += b',"federation":' + orjson.dumps({"backends": backends})
    links_json = fill_in(orjson.dumps(links), known)
    beginning, end = b'{"type":"FeatureCollection","features":[', b'],"links":%b%b}' % (links_json, more)
    return b"".join([beginning, *features[1:], end])


def collections_document(
    page: CollectionPage,
    links: Sequence[Link],
    policies: Policies,
    selection: FieldSelection | None = None,
    member: str = "collections",
) -> bytes:
    """Return a page of collections, which stand in a member of this name."""
    documents = [
        collection_document(collection, policies.get(collection.id)) for collection in page.collections
    ]
    if selection is not None:
        documents = [selection.select(document) for document in documents]
    return b'{"%b":[%b],"links":%b,"numberReturned":%d,"numberMatched":%d}' % (
        member.encode(),
        b",".join(documents),
        orjson.dumps(links),
        len(documents),
        page.matched,
    )


def _splice(document: bytes, links: bytes) -> bytes:
    """Put links, written without brackets, before the end of a document whose last member is its links."""
    comma = b"" if document.endswith(b"[]}") else b","
    return b"%b%b%b]}" % (document[:-2], comma, links)


def _text(value: str) -> bytes:
    """Write text as inside of a JSON string."""
    return orjson.dumps(value)[1:-1]
