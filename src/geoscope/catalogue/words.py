"""Free text: the phrases that are looked for, and the words that an item or a collection can be found by."""

from collections.abc import Iterable, Mapping
from typing import Any

from geoscope.errors import InvalidInputError

MAX_PHRASES = 50
MAX_PHRASE_CHARACTERS = 200


def parse_phrases(terms: Iterable[str]) -> tuple[str, ...]:
    """Read the terms of the parameter `q` (STAC API free-text search, basic class): any of them may match.

    Quotation marks around a term are allowed; several words are one phrase with or without them.
    """
    phrases = tuple(dict.fromkeys(phrase for term in terms if (phrase := term.strip().strip('"').strip())))
    if len(phrases) > MAX_PHRASES or any(len(phrase) > MAX_PHRASE_CHARACTERS for phrase in phrases):
        raise InvalidInputError(
            "q: too many or too long terms.",
            f"Give at most {MAX_PHRASES}, each of at most {MAX_PHRASE_CHARACTERS} characters.",
        )
    if any("\0" in phrase for phrase in phrases):
        raise InvalidInputError("q: a term holds the character NUL.")
    return phrases


def item_text(item: Mapping[str, Any]) -> str:
    """Return an item's id, title, description, keywords and variables."""
    return _text(item["id"], item["properties"])


def collection_text(collection: Mapping[str, Any]) -> str:
    """Return a collection's id, title, description, keywords, providers and variables."""
    providers = (provider.get("name") for provider in collection.get("providers") or ())
    return _text(collection["id"], collection, *providers)


def _text(id_: str, fields: Mapping[str, Any], *more: object) -> str:
    pieces: list[object] = [id_, fields.get("title"), fields.get("description"), *more]
    pieces += _list(fields.get("keywords"))
    variables = fields.get("cube:variables")
    for name, variable in variables.items() if isinstance(variables, Mapping) else ():
        pieces.append(name)
        if isinstance(variable, Mapping):
            pieces += [variable.get("title"), variable.get("description")]
    return "\n".join(piece.replace("\0", " ") for piece in pieces if isinstance(piece, str))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
