"""A backend that is a provider which eodag knows."""

from collections.abc import Sequence
from typing import Any

import orjson

from geoscope.catalogue.datetimes import EARLIEST_US, LATEST_US, format_instant
from geoscope.catalogue.federation.backends import Answer, BackendError, Credentials, Document, Question
from geoscope.catalogue.federation.eodag_process import EodagProcess, ItemMissingError
from geoscope.catalogue.filters import Filter
from geoscope.catalogue.models import SortKey
from geoscope.errors import InvalidInputError
from geoscope.settings import FederatedBackend

MAX_PAGE_SIZE = 100

# What a provider is not asked by a filter, as it is asked by it otherwise or calls it otherwise.
_NOT_PARAMETERS = frozenset({"id", "collection", "geometry", "federation:backends", "federation:id"})


class EodagBackend:
    """Asks a provider through eodag's own process.

    Parameters
    ----------
    backend : FederatedBackend
        Says what eodag calls it.
    process : EodagProcess
        Shared by all providers.
    """

    def __init__(self, backend: FederatedBackend, process: EodagProcess) -> None:
        self._backend = backend
        self._process = process

    @property
    def address(self) -> None:
        """None: eodag makes every address whole."""
        return

    async def search(self, question: Question, cursor: str | None, credentials: Credentials) -> Answer:
        """Return the first items of an answer, or those that a cursor leads to."""
        asked = {
            "collection": question.collection,
            "size": min(question.size, MAX_PAGE_SIZE),
            "cursor": None if cursor is None else orjson.loads(cursor),
            "parameters": search_parameters(question),
            "chosen": chosen_values(question.filter),
            "sort": _sort(question.order),
        }
        try:
            found = await self._process.ask("search", self._request(asked, credentials))
        except (ItemMissingError, InvalidInputError) as error:
            raise BackendError(str(error)) from error
        following = found["cursor"]
        return Answer(
            list(found["items"]),
            None if following is None else orjson.dumps(following).decode(),
            bool(found["is_sorted"]),
        )

    async def item(self, collection: str, id_: str, credentials: Credentials) -> Document | None:
        """Return an item, or None if there is none of this id."""
        try:
            found = await self._process.ask(
                "item", self._request({"collection": collection, "id": id_}, credentials)
            )
        except ItemMissingError:
            return None
        item: Document | None = found["item"]
        return item

    async def queryables(self, collection: str, credentials: Credentials) -> Document | None:
        """Return the JSON Schema of what a search in a collection can name."""
        asked = {"collection": collection, "parameters": {}}
        found = await self._process.ask("queryables", self._request(asked, credentials))
        schema: Document = found["queryables"]
        return schema

    async def collections(self, credentials: Credentials) -> list[Document]:
        """Refuse: what eodag's providers have stands in portfolios."""
        del credentials
        raise BackendError("The collections of eodag's providers stand in portfolios.")

    async def close(self) -> None:
        """Do nothing: the process belongs to all providers."""

    def _request(self, asked: Document, credentials: Credentials) -> Document:
        return eodag_request(self._backend, asked, credentials)


def eodag_request(backend: FederatedBackend, asked: Document, credentials: Credentials) -> Document:
    """Return a request to eodag's process; the credentials are the person's own, or else the operator's."""
    operators = {name: secret.get_secret_value() for name, secret in backend.credentials.items()}
    return {
        "provider": backend.provider,
        "definition": backend.definition,
        "credentials": dict(credentials) or operators,
        "asked": asked,
    }


def search_parameters(question: Question) -> Document:
    """Return a question as parameters of eodag's search."""
    parameters: Document = {}
    if question.ids is not None and len(question.ids) == 1:
        parameters["id"] = question.ids[0]
    if question.time is not None:
        if question.time.start_us != EARLIEST_US:
            parameters["start"] = format_instant(question.time.start_us)
        if question.time.end_us != LATEST_US:
            parameters["end"] = format_instant(question.time.end_us)
    if question.area is not None:
        parameters["geom"] = question.area.shape.wkt
    return parameters


def chosen_values(condition: Filter | None) -> dict[str, Any]:
    """Return the properties of which a filter says that they equal a value, or one of some.

    Only what holds of every item that meets the filter: a single comparison, or parts of an `and`. The cloud
    cover is the largest that an item may have, as all of eodag's providers take it.
    """
    chosen: dict[str, Any] = {}
    for part in _parts(condition.sent) if condition is not None else ():
        match part:
            case {"op": "=", "args": [{"property": str(name)}, str() | int() | float() as value]}:
                chosen.setdefault(_parameter(name), value)
            case {"op": "in", "args": [{"property": str(name)}, [*values]]} if values:
                chosen.setdefault(_parameter(name), list(values))
            # So the Data Lake's searches are read: any of these values, whether an item has one or several.
            case {
                "op": "or",
                "args": [
                    {"op": "in", "args": [{"property": str(name)}, [*values]]},
                    {"op": "a_overlaps", "args": [{"property": str(other)}, [*others]]},
                ],
            } if name == other and values == others and values:
                chosen.setdefault(_parameter(name), values)
            case {"op": "<" | "<=", "args": [{"property": str(name)}, int() | float() as value]} if (
                _parameter(name) == "eo:cloud_cover"
            ):
                chosen.setdefault(_parameter(name), value)
    return {name: value for name, value in chosen.items() if name not in _NOT_PARAMETERS}


def is_passed_on(condition: Filter) -> bool:
    """Tell whether a provider is asked for all that a filter says."""
    parts = _parts(condition.sent)
    return len(chosen_values(condition)) == len(parts)


def _parts(sent: object) -> Sequence[object]:
    match sent:
        case {"op": "and", "args": [*parts]}:
            return [deeper for part in parts for deeper in _parts(part)]
    return [sent]


def _parameter(name: str) -> str:
    return name.removeprefix("properties.")


def _sort(order: Sequence[SortKey]) -> list[list[str]]:
    return [
        [
            "start_datetime" if key.property == "datetime" else key.property,
            "DESC" if key.descending else "ASC",
        ]
        for key in order
    ]
