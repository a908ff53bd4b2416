"""Addresses in documents from elsewhere: relative ones are made whole, so that they lead there from here."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin


def with_whole_addresses(document: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return a document whose links and assets are found from anywhere.

    Parameters
    ----------
    document : mapping
        An item or a collection; what is not as it should be stays, for the check to find.
    base : str
        Address of the document, which relative ones are relative to.
    """
    whole = dict(document)
    if isinstance(links := document.get("links"), list):
        whole["links"] = [_whole(link, base) for link in links]
    for member in ("assets", "item_assets"):
        if isinstance(assets := document.get(member), Mapping):
            whole[member] = {key: _whole(asset, base) for key, asset in assets.items()}
    return whole


def link_address(document: Mapping[str, Any], rel: str, base: str) -> str | None:
    """Return the whole address of the first link of a kind, if there is one."""
    return next(iter(link_addresses(document, rel, base)), None)


def link_addresses(document: Mapping[str, Any], rel: str, base: str) -> list[str]:
    """Return the whole addresses of all links of a kind."""
    return [joined for link in links_of(document, rel) if (joined := _join(base, link["href"])) is not None]


def links_of(document: Mapping[str, Any], rel: str) -> list[Mapping[str, Any]]:
    """Return the links of a kind that have an address."""
    links = document.get("links")
    return [
        link
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, Mapping) and link.get("rel") == rel and isinstance(link.get("href"), str)
    ]


def _whole(part: object, base: str) -> object:
    if not isinstance(part, Mapping) or not isinstance(href := part.get("href"), str):
        return part
    return {**part, "href": _join(base, href) or href}


def _join(base: str, href: str) -> str | None:
    try:
        return urljoin(base, href)
    except ValueError:
        return None
