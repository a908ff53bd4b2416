"""The data half of the platform, asked by its public HTTP APIs as any client would."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx
from django.http import HttpRequest

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.errors import InvalidInputError, NotFoundError, UnavailableError
from geoscope.settings import current_settings

TIME_LIMIT_S = 5.0

type Json = dict[str, Any]
type JsonList = list[Json]
type Parameters = Mapping[str, str | int]


class DataHalf:
    """The data half as one visitor sees it: the addresses in its answers are those that the visitor uses.

    Parameters
    ----------
    request : HttpRequest
        The visitor's request; its host and scheme are passed on.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._headers = {"Host": request.get_host(), "X-Forwarded-Proto": request.scheme or "http"}

    def get(self, *path: str, parameters: Parameters | None = None, as_administrator: bool = False) -> Json:
        """Return the JSON document at a path.

        Parameters
        ----------
        *path : str
            Parts of the path; each is quoted, so an id may hold anything.
        parameters : mapping, optional
            The query.
        as_administrator : bool
            Ask with a token that sees what belongs to others; only for what every visitor may know.

        Raises
        ------
        NotFoundError, InvalidInputError
            If the service says so; in its own words.
        UnavailableError
            If the service does not answer in time, or fails.
        """
        document = self._ask(path, parameters, as_administrator=as_administrator)
        if not isinstance(document, dict):
            raise UnavailableError(f"/{'/'.join(path)} does not answer with a JSON object.")
        return document

    def get_list(self, *path: str) -> JsonList:
        """Return the JSON list at a path; raises as `get` does."""
        document = self._ask(path, None, as_administrator=False)
        if not isinstance(document, list):
            raise UnavailableError(f"/{'/'.join(path)} does not answer with a JSON list.")
        return document

    def _ask(self, path: tuple[str, ...], parameters: Parameters | None, *, as_administrator: bool) -> object:
        headers = dict(self._headers)
        if as_administrator:
            token = issue_token(current_settings(), "service:portal", frozenset({ADMINISTRATOR}))
            headers["Authorization"] = f"Bearer {token}"
        address = "/" + "/".join(quote(part, safe="") for part in path)
        try:
            answer = _client().get(address, params=parameters, headers=headers)
            document: object = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError(f"{address} does not answer: {error}.") from error
        if answer.is_success:
            return document
        words = _words(document)
        if answer.status_code == 404:
            raise NotFoundError(words)
        if answer.is_client_error:
            raise InvalidInputError(words)
        raise UnavailableError(f"{address} fails: {words}")


def _words(document: object) -> str:
    """Return what an error document says: RFC 9457 `detail`, or the STAC API's `description`."""
    fields = document if isinstance(document, dict) else {}
    return str(fields.get("detail") or fields.get("description") or "No reason was given.")


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """Return the one client of this process; it is safe in threads and keeps connections open."""
    return httpx.Client(
        base_url=current_settings().internal.data_apis_url,
        timeout=TIME_LIMIT_S,
        trust_env=False,
        headers={"Accept": "application/json"},
    )
