"""Free text: what is looked for, and the words that an item or a collection can be found by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Phrase:
    """Words that stand one after the other, in any case and with or without accents."""

    text: str


@dataclass(frozen=True)
class AnyOf:
    """At least one of these is found."""

    parts: tuple["TextQuery", ...]


@dataclass(frozen=True)
class AllOf:
    """Each of these is found."""

    parts: tuple["TextQuery", ...]


@dataclass(frozen=True)
class Without:
    """The part is not found."""

    part: "TextQuery"


type TextQuery = Phrase | AnyOf | AllOf | Without


def phrases_of(query: TextQuery) -> Iterator[Phrase]:
    """Yield every phrase of a query."""
    match query:
        case Phrase():
            yield query
        case AnyOf(parts) | AllOf(parts):
            for part in parts:
                yield from phrases_of(part)
        case Without(part):
            yield from phrases_of(part)


def item_text(item: Mapping[str, Any]) -> str:
    """Return an item's id, title, description, keywords and variables."""
    return _text(item["id"], item["properties"])


def collection_text(collection: Mapping[str, Any]) -> str:
    """Return a collection's id, title, description, keywords, providers and variables."""
    providers = (provider.get("name") for provider in collection.get("providers") or ())
    return _text(collection["id"], collection, *providers)


def _text(id_: str, fields: Mapping[str, Any], *more: object) -> str:
    pieces: list[object] = [id_, fields.get("title"), fields.get("description"), *more]
    keywords, variables = fields.get("keywords"), fields.get("cube:variables")
    if isinstance(keywords, list):
        pieces += keywords
    if isinstance(variables, Mapping):
        for name, variable in variables.items():
            pieces.append(name)
            if isinstance(variable, Mapping):
                pieces += [variable.get("title"), variable.get("description")]
    return "\n".join([piece for piece in pieces if isinstance(piece, str)]).replace("\0", " ")
