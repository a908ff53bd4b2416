"""For whom the catalogue answers, and who may change what."""

from geoscope.access import ADMINISTRATOR, Principal, require_data
from geoscope.catalogue.manifest import EDITOR_ROLE, PUBLISHER_ROLE
from geoscope.catalogue.models import ANYBODY, Reader, Sharing
from geoscope.catalogue.store import CatalogueStore
from geoscope.catalogue.transactions import no_collection
from geoscope.errors import NotAllowedError
from geoscope.settings import current_settings


def reader_of(principal: Principal | None) -> Reader:
    """Return for whom a principal searches; a stranger without a token is `ANYBODY`.

    Administrators and the platform's own parts find everything.
    """
    if principal is None:
        return ANYBODY
    sees_all = ADMINISTRATOR in principal.roles or principal.subject.startswith("service:")
    entities = {f"entity:{slug}" for slug in principal.entities}
    return Reader(frozenset({f"user:{principal.subject}", *entities}), sees_all)


def finds(reader: Reader, sharing: Sharing) -> bool:
    """Tell whether a collection is not hidden from a reader."""
    return reader.sees_all or sharing.readers is None or not sharing.readers.isdisjoint(reader.names)


async def require_data_of(store: CatalogueStore, principal: Principal | None, collection: str) -> Sharing:
    """Refuse whoever may not have the data of a collection, and return who owns and finds it.

    Raises
    ------
    NotFoundError
        If there is no such collection, or it is hidden from the principal.
    NotSignedInError, NotAllowedError
        Saying whom its data is for, and where to ask to be let in.
    """
    sharing = await store.sharing(collection)
    if sharing is None or not finds(reader_of(principal), sharing):
        raise no_collection(collection)
    require_data(current_settings().public_url, sharing.policy, principal, sharing.owner)
    return sharing


async def require_changeable(store: CatalogueStore, principal: Principal, collection: str) -> None:
    """Refuse a change of a collection, or of its items, by who is neither its owner nor a catalogue editor.

    Raises
    ------
    NotFoundError
        If there is no such collection, or it is hidden from the principal.
    NotAllowedError
        Naming the role that is missing.
    """
    sharing = await store.sharing(collection)
    if sharing is None or not finds(reader_of(principal), sharing):
        raise no_collection(collection)
    require_change(principal, sharing)


def require_change(principal: Principal, sharing: Sharing) -> None:
    """Refuse whoever is neither the owner of a collection nor a catalogue editor.

    Raises
    ------
    NotAllowedError
        Naming the role that is missing.
    """
    if sharing.owner is not None and sharing.owner in reader_of(principal).names:
        return
    try:
        principal.require_role(EDITOR_ROLE)
    except NotAllowedError as error:
        raise NotAllowedError(
            f"This needs the role {EDITOR_ROLE!r}, or to be the collection's owner.", error.remedy
        ) from error


def sharing_of_new(principal: Principal) -> Sharing:
    """Return who owns and who finds a collection that a principal adds.

    Raises
    ------
    NotAllowedError
        If they have neither the role of a catalogue editor nor that of a publisher.
    """
    if principal.roles & {EDITOR_ROLE, ADMINISTRATOR}:
        return Sharing()
    if PUBLISHER_ROLE not in principal.roles:
        raise NotAllowedError(
            f"This needs the role {EDITOR_ROLE!r} or {PUBLISHER_ROLE!r}.",
            "Ask the operator of this platform to grant it.",
        )
    name = f"user:{principal.subject}"
    return Sharing(owner=name, readers=frozenset({name}))
