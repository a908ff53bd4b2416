"""Telling clients whom data is for before they try: in the answers, by the STAC Authentication extension.

What is for everybody, as most is, says nothing of it, and its stored bytes are passed on unparsed. The
announcement is made for each answer, as links are, and never stored: it is always that of now.
"""

from typing import Any

import orjson

from geoscope.access import ANNOUNCED_AS, Policy
from geoscope.catalogue.placeholders import BASE

EXTENSION = "https://stac-extensions.github.io/authentication/v1.1.0/schema.json"
SCHEMES, REFERENCES = "auth:schemes", "auth:refs"
SCHEME = "geoscope"

type Document = dict[str, Any]


def announce(stored: bytes, policy: Policy | None) -> bytes:
    """Return a collection or an item that says whom its data is for; as it is where that is everybody."""
    if policy is None:
        return stored
    document: Document = orjson.loads(stored)
    links = document.pop("links", [])
    extensions = document.get("stac_extensions") or []
    if EXTENSION not in extensions:
        document["stac_extensions"] = [*extensions, EXTENSION]
    members = document["properties"] if document.get("type") == "Feature" else document
    members[ANNOUNCED_AS] = str(policy)
    members[SCHEMES] = (members.get(SCHEMES) or {}) | {SCHEME: _scheme(policy)}
    for asset in (document.get("assets") or {}).values():
        if "thumbnail" not in (asset.get("roles") or ()):
            asset.setdefault(REFERENCES, [SCHEME])
    # What stands last in a stored document stands last in all of them.
    document["links"] = links
    return orjson.dumps(document)


def withdraw(document: Document, members: Document) -> Policy | None:
    """Take the announcement out of a document that is sent in, and return what it says.

    Parameters
    ----------
    document : dict
        A collection or an item; it is changed, and its assets are replaced, in place.
    members : dict
        Its properties, or for a collection the document itself; changed in place, too.

    Raises
    ------
    InvalidInputError
        If it names no policy.
    """
    if ANNOUNCED_AS not in members:
        return None
    policy = Policy.parse(str(members.pop(ANNOUNCED_AS)))
    schemes = {name: scheme for name, scheme in (members.pop(SCHEMES, None) or {}).items() if name != SCHEME}
    if schemes:
        members[SCHEMES] = schemes
    elif EXTENSION in (document.get("stac_extensions") or ()):
        document["stac_extensions"] = [each for each in document["stac_extensions"] if each != EXTENSION]
    if "assets" in document:
        document["assets"] = {key: _without_reference(asset) for key, asset in document["assets"].items()}
    return policy


def _scheme(policy: Policy) -> Document:
    ask = f" Ask for it at {BASE}{policy.request_path}" if policy.request_path else ""
    return {
        "type": "openIdConnect",
        "description": f"{policy.sentence}{ask}",
        "openIdConnectUrl": f"{BASE}/.well-known/openid-configuration",
    }


def _without_reference(asset: Document) -> Document:
    if asset.get(REFERENCES) != [SCHEME]:
        return asset
    return {name: value for name, value in asset.items() if name != REFERENCES}
