"""The data half of the platform, asked by its public HTTP APIs as any client would."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx
from django.http import HttpRequest

from geoscope.access import ADMINISTRATOR
from geoscope.errors import (
    ConflictError,
    GeoscopeError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
)
from geoscope.portal.accounts.models import User
from geoscope.portal.principals import token_for, token_of
from geoscope.settings import current_settings

TIME_LIMIT_S = 5.0

type Json = dict[str, Any]
type JsonList = list[Json]
type Parameters = Mapping[str, str | int] | tuple[tuple[str, str], ...]

_ERRORS: dict[int, type[GeoscopeError]] = {
    401: NotSignedInError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
}


class DataHalf:
    """The data half as one visitor sees it.

    The addresses in its answers are those that the visitor uses, and somebody who has signed in finds what is
    hidden from others: the questions carry a token of theirs.

    Parameters
    ----------
    request : HttpRequest, optional
        The visitor's request; its host, scheme and user are passed on. Without one nobody in particular asks.
    without_roles : bool
        Leave the visitor's roles out: an administrator, too, then sees only what is their own.
    """

    def __init__(self, request: HttpRequest | None = None, *, without_roles: bool = False) -> None:
        self._headers: dict[str, str] = {}
        self._without_roles = without_roles
        self._user: User | None = None
        if request is not None:
            self._headers = {"Host": request.get_host(), "X-Forwarded-Proto": request.scheme or "http"}
            self._user = request.user if isinstance(request.user, User) else None

    def get(
        self,
        *path: str,
        parameters: Parameters | None = None,
        time_limit_s: float = TIME_LIMIT_S,
        as_administrator: bool = False,
    ) -> Json:
        """Return the JSON document at a path.

        Parameters
        ----------
        *path : str
            Parts of the path; each is quoted, so an id may hold anything.
        parameters : mapping or pairs, optional
            The query.
        time_limit_s : float
            How long to wait for the answer, in seconds.
        as_administrator : bool
            Ask with a token that sees what belongs to others; only for what every visitor may know.

        Raises
        ------
        InvalidInputError, NotSignedInError, NotAllowedError, NotFoundError, ConflictError
            If the service says so; in its own words.
        UnavailableError
            If the service does not answer in time, or fails.
        """
        token = _administrator_token() if as_administrator else self._token()
        document = self._ask("GET", path, parameters=parameters, time_limit_s=time_limit_s, token=token)
        if not isinstance(document, dict):
            raise UnavailableError(f"/{'/'.join(path)} does not answer with a JSON object.")
        return document

    def get_list(self, *path: str) -> JsonList:
        """Return the JSON list at a path; raises as `get` does."""
        document = self._ask("GET", path, token=self._token())
        if not isinstance(document, list):
            raise UnavailableError(f"/{'/'.join(path)} does not answer with a JSON list.")
        return document

    def send(self, method: str, *path: str, body: object = None) -> Json:
        """Change something in the visitor's name and return what is answered, an empty object for nothing.

        Parameters
        ----------
        method : str
            `POST`, `PUT`, `PATCH` or `DELETE`.
        *path : str
            As of `get`, which says what is raised, too.
        body : object, optional
            Sent as JSON.
        """
        document = self._ask(method, path, body=body, token=self._token())
        return document if isinstance(document, dict) else {}

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        parameters: Parameters | None = None,
        body: object = None,
        time_limit_s: float = TIME_LIMIT_S,
        token: str | None = None,
    ) -> object:
        headers = self._headers | ({"Authorization": f"Bearer {token}"} if token else {})
        address = "/" + "/".join(quote(part, safe="") for part in path)
        try:
            answer = _client().request(
                method, address, params=parameters, json=body, headers=headers, timeout=time_limit_s
            )
            document: object = answer.json() if answer.content else None
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError(f"{address} does not answer: {error}.") from error
        if answer.is_success:
            return document
        words, help_url = _words(document), _help_url(document)
        if answer.is_client_error:
            # A page has the address as a link.
            words = words.removesuffix(f"Ask for it at {help_url}").strip() if help_url else words
            raise _ERRORS.get(answer.status_code, InvalidInputError)(words, help_url=help_url)
        raise UnavailableError(f"{address} fails: {words}")

    def _token(self) -> str | None:
        if self._user is None:
            return None
        return (
            token_for(self._user.get_username(), frozenset()) if self._without_roles else token_of(self._user)
        )


def _administrator_token() -> str:
    return token_for("service:portal", frozenset({ADMINISTRATOR}))


def _words(document: object) -> str:
    """Return what an error document says: RFC 9457 `detail`, or the STAC API's `description`."""
    fields = document if isinstance(document, dict) else {}
    return str(fields.get("detail") or fields.get("description") or "No reason was given.")


def _help_url(document: object) -> str:
    """Return the page that an error document sends to, if it is one of this platform."""
    links = document.get("links") or [] if isinstance(document, dict) else []
    addresses = (str(link.get("href")) for link in links if link.get("rel") == "help")
    return next((one for one in addresses if one.startswith(current_settings().public_url + "/")), "")


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """Return the one client of this process; it is safe in threads and keeps connections open."""
    return httpx.Client(
        base_url=current_settings().internal.data_apis_url,
        trust_env=False,
        headers={"Accept": "application/json"},
    )
