"""Whether an item that has arrived is one that a search asks for: what a backend should have said already."""

import re
import unicodedata
from collections.abc import Callable

from geoscope.catalogue.areas import meets
from geoscope.catalogue.models import ItemRecord, ItemSearch
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without

_WORD = re.compile(r"[^\W_]+")


def matches(search: ItemSearch, item: ItemRecord, collection_text: str) -> bool:
    """Tell whether a search finds an item; `collection_text` are the words of its collection."""
    return (
        (search.collections is None or item.collection in search.collections)
        and (search.ids is None or item.id in search.ids)
        and (
            search.time is None
            or (item.time.start_us <= search.time.end_us and item.time.end_us >= search.time.start_us)
        )
        and (
            search.area is None
            or (item.footprint is not None and meets(search.area, item.footprint.box, item.footprint.shape))
        )
        and (search.text is None or holds(search.text, item.text, collection_text))
        and (search.filter is None or search.filter.matches(item.document))
    )


def holds(query: TextQuery, *texts: str) -> bool:
    """Tell whether texts hold what a query looks for; each of its phrases may stand in any of them."""
    folded = [_fold(text) for text in texts]
    return _holds(query, lambda phrase: any(_fold(phrase) in text for text in folded))


def _holds(query: TextQuery, holds_phrase: Callable[[str], bool]) -> bool:
    match query:
        case Phrase(text):
            return holds_phrase(text)
        case AnyOf(parts):
            return any(_holds(part, holds_phrase) for part in parts)
        case AllOf(parts):
            return all(_holds(part, holds_phrase) for part in parts)
        case Without(part):
            return not _holds(part, holds_phrase)


def _fold(text: str) -> str:
    """Return the words of a text, small and without accents, each between spaces."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
    )
    return f" {' '.join(_WORD.findall(plain.casefold()))} "
