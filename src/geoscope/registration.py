"""The catalogue as jobs write to it: by its public API, with no more rights than they need."""

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from geoscope.access import issue_token
from geoscope.errors import ConflictError, GeoscopeError, InvalidInputError, NotAllowedError, UnavailableError
from geoscope.network import ssl_context
from geoscope.settings import Settings

type Document = dict[str, Any]

PAGE_SIZE = 500
BATCH_SIZE = 100
# How often a change is tried while others change the same.
TRIES = 20


class CatalogueClient:
    """The STAC API as somebody sees it; to be entered with `with`.

    Parameters
    ----------
    settings : Settings
        Says where the catalogue listens.
    subject : str
        In whose name it is asked.
    role : str
        What they may do, as the catalogue's manifest names it.
    """

    def __init__(self, settings: Settings, subject: str, role: str) -> None:
        token = issue_token(settings, subject, frozenset({role}))
        self._http = httpx.Client(
            base_url=f"{settings.internal.data_apis_url}/stac",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60.0,
            trust_env=False,
            verify=ssl_context(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def collection(self, id_: str) -> Document | None:
        """Return a collection; None if there is none that they can see."""
        return self._find(f"/collections/{id_}")

    def collections(self) -> Iterator[Document]:
        """Yield the collections."""
        yield from self._pages("/collections", "collections")

    def item(self, collection: str, id_: str) -> Document | None:
        """Return an item; None if there is none that they can see."""
        return self._find(f"/collections/{collection}/items/{quote(id_, safe='')}")

    def require_own(self, id_: str) -> None:
        """Refuse an id that belongs to somebody else's collection.

        Raises
        ------
        ConflictError
            If it does.
        """
        answer = self._request("GET", f"/collections/{id_}/sharing")
        if answer.status_code == 403:
            raise ConflictError(f"The id {id_!r} belongs to another collection.", "Choose another id.")
        if answer.status_code != 404:
            _document(answer)

    def put_collection(self, document: Document) -> None:
        """Add a collection, or replace one; its items stay. What a publisher adds is private."""
        self._put("/collections", document)

    def delete_collection(self, id_: str) -> bool:
        """Remove a collection and its items; tell whether it was there."""
        answer = self._request("DELETE", f"/collections/{id_}")
        if answer.status_code == 404:
            return False
        _document(answer)
        return True

    def items(self, collection: str) -> Iterator[Document]:
        """Yield the items of a collection."""
        yield from self._pages(f"/collections/{collection}/items", "features")

    def put_items(self, collection: str, items: list[Document]) -> None:
        """Add items, or replace those of the same id."""
        answer = self._request(
            "POST", f"/collections/{collection}/items", {"type": "FeatureCollection", "features": items}
        )
        if answer.status_code != 409:
            _document(answer)
            return
        for item in items:
            self.put_item(collection, item)

    def put_item(self, collection: str, item: Document) -> None:
        """Add an item, or replace the one of the same id."""
        self._put(f"/collections/{collection}/items", item)

    def change_item(
        self, collection: str, id_: str, change: Callable[[Document], Document | None]
    ) -> Document | None:
        """Change parts of an item, and nothing that somebody else changes at the same time.

        Parameters
        ----------
        collection, id_ : str
            Their ids.
        change : callable
            Gets the item as it is and returns what is to be merged into it, or None if nothing is. It is
            asked again if somebody else was quicker.

        Returns
        -------
        dict or None
            The item as it is now; None if there is none.

        Raises
        ------
        ConflictError
            If others change it all the time.
        """
        path = f"/collections/{collection}/items/{quote(id_, safe='')}"
        for _ in range(TRIES):
            found = self._request("GET", path)
            if found.status_code == 404:
                return None
            item = _document(found)
            patch = change(item)
            if patch is None:
                return item
            answer = self._request("PATCH", path, patch, {"If-Match": found.headers["ETag"]})
            if answer.status_code != 412:
                return None if answer.status_code == 404 else _document(answer)
        raise ConflictError(f"Others change the item {collection}/{id_} all the time.", "Try again.")

    def delete_item(self, collection: str, id_: str) -> None:
        """Remove an item, if it is there."""
        answer = self._request("DELETE", f"/collections/{collection}/items/{quote(id_, safe='')}")
        if answer.status_code != 404:
            _document(answer)

    def share(self, collection: str, visibility: str, entity: str | None) -> None:
        """Say who finds a collection."""
        _document(
            self._request(
                "PUT",
                f"/collections/{collection}/sharing",
                {"visibility": visibility} | ({"entity": entity} if entity else {}),
            )
        )

    def policy(self, collection: str) -> str | None:
        """Return whom the data of a collection is for; None if there is none that they can see."""
        document = self._find(f"/collections/{collection}/access")
        return None if document is None else str(document["policy"])

    def put_policy(self, collection: str, policy: str) -> None:
        """Say whom the data of a collection is for."""
        _document(self._request("PUT", f"/collections/{collection}/access", {"policy": policy}))

    def _find(self, path: str) -> Document | None:
        answer = self._request("GET", path)
        return None if answer.status_code == 404 else _document(answer)

    def _pages(self, path: str, member: str) -> Iterator[Document]:
        address: str | None = f"{path}?limit={PAGE_SIZE}"
        while address is not None:
            answer = self._request("GET", address)
            if answer.status_code == 404:
                return
            page = _document(answer)
            yield from page[member]
            following = [link["href"] for link in page["links"] if link["rel"] == "next"]
            address = f"{path}?{following[0].partition('?')[2]}" if following else None

    def _put(self, path: str, document: Document) -> None:
        answer = self._request("PUT", f"{path}/{quote(document['id'], safe='')}", document)
        _document(self._request("POST", path, document) if answer.status_code == 404 else answer)

    def _request(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return self._http.request(method, path, json=document, headers=headers)
        except httpx.TransportError as error:
            raise UnavailableError(f"The catalogue does not answer: {error!r}.") from error


def _document(answer: httpx.Response) -> Document:
    """Return what the catalogue says; what it refuses becomes the same error here."""
    if answer.is_success:
        found: Document = answer.json() if answer.content else {}
        return found
    if answer.status_code >= 500:
        raise UnavailableError(f"The catalogue answers with status {answer.status_code}.")
    classes = {400: InvalidInputError, 403: NotAllowedError, 409: ConflictError}
    try:
        said = str(answer.json()["description"])
    except (ValueError, KeyError):
        said = f"The catalogue answers with status {answer.status_code}."
    raise classes.get(answer.status_code, GeoscopeError)(said)
