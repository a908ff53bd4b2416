"""The parameter `sortby` (STAC API Sort extension): what a page is sorted by."""

from collections.abc import Iterable

from geoscope.catalogue.models import NEWEST_FIRST, SortKey
from geoscope.errors import InvalidInputError

MAX_SORT_KEYS = 5
MAX_NAME_CHARACTERS = 256

_UNSORTABLE = frozenset({"geometry", "bbox", "links", "assets", "properties"})


def keys_of_text(text: str | None) -> tuple[SortKey, ...]:
    """Read `sortby` of a query, such as `-datetime,+eo:cloud_cover,id`; without it the newest come first."""
    # A plus sign that was not escaped in a URL arrives as a space.
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    return sort_keys((name.lstrip("+-").strip(), name.startswith("-")) for name in names)


def sort_keys(fields: Iterable[tuple[str, bool]]) -> tuple[SortKey, ...]:
    """Return what is sorted by, from names and whether the largest comes first.

    Raises
    ------
    InvalidInputError
        If a name cannot be sorted by, or there are too many.
    """
    keys: dict[str, SortKey] = {}
    for field, descending in fields:
        name = field.removeprefix("properties.")
        if not name or len(name) > MAX_NAME_CHARACTERS or "\0" in name or name in _UNSORTABLE:
            raise InvalidInputError(
                f"sortby: {field[:80]!r} cannot be sorted by.",
                "Expected 'id', 'collection', 'datetime' or another property of items.",
            )
        keys.setdefault(name, SortKey(name, descending))
    if len(keys) > MAX_SORT_KEYS:
        raise InvalidInputError(f"sortby: {len(keys)} properties.", f"Give at most {MAX_SORT_KEYS}.")
    return tuple(keys.values()) or NEWEST_FIRST
