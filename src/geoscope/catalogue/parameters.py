"""What a request may ask for: query parameters and the body of a search, turned into searches.

A parameter that is not listed here is refused (OGC API Features, requirement `query-param-unknown`): an
answer that silently ignored a filter would be wrong.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from geoscope.catalogue.areas import Area, area_of_box, area_of_geometry, parse_bbox
from geoscope.catalogue.datetimes import Interval, parse_interval
from geoscope.catalogue.filters import Filter, FilterLanguage, parse_filter
from geoscope.catalogue.models import CollectionSearch, ItemSearch, collection_position, item_position
from geoscope.catalogue.words import parse_phrases
from geoscope.errors import InvalidInputError

DEFAULT_LIMIT = 10
DEFAULT_COLLECTION_LIMIT = 100
MAX_IDS = 1000

Limit = Annotated[int, Field(ge=1, description="Largest number of results of a page.")]
Bbox = Annotated[str | None, Field(description="west,south,east,north in degrees; six numbers with heights.")]
Datetime = Annotated[
    str | None, Field(description="RFC 3339 instant, or start/end with one end left open (`..`).")
]
Words = Annotated[str | None, Field(description="Phrases, separated by commas; any of them may match.")]
Token = Annotated[
    str | None, Field(max_length=2000, description="Where the page begins; from the link `next`.")
]
Ids = Annotated[str | None, Field(description="Ids, separated by commas.")]
FilterText = Annotated[
    str | None,
    Field(description="A condition in CQL2, such as `eo:cloud_cover < 10 AND title LIKE '%ice%'`."),
]
Language = Annotated[
    FilterLanguage | None,
    BeforeValidator(lambda sent: sent or None),
    Field(alias="filter-lang", description="How `filter` is written; by GET text, by POST JSON if not said."),
]
FilterCrs = Annotated[
    Literal["http://www.opengis.net/def/crs/OGC/1.3/CRS84"] | None,
    BeforeValidator(lambda sent: sent or None),
    Field(alias="filter-crs", description="Coordinates in `filter` are longitude, latitude; nothing else."),
]


class Parameters(BaseModel):
    """Query parameters or a body; a name that is not known is an error."""

    model_config = ConfigDict(extra="forbid")


class CollectionParameters(Parameters):
    """Query parameters of `/collections`."""

    bbox: Bbox = None
    datetime: Datetime = None
    q: Words = None
    limit: Limit = DEFAULT_COLLECTION_LIMIT
    token: Token = None

    def search(self, max_page_size: int) -> CollectionSearch:
        """Return the search that is asked for."""
        return CollectionSearch(
            limit=min(self.limit, max_page_size),
            area=_box_area(self.bbox),
            time=_interval(self.datetime),
            phrases=parse_phrases(_split(self.q)),
            after=collection_position(self.token) if self.token else None,
        )


class FilterParameters(Parameters):
    """Query parameters of the Filter extension."""

    filter: FilterText = None
    filter_lang: Language = None
    filter_crs: FilterCrs = None

    def parsed_filter(self) -> Filter | None:
        """Return the condition that is asked for."""
        return parse_filter(self.filter, self.filter_lang or "cql2-text") if self.filter else None


class ItemParameters(FilterParameters):
    """Query parameters of `/collections/{collection}/items`."""

    bbox: Bbox = None
    datetime: Datetime = None
    q: Words = None
    limit: Limit = DEFAULT_LIMIT
    token: Token = None
    collections: Annotated[
        str | None, Field(description="The collection once more, as pystac-client asks.")
    ] = None

    def search(self, max_page_size: int, collection: str) -> ItemSearch:
        """Return the search, within a collection, that is asked for."""
        if self.collections and collection not in _split(self.collections):
            raise InvalidInputError(
                f"collections: {self.collections[:80]!r} does not name {collection!r} of the path.",
                "Search across collections at /stac/search.",
            )
        return ItemSearch(
            limit=min(self.limit, max_page_size),
            collections=(collection,),
            area=_box_area(self.bbox),
            time=_interval(self.datetime),
            phrases=parse_phrases(_split(self.q)),
            filter=self.parsed_filter(),
            after=item_position(self.token) if self.token else None,
        )


class SearchParameters(FilterParameters):
    """Query parameters of `GET /search`."""

    ids: Ids = None
    collections: Ids = None
    bbox: Bbox = None
    intersects: Annotated[str | None, Field(description="A GeoJSON geometry; not together with bbox.")] = None
    datetime: Datetime = None
    q: Words = None
    limit: Limit = DEFAULT_LIMIT
    token: Token = None

    def search(self, max_page_size: int) -> ItemSearch:
        """Return the search that is asked for."""
        search = SearchBody(
            ids=_split(self.ids),
            collections=_split(self.collections),
            bbox=_numbers(self.bbox),
            intersects=_json_object(self.intersects, "intersects"),
            datetime=self.datetime,
            q=_split(self.q),
            limit=self.limit,
            token=self.token,
        ).search(max_page_size)
        return replace(search, filter=self.parsed_filter())


class SearchBody(Parameters):
    """Body of `POST /search`."""

    ids: list[str] | None = Field(None, description="Items with one of these ids.")
    collections: list[str] | None = Field(None, description="Items of one of these collections.")
    bbox: list[float] | None = Field(
        None, description="west, south, east, north in degrees; or six with heights."
    )
    intersects: dict[str, Any] | None = Field(None, description="A GeoJSON geometry; not together with bbox.")
    datetime: Datetime = None
    q: list[str] | str | None = Field(None, description="Phrases; any of them may match.")
    filter: dict[str, Any] | bool | str | None = Field(None, description="A condition in CQL2.")
    filter_lang: Language = None
    filter_crs: FilterCrs = None
    limit: Limit = DEFAULT_LIMIT
    token: Token = None

    def search(self, max_page_size: int) -> ItemSearch:
        """Return the search that is asked for.

        Raises
        ------
        InvalidInputError
            Naming the parameter that is wrong.
        """
        return ItemSearch(
            limit=min(self.limit, max_page_size),
            ids=_unique(self.ids, "ids"),
            collections=_unique(self.collections, "collections"),
            area=self._area(),
            time=_interval(self.datetime),
            phrases=parse_phrases(_split(self.q) if isinstance(self.q, str) else self.q or ()),
            filter=self._filter(),
            after=item_position(self.token) if self.token else None,
        )

    def _filter(self) -> Filter | None:
        if self.filter is None or self.filter == "":
            return None
        return parse_filter(self.filter, self.filter_lang or "cql2-json")

    def _area(self) -> Area | None:
        if self.bbox is not None and self.intersects is not None:
            raise InvalidInputError("bbox and intersects are both given.", "Give one of them.")
        if self.bbox is not None:
            return area_of_box(parse_bbox(self.bbox))
        return area_of_geometry(self.intersects) if self.intersects is not None else None


def parse_query[Query: Parameters](model: type[Query], query: Mapping[str, str]) -> Query:
    """Read the parameters of a query.

    Raises
    ------
    InvalidInputError
        Naming the parameters that are wrong, and which there are.
    """
    try:
        return model.model_validate(query)
    except ValidationError as error:
        raise _invalid("query", model, error) from error


def parse_search_body(body: bytes) -> SearchBody:
    """Read the body of `POST /search`; errors as of `parse_query`."""
    try:
        return SearchBody.model_validate_json(body)
    except ValidationError as error:
        raise _invalid("body", SearchBody, error) from error


def _invalid(place: str, model: type[Parameters], error: ValidationError) -> InvalidInputError:
    problems = "; ".join(
        f"{'.'.join(map(str, part['loc'])) or place}: {part['msg']}" for part in error.errors()[:5]
    )
    return InvalidInputError(
        f"The {place} is not valid: {problems}.",
        f"Known are {', '.join(field.alias or name for name, field in model.model_fields.items())}.",
    )


def _box_area(bbox: str | None) -> Area | None:
    numbers = _numbers(bbox)
    return area_of_box(parse_bbox(numbers)) if numbers is not None else None


def _interval(datetime: str | None) -> Interval | None:
    return parse_interval(datetime) if datetime else None


def _numbers(text: str | None) -> list[float] | None:
    if not text:
        return None
    try:
        return [float(number) for number in text.split(",", 6)]
    except ValueError:
        raise InvalidInputError(
            f"bbox: {text[:80]!r} is not numbers.", "Expected west,south,east,north."
        ) from None


def _json_object(text: str | None, field: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"{field}: not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{field}: expected a JSON object.")
    return value


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _unique(ids: list[str] | None, field: str) -> tuple[str, ...] | None:
    if ids and len(ids) > MAX_IDS:
        raise InvalidInputError(f"{field}: {len(ids)} ids.", f"Give at most {MAX_IDS} at once.")
    return tuple(dict.fromkeys(ids)) if ids else None
