"""Parameters of requests: query parameters and bodies, read into models whose members name what is wrong.

A parameter that is not listed in a model is refused (OGC API Features, requirement `query-param-unknown`):
an answer that silently ignored a filter would be wrong.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import orjson
from fastapi.datastructures import QueryParams
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geoscope.catalogue.areas import Area, area_of_box, parse_bbox
from geoscope.catalogue.datetimes import Interval, parse_interval
from geoscope.catalogue.filters import Filter, FilterLanguage, filter_of, read_filter
from geoscope.catalogue.stac_api.conditions import all_of, query_conditions
from geoscope.errors import InvalidInputError

MAX_IDS = 1000
MAX_TOKEN_CHARACTERS = 4000

Limit = Annotated[
    int, Field(ge=1, le=10**9, description="Largest number of results of a page; fewer may be sent.")
]
Bbox = Annotated[
    str | None,
    Field(
        description="west,south,east,north in degrees; six numbers with heights.",
        json_schema_extra={"pattern": "^$|^[^,]+(,[^,]+){3}((,[^,]+){2})?$"},
    ),
]
Datetime = Annotated[
    str | None, Field(description="RFC 3339 instant, or start/end with one end left open (`..`).")
]
Words = Annotated[
    str | None,
    Field(description="Phrases; AND, OR, NOT, +, -, parentheses and commas (any of them) may join them."),
]
Token = Annotated[
    str | None,
    Field(max_length=MAX_TOKEN_CHARACTERS, description="Where the page begins; from the link `next`."),
]
Ids = Annotated[str | None, Field(description="Ids, separated by commas.")]
SortText = Annotated[
    str | None, Field(description="Properties, separated by commas; `-` before one: the largest first.")
]
FieldsText = Annotated[
    str | None,
    Field(description="Members to send, separated by commas; `-` before one that is not to be sent."),
]
QueryText = Annotated[
    str | None, Field(description='Conditions on properties, as JSON: `{"gsd": {"lt": 10}}`.')
]
FilterText = Annotated[
    str | None,
    Field(description="A condition in CQL2, such as `eo:cloud_cover < 10 AND title LIKE '%ice%'`."),
]
Language = Annotated[
    FilterLanguage | Literal[""] | None,
    Field(alias="filter-lang", description="How `filter` is written; by GET text, by POST JSON if not said."),
]
FilterCrs = Annotated[
    Literal["http://www.opengis.net/def/crs/OGC/1.3/CRS84", ""] | None,
    Field(alias="filter-crs", description="Coordinates in `filter` are longitude, latitude; nothing else."),
]


class Parameters(BaseModel):
    """Query parameters or a body; a name that is not known is an error.

    `lists` names the query parameters that may be repeated, as a way to separate their parts.
    """

    model_config = ConfigDict(extra="forbid")

    lists: ClassVar[frozenset[str]] = frozenset()


class ConditionParameters(Parameters):
    """Query parameters that narrow by conditions on properties."""

    filter: FilterText = None
    filter_lang: Language = None
    filter_crs: FilterCrs = None
    query: QueryText = None

    def condition(self) -> Filter | None:
        """Return what `filter` and `query` ask for together."""
        return joined_condition(
            self.filter, self.filter_lang or "cql2-text", json_object(self.query, "query")
        )


def joined_condition(
    sent_filter: object, language: FilterLanguage, query: Mapping[str, Any] | None
) -> Filter | None:
    """Return what the parameters `filter` and `query` ask for together."""
    conditions = [] if sent_filter in (None, "") else [read_filter(sent_filter, language)]
    conditions += query_conditions(query or {})
    return filter_of(all_of(conditions)) if conditions else None


def parse_query[Query: Parameters](model: type[Query], query: QueryParams) -> Query:
    """Read the parameters of a query.

    Raises
    ------
    InvalidInputError
        Naming the parameters that are wrong, and which there are.
    """
    pairs = query.multi_items()
    values = dict(pairs)
    if len(values) < len(pairs):
        values = {name: _only_value(model, name, query.getlist(name)) for name in values}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid("query", model, error) from error


def parse_body[Body: Parameters](model: type[Body], body: bytes) -> Body:
    """Read a JSON body; errors as of `parse_query`."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _invalid("body", model, error) from error


def _only_value(model: type[Parameters], name: str, values: list[str]) -> str:
    if len(values) == 1 or name in model.lists:
        return ",".join(values)
    raise InvalidInputError(f"{name[:80]}: given {len(values)} times.", "Give it once.")


def _invalid(place: str, model: type[Parameters], error: ValidationError) -> InvalidInputError:
    problems = "; ".join(
        f"{'.'.join(map(str, part['loc']))[:200] or place}: {part['msg']}" for part in error.errors()[:5]
    )
    return InvalidInputError(
        f"The {place} is not valid: {problems}.",
        f"Known are {', '.join(field.alias or name for name, field in model.model_fields.items())}.",
    )


def box_area(bbox: str | None) -> Area | None:
    """Read `bbox` of a query."""
    numbers = box_numbers(bbox)
    return area_of_box(parse_bbox(numbers)) if numbers is not None else None


def box_numbers(text: str | None) -> list[float] | None:
    """Read the numbers of `bbox` of a query."""
    if not text:
        return None
    try:
        return [float(number) for number in text.split(",", 6)]
    except ValueError:
        raise InvalidInputError(
            f"bbox: {text[:80]!r} is not numbers.", "Expected west,south,east,north."
        ) from None


def interval(datetime: str | None) -> Interval | None:
    """Read `datetime`."""
    return parse_interval(datetime) if datetime else None


def json_object(text: str | None, field: str) -> dict[str, Any] | None:
    """Read a parameter that is written as a JSON object.

    Raises
    ------
    InvalidInputError
        Naming the parameter.
    """
    if not text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"{field}: not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{field}: expected a JSON object.")
    return value


def split(text: str | None) -> list[str]:
    """Return the parts of a list that is separated by commas."""
    return [part.strip() for part in text.split(",")] if text else []


def unique(ids: list[str] | None, field: str) -> tuple[str, ...] | None:
    """Return ids without repetition, or None if none are given.

    Raises
    ------
    InvalidInputError
        If there are more than `MAX_IDS`.
    """
    if ids and len(ids) > MAX_IDS:
        raise InvalidInputError(f"{field}: {len(ids)} ids.", f"Give at most {MAX_IDS} at once.")
    return tuple(dict.fromkeys(ids)) if ids else None
