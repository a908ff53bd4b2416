"""The catalogue as the demo writes to it: over HTTP, with a token, as any data provider does."""

from types import TracebackType
from typing import Any, Self

import httpx

from geoscope.access import issue_token
from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.settings import Settings

type Document = dict[str, Any]


class CatalogueClient:
    """A client of the STAC transaction API with the rights of an editor."""

    def __init__(self, settings: Settings) -> None:
        token = issue_token(settings, "service:workflows", frozenset({"catalogue-editor"}))
        self._http = httpx.Client(
            base_url=f"{settings.internal.data_apis_url}/stac",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30.0,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str) -> Document | None:
        """Return the document at a path below `/stac`; None if there is none."""
        response = self._request("GET", path)
        return None if response.status_code == 404 else _document(response)

    def create(self, path: str, document: Document) -> None:
        """Add a document to those at a path."""
        _document(self._request("POST", path, document))

    def replace(self, path: str, document: Document) -> None:
        """Put another document in the place of the one at a path."""
        _document(self._request("PUT", path, document))

    def _request(self, method: str, path: str, document: Document | None = None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=document)
        except httpx.TransportError as error:
            raise UnavailableError(f"The catalogue does not answer: {error}.") from error


def _document(response: httpx.Response) -> Document:
    if response.status_code >= 500:
        raise UnavailableError(f"The catalogue answers with status {response.status_code}.")
    if response.status_code >= 400:
        raise GeoscopeError(
            f"The catalogue refuses {response.request.method} {response.url.path}: {response.text[:500]}"
        )
    found: Document = response.json() if response.content else {}
    return found
