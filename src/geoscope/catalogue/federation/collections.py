"""Collections of other catalogues as STAC documents of this one."""

import re
from collections.abc import Mapping
from typing import Any

from geoscope.catalogue.federation.portfolio import WHOLE_EARTH, Portfolio, PortfolioCollection, ServedBy
from geoscope.catalogue.records import MAX_ID_CHARACTERS

type Document = dict[str, Any]

_UNSAFE = re.compile(r"[^A-Za-z0-9._:-]", re.ASCII)
_ESCAPE = re.compile(r"~([0-9A-F]{2})")
_KEPT_LINKS = frozenset({"license", "about", "cite-as", "describedby"})


def collection_document(collection: PortfolioCollection, portfolio: Portfolio) -> Document:
    """Return a collection of the portfolio as a STAC collection."""
    backends = [portfolio.backends[served.name] for served in collection.backends]
    names = list(dict.fromkeys(served.name for served in collection.backends))
    makers = [{"name": collection.provider, "roles": ["producer", "licensor"]}] if collection.provider else []
    hosts = [
        {"name": backend.title or name, "roles": ["host"]} | ({"url": backend.about} if backend.about else {})
        for name, backend in dict(zip(names, backends, strict=False)).items()
    ]
    summaries: Document = {"federation:backends": names, "federation:access": [collection.access]}
    for name in ("platform", "constellation", "instruments"):
        if values := getattr(collection, name):
            summaries[name] = list(values)
    if collection.orderable:
        summaries |= {"storage:tier": ["offline"], "order:status": ["orderable"]}
    links = [
        {"rel": "about", "href": backend.about, "title": backend.title}
        for backend in backends
        if backend.about
    ]
    if collection.licence_url:
        links.append({"rel": "license", "href": collection.licence_url, "title": collection.licence})
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": collection.id,
        "title": collection.title,
        "description": collection.description or collection.title,
        "keywords": list(collection.keywords),
        "license": collection.licence,
        "providers": makers + hosts,
        "extent": {
            "spatial": {"bbox": [list(collection.bbox)]},
            "temporal": {"interval": [[collection.start, collection.end]]},
        },
        "summaries": summaries,
        "links": links,
    }


def discovered_collection(remote: Mapping[str, Any], backend: str, prefix: str) -> PortfolioCollection | None:
    """Return a collection that a backend tells of as an entry of a portfolio, or None if it is no collection.

    What the backend says wrongly is replaced by what is true of every collection.
    """
    id_ = remote.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= MAX_ID_CHARACTERS or not prefix + id_.strip():
        return None
    local_id = prefix + local_name(id_)
    if len(local_id) > MAX_ID_CHARACTERS:
        return None
    facts = {
        "id": local_id,
        "title": _text(remote.get("title"), 500) or id_,
        "description": _text(remote.get("description"), 10_000),
        "provider": _maker(remote.get("providers")),
        "licence": _text(remote.get("license"), 100) or "other",
        "keywords": _words(remote.get("keywords")),
        "backends": (ServedBy(name=backend, collection=id_),),
    }
    summaries = remote.get("summaries")
    for name in ("platform", "constellation", "instruments"):
        facts[name] = _words(summaries.get(name)) if isinstance(summaries, Mapping) else ()
    try:
        return PortfolioCollection.model_validate(facts | _extent(remote.get("extent")))
    except ValueError:
        return PortfolioCollection.model_validate(facts)


def local_name(remote_id: str) -> str:
    """Return an id of another catalogue in characters that an id of this one may have; see `remote_name`."""
    return _UNSAFE.sub(lambda match: "".join(f"~{byte:02X}" for byte in match[0].encode()), remote_id)


def remote_name(local_id: str) -> str:
    """Return the id of which `local_name` has made this one."""
    if "~" not in local_id:
        return local_id
    parts = _ESCAPE.split(local_id)
    encoded = b"".join(
        bytes.fromhex(part) if number % 2 else part.encode() for number, part in enumerate(parts)
    )
    return encoded.decode(errors="replace")


def _extent(extent: object) -> Document:
    match extent:
        case {"spatial": {"bbox": [[*box], *_]}, "temporal": {"interval": [[start, end], *_]}}:
            flat = box if len(box) == 4 else [*box[:2], *box[3:5]]
            return {"bbox": flat or WHOLE_EARTH, "start": start, "end": end}
    return {}


def _text(value: object, most: int) -> str:
    return value.strip()[:most] if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list) else []
    return tuple(word[:200] for word in words[:100] if isinstance(word, str) and word)


def _maker(providers: object) -> str:
    for provider in providers if isinstance(providers, list) else []:
        if isinstance(provider, Mapping):
            return _text(provider.get("name"), 200)
    return ""
