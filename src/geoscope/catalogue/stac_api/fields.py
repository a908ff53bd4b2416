"""The parameter `fields` (STAC API Fields extension): which members of a document are sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from geoscope.errors import InvalidInputError

MAX_FIELDS = 200
MAX_FIELD_CHARACTERS = 256

# What makes a valid item, or a valid collection.
DEFAULT_ITEM_FIELDS = (
    *("type", "stac_version", "id", "geometry", "bbox", "links", "assets", "collection"),
    *("properties.datetime", "properties.start_datetime", "properties.end_datetime"),
)
DEFAULT_COLLECTION_FIELDS = (
    *("type", "stac_version", "id", "title", "description", "license", "extent", "links"),
)
# Short, and what tells a client what it has.
_ALWAYS = ("type", "stac_version", "id", "collection")

type Document = dict[str, Any]
type Path = tuple[str, ...]


@dataclass(frozen=True)
class FieldSelection:
    """Members of documents, named by paths.

    Parameters
    ----------
    included : tuple of path
        What is sent; None stands for everything.
    excluded : tuple of path
        What is not, but for what is included and lies in it: the longer path counts, and of two that are the
        same the included one.
    """

    included: tuple[Path, ...] | None
    excluded: tuple[Path, ...]

    def select(self, document: bytes) -> bytes:
        """Return a document with only what is asked for; what it lacks is no error."""
        whole: Document = orjson.loads(document)
        selected: Document = {}
        for path in [(name,) for name in whole] if self.included is None else self.included:
            _copy(path, whole, selected)
        for path in self.excluded:
            _remove(path, selected)
        for path in self.included or ():
            if _lies_in(path, self.excluded):
                _copy(path, whole, selected)
        return orjson.dumps(selected)


def fields_of_text(text: str | None, default: Iterable[str]) -> FieldSelection | None:
    """Read `fields` of a query: names separated by commas, `-` before what is excluded.

    Parameters
    ----------
    text : str or None
        What is sent; None asks for everything, and empty text for `default`.
    default : iterable of str
        Names of what makes a valid document.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    excluded = [name[1:] for name in names if name.startswith("-")]
    # A plus sign that was not escaped in a URL arrives as a space.
    included = [name.removeprefix("+").strip() for name in names if not name.startswith("-")]
    return select_fields([name for name in included if name] or None, excluded, default)


def select_fields(
    included: Iterable[str] | None, excluded: Iterable[str] | None, default: Iterable[str]
) -> FieldSelection:
    """Return what is selected by lists of names.

    Where nothing is included, that is `default`; but everything, if `included` is None and there is something
    to exclude.

    Raises
    ------
    InvalidInputError
        If there are too many names, or a name cannot be one.
    """
    taken, dropped = _paths(included), _paths(excluded)
    if included is None and dropped:
        return FieldSelection(None, dropped)
    chosen = taken or tuple(path for path in _paths(default) if not _lies_in(path, dropped))
    return FieldSelection(tuple(dict.fromkeys([*((name,) for name in _ALWAYS), *chosen])), dropped)


def _paths(names: Iterable[str] | None) -> tuple[Path, ...]:
    paths = tuple(_path(name) for name in names or ())
    if len(paths) > MAX_FIELDS:
        raise InvalidInputError(f"fields: {len(paths)} names.", f"Give at most {MAX_FIELDS}.")
    return paths


def _path(name: str) -> Path:
    path = tuple(name.split(".", 8))
    if not all(path) or len(name) > MAX_FIELD_CHARACTERS:
        raise InvalidInputError(
            f"fields: {name[:80]!r} is not the name of a member.", "Expected such as 'properties.datetime'."
        )
    return path


def _lies_in(path: Path, outer: Iterable[Path]) -> bool:
    return any(path[: len(each)] == each for each in outer)


def _copy(path: Path, source: Mapping[str, Any], target: Document) -> None:
    """Copy a member; a name with dots in it is also tried as a whole, as properties may have such names."""
    name, *rest = path
    if name not in source:
        name, rest = ".".join(path), []
        if name not in source:
            return
    value = source[name]
    if not rest:
        target[name] = value
    elif isinstance(value, Mapping) and target.get(name) is not value:
        _copy(tuple(rest), value, target.setdefault(name, {}))


def _remove(path: Path, document: Document) -> None:
    name, *rest = path
    if name not in document:
        document.pop(".".join(path), None)
    elif not rest:
        del document[name]
    elif isinstance(document[name], dict):
        _remove(tuple(rest), document[name])
