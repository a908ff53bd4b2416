"""The parameter `filter` (STAC API Filter extension): read from text or JSON, held against items' documents.

An anonymous filter is hostile. The package `cql2` parses text in a time that doubles with each level of
parentheses, and by recursion that ends the process where it goes too deep; so text is measured first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cql2
import orjson
from shapely.geometry import mapping

from geoscope.catalogue.areas import area_of_box, parse_bbox, stored_geometry
from geoscope.catalogue.filter_expressions import MAX_OPERATORS, Expression, Json, Reference, check_expression
from geoscope.catalogue.filter_operators import Reading
from geoscope.errors import InvalidInputError

type FilterLanguage = Literal["cql2-text", "cql2-json"]

MAX_TEXT_CHARACTERS = 8 * 1024
MAX_JSON_BYTES = 64 * 1024
MAX_EVALUATED_BYTES = 256 * 1024

# Characters, doubled for each level of parentheses: 40 ms of parsing at worst.
MAX_PARSING = 2**16

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_TEXT_OPERATOR = re.compile(r"[-+*/%^=<>]|\b(?:and|or|not|like|in|between|is|div)\b", re.IGNORECASE)
_PLACE_OF_ERROR = re.compile(r"--> (\d+):(\d+)")

# Stands in an array for what no literal is equal to.
_NO_OPERAND: Json = []


_NOT_PROPERTIES = frozenset({"id", "extent", "summaries", "links", "assets", "item_assets"})


@dataclass(frozen=True)
class Filter:
    """A condition that an item's document must meet; made by `parse_filter`.

    `expression` is what the package evaluates, made of `tree` (CQL2 JSON); `references` say what the names of
    properties in both stand for. `sent` is the condition in CQL2 JSON as it was asked, for those that it is
    passed on to.
    """

    expression: cql2.Expr
    references: Mapping[str, Reference]
    tree: Json
    sent: object = None

    def matches(self, document: bytes) -> bool:
        """Tell whether a document meets the condition.

        A property that an item lacks is null, and a condition that is neither true nor false of an item, as
        it compares with null or with a value of another kind, is not met (three-valued logic of SQL).
        """
        item = orjson.loads(document)
        values = {
            name: operand
            for name, reference in self.references.items()
            if (operand := _operand(item, reference)) is not None
        }
        try:
            return self.expression.matches(values)
        except Exception:  # noqa: BLE001 (the package says "neither true nor false" by no narrower class)
            return False


def parse_filter(sent: object, language: FilterLanguage = "cql2-json") -> Filter:
    """Read a filter; parameters and errors as of `read_filter`."""
    return filter_of(read_filter(sent, language))


def filter_of(tree: object) -> Filter:
    """Return the filter that CQL2 JSON says, which `read_filter` has read.

    Raises
    ------
    InvalidInputError
        Naming what is wrong in it, or that it is too deeply nested.
    """
    checked = check_expression(tree)
    return Filter(_evaluable(checked), checked.references, checked.tree, tree)


def read_filter(sent: object, language: FilterLanguage) -> object:
    """Read a filter as CQL2 JSON, not yet checked, so that it can be joined with other conditions.

    Parameters
    ----------
    sent
        Text, or JSON already parsed.
    language : str
        What is sent; JSON may also be sent as text.

    Raises
    ------
    InvalidInputError
        Naming what cannot be read in the filter, or that it is too long.
    """
    if language == "cql2-text":
        if not isinstance(sent, str):
            raise InvalidInputError("filter: not text.", "Expected text, or 'filter-lang' cql2-json.")
        return _parse_text(sent)
    if isinstance(sent, str):
        return _parse_json(sent)
    try:
        _check_length(len(orjson.dumps(sent)), MAX_JSON_BYTES)
    except orjson.JSONEncodeError as error:
        raise InvalidInputError(f"filter: cannot be read: {error}.") from error
    return sent


def collection_as_item(document: bytes) -> bytes:
    """Return a document that a filter of collections is held against.

    The collection's members are its properties, its id and its title among them; each list of `summaries` is
    an array, and each range of numbers is left out. Its geometry is the box of the whole extent.
    """
    collection = orjson.loads(document)
    summaries = collection.get("summaries") or {}
    west, south, *_ = box = collection["extent"]["spatial"]["bbox"][0]
    east, north = box[len(box) // 2 :][:2]
    extent = area_of_box(parse_bbox([west, south, east, north])).shape
    start, end = collection["extent"]["temporal"]["interval"][0]
    item = {
        "id": collection["id"],
        "collection": collection["id"],
        "geometry": mapping(extent),
        "bbox": extent.bounds,
        "properties": {
            **{name: value for name, value in summaries.items() if isinstance(value, list)},
            **{name: value for name, value in collection.items() if name not in _NOT_PROPERTIES},
            "datetime": start,
            "start_datetime": start,
            "end_datetime": end,
        },
    }
    return orjson.dumps(item)


def _parse_text(text: str) -> object:
    _check_length(len(text), MAX_TEXT_CHARACTERS)
    bare = _QUOTED.sub("''", text)
    depth = deepest = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if len(text) << deepest > MAX_PARSING:
        raise InvalidInputError(
            f"filter: parentheses {deepest} deep in a text of {len(text)} characters.",
            "Write it shorter or flatter, or send it as cql2-json.",
        )
    if sum(1 for _ in _TEXT_OPERATOR.finditer(bare)) > MAX_OPERATORS:
        raise InvalidInputError("filter: too many operators.", f"At most {MAX_OPERATORS} are evaluated.")
    try:
        return cql2.parse_text(text).to_json()
    except Exception as error:
        raise InvalidInputError(
            f"filter: {_describe(error, text)}.",
            "Expected cql2-text, such as \"gsd < 10 AND title LIKE '%ice%'\".",
        ) from error


def _parse_json(text: str) -> object:
    _check_length(len(text.encode(errors="replace")), MAX_JSON_BYTES)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(
            f"filter: not JSON: {error}.", "Expected cql2-json, or 'filter-lang' cql2-text."
        ) from error


def _evaluable(checked: Expression) -> cql2.Expr:
    try:
        tree = orjson.dumps(checked.tree)
        _check_length(len(tree), MAX_EVALUATED_BYTES)
        return cql2.parse_json(tree.decode())
    except (orjson.JSONEncodeError, cql2.ParseError) as error:
        raise InvalidInputError(f"filter: {error}.", "Expected CQL2.") from error


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise InvalidInputError(f"filter: {length} characters.", f"At most {most} are read.")


def _describe(error: Exception, text: str) -> str:
    place = _PLACE_OF_ERROR.search(str(error))
    if place is None:
        return str(error)[:200].rstrip(".")
    line, column = int(place[1]), int(place[2])
    rest = text.split("\n")[line - 1][column - 1 :]
    return f"cannot be read on at {rest[:40]!r}" if rest else "ends too soon"


def _operand(item: dict[str, Any], reference: Reference) -> Json:
    """Return what an expression takes of a property, or None."""
    if reference == Reference("geometry", Reading.PLACE) and item["geometry"] is not None:
        geojson: dict[str, Json] = mapping(stored_geometry(item["geometry"], item["bbox"]))
        return geojson
    match _value(item, reference.name), reference.reading:
        case (value, Reading.PRESENCE) if value is not None:
            return True
        case (str() | int() | float() as scalar, Reading.SCALAR):
            return scalar
        case (str(text), Reading.FOLDED_TEXT):
            return text.casefold()
        case (list(array), Reading.ARRAY):
            return [part if isinstance(part, str | int | float) else _NO_OPERAND for part in array]
    return None


def _value(item: dict[str, Any], name: str) -> Json:
    """Return a property by its name, or else by the path of names that leads to it."""
    top_level = {name: item[name] for name in ("id", "collection", "geometry")}
    properties: dict[str, Json] = item["properties"] | top_level
    value: Json = properties
    for part in [name] if name in properties else name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
