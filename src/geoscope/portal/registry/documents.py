"""A service as the registry's JSON shows it."""

from typing import Any

from geoscope.portal.registry.health import Health
from geoscope.service import Manifest

# How the platform runs a service is nobody's business outside it.
INTERNAL_FIELDS = {"app", "part", "upstream", "strip_route", "endpoints", "openapi", "documentation"}


def service_document(manifest: Manifest, health: Health, base: str) -> dict[str, Any]:
    """Describe a service: its manifest's public part, its health, and whole addresses as links.

    Parameters
    ----------
    manifest : Manifest
        The service.
    health : Health
        How it is.
    base : str
        The platform's address as the client wrote it, without a slash at the end.
    """
    document = manifest.model_dump(mode="json", exclude=INTERNAL_FIELDS, exclude_none=True)
    return document | {"health": health.document, "links": service_links(manifest, base)}


def service_links(manifest: Manifest, base: str) -> list[dict[str, str]]:
    """Return the links of a service: itself, what it offers, its API, its documentation."""
    links = [{"rel": "self", "href": f"/services/{manifest.id}", "type": "application/json"}]
    for endpoint in manifest.endpoints:
        link = {"rel": endpoint.rel, "href": endpoint.href, "type": endpoint.type}
        links.append(link | ({"title": endpoint.title} if endpoint.title else {}))
    if manifest.openapi:
        links.append(
            {"rel": "service-desc", "href": manifest.openapi, "type": "application/vnd.oai.openapi+json"}
        )
    if manifest.documentation:
        links.append({"rel": "service-doc", "href": manifest.documentation, "type": "text/html"})
    links.append({"rel": "status", "href": manifest.health, "type": "application/json"})
    return [link | {"href": whole_address(link["href"], base)} for link in links]


def whole_address(href: str, base: str) -> str:
    """Put the platform's address before a path of its own."""
    return base + href if href.startswith("/") else href
