"""Orders of twin data: asked for in the name of who orders, by the twins' own public API, and fetched."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson

from geoscope.access import Principal, issue_token, issue_token_for
from geoscope.catalogue.federation.delivery import DeliveryError, DownloadProgress, Shipment
from geoscope.errors import (
    GeoscopeError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnavailableError,
)
from geoscope.mars.datasets import TWINS_BACKEND
from geoscope.settings import Settings

# The one collection that a Polytope service of digital twins has.
POLYTOPE = "/polytope/api/v1"
REQUESTS = f"{POLYTOPE}/requests/destination-earth"

TIMEOUT_S = 30.0
CHUNK_BYTES = 1024**2
_ERRORS: dict[int, type[GeoscopeError]] = {
    400: InvalidInputError,
    403: NotAllowedError,
    404: NotFoundError,
    413: TooLargeError,
    429: TooManyError,
}


async def submit_twin_request(settings: Settings, principal: Principal, request: Mapping[str, Any]) -> str:
    """Ask for twin data in the name of a principal; it is checked at once.

    Returns
    -------
    str
        The reference of its shipment, see `TwinDelivery`.

    Raises
    ------
    InvalidInputError, NotAllowedError, NotFoundError, TooLargeError, TooManyError
        If it cannot be answered, in the twins' own words.
    UnavailableError
        If the twins do not answer now.
    """
    headers = {"Authorization": f"Bearer {issue_token_for(settings, principal)}"}
    try:
        async with httpx.AsyncClient(
            base_url=settings.internal.data_apis_url, timeout=TIMEOUT_S, trust_env=False
        ) as client:
            body = {"verb": "retrieve", "request": dict(request)}
            answer = await client.post(REQUESTS, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise _silent(error) from error
    if answer.status_code != 202:
        raise _ERRORS.get(answer.status_code, UnavailableError)(_said(answer))
    name = answer.headers["Location"].rpartition("/")[2]
    return orjson.dumps(
        list(Shipment("shipping", "In the queue of the twins.", TWINS_BACKEND, name))
    ).decode()


class TwinDelivery:
    """A `Delivery` of what was asked for with `submit_twin_request`; `reference` is the request's id.

    Parameters
    ----------
    settings : Settings
        Says where the twins listen.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def order(self, _collection: str, _request: Mapping[str, Any], _owner: str) -> Shipment:
        """Refuse: what an asker may have is known only while they ask."""
        raise DeliveryError("The order was not passed on.", "Order it again.")

    def poll(self, shipment: Shipment, owner: str) -> Shipment:
        """Ask how a request stands."""
        with self._client(owner) as client:
            answer = _asked(client, shipment)
        if answer.status_code == 202:
            return shipment._replace(message=_said(answer))
        if answer.status_code == 303:
            return shipment._replace(state="succeeded", message="Ready.")
        if answer.status_code in (400, 404, 410):
            return shipment._replace(state="failed", message=_said(answer))
        raise UnavailableError(f"The twins answer with status {answer.status_code}.")

    def download(
        self, shipment: Shipment, owner: str, folder: Path, progress: DownloadProgress
    ) -> list[Path]:
        """Fetch the fields into a folder, as one GRIB file."""
        file = folder / f"{shipment.reference}.grib"
        with self._client(owner) as client:
            answer = _asked(client, shipment)
            if answer.status_code != 303:
                raise DeliveryError(f"The fields are not there any more: {_said(answer)}")
            path = httpx.URL(answer.headers["Location"]).path
            try:
                with client.stream("GET", path) as stream, file.open("wb") as outlet:
                    if stream.status_code != 200:
                        raise DeliveryError(f"The fields cannot be fetched: status {stream.status_code}.")
                    total = int(stream.headers["Content-Length"])
                    for chunk in stream.iter_raw(CHUNK_BYTES):
                        outlet.write(chunk)
                        if not progress(outlet.tell(), total):
                            raise DeliveryError("It was told not to go on.")
            except httpx.HTTPError as error:
                raise _silent(error) from error
            client.delete(f"{POLYTOPE}/requests/{shipment.reference}")
        return [file]

    def _client(self, owner: str) -> httpx.Client:
        # Nothing but their own requests is asked for, which takes no right.
        token = issue_token(self._settings, owner, frozenset())
        return httpx.Client(
            base_url=self._settings.internal.data_apis_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )


def _asked(client: httpx.Client, shipment: Shipment) -> httpx.Response:
    try:
        return client.get(f"{POLYTOPE}/requests/{shipment.reference}")
    except httpx.HTTPError as error:
        raise _silent(error) from error


def _silent(error: httpx.HTTPError) -> UnavailableError:
    return UnavailableError(f"The twins do not answer: {error!r}.", "Try again in a moment.")


def _said(answer: httpx.Response) -> str:
    try:
        return str(orjson.loads(answer.content)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return answer.reason_phrase
