"""What a search for items may ask for, by GET and by POST."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from geoscope.catalogue.areas import Area, area_of_box, area_of_geometry, parse_bbox
from geoscope.catalogue.models import ANYBODY, ItemSearch, Reader, SortKey
from geoscope.catalogue.phrases import parse_phrases
from geoscope.catalogue.stac_api.fields import (
    DEFAULT_ITEM_FIELDS,
    FieldSelection,
    fields_of_text,
    select_fields,
)
from geoscope.catalogue.stac_api.parameters import (
    Bbox,
    ConditionParameters,
    Datetime,
    FieldsText,
    FilterCrs,
    Ids,
    Language,
    Limit,
    Parameters,
    SortText,
    Token,
    Words,
    box_area,
    box_numbers,
    interval,
    joined_condition,
    json_object,
    split,
    unique,
)
from geoscope.catalogue.stac_api.sorting import keys_of_text, sort_keys
from geoscope.errors import InvalidInputError

DEFAULT_LIMIT = 10


class PageParameters(Parameters):
    """Query parameters that say what of the matching items is sent."""

    sortby: SortText = None
    fields: FieldsText = None
    limit: Limit = DEFAULT_LIMIT
    token: Token = None

    def selection(self) -> FieldSelection | None:
        """Return which members of the items are sent."""
        return fields_of_text(self.fields, DEFAULT_ITEM_FIELDS)


class ItemParameters(ConditionParameters, PageParameters):
    """Query parameters of `/collections/{collection}/items`."""

    lists: ClassVar[frozenset[str]] = frozenset({"q", "fields", "sortby"})

    bbox: Bbox = None
    datetime: Datetime = None
    q: Words = None
    collections: Annotated[
        str | None, Field(description="The collection once more, as pystac-client asks.")
    ] = None

    def search(self, collection: str, max_page_size: int, reader: Reader = ANYBODY) -> ItemSearch:
        """Return the search, within a collection, that is asked for; errors as of `SearchBody.search`."""
        if self.collections and collection not in split(self.collections):
            raise InvalidInputError(
                f"collections: {self.collections[:80]!r} does not name {collection!r} of the path.",
                "Search across collections at /stac/search.",
            )
        return ItemSearch(
            limit=min(self.limit, max_page_size),
            collections=(collection,),
            area=box_area(self.bbox),
            time=interval(self.datetime),
            text=parse_phrases(self.q),
            filter=self.condition(),
            order=keys_of_text(self.sortby),
            reader=reader,
        )


class NarrowingParameters(ConditionParameters):
    """Query parameters that say which items are meant, wherever they are."""

    lists: ClassVar[frozenset[str]] = frozenset({"ids", "collections", "q", "fields", "sortby"})

    ids: Ids = None
    collections: Ids = None
    bbox: Bbox = None
    intersects: Annotated[str | None, Field(description="A GeoJSON geometry; not together with bbox.")] = None
    datetime: Datetime = None
    q: Words = None

    def narrowed(self, limit: int, order: tuple[SortKey, ...], reader: Reader) -> ItemSearch:
        """Return a search for the items that are meant; errors as of `SearchBody.search`."""
        return ItemSearch(
            limit=limit,
            ids=unique(split(self.ids), "ids"),
            collections=unique(split(self.collections), "collections"),
            area=_area(box_numbers(self.bbox), json_object(self.intersects, "intersects")),
            time=interval(self.datetime),
            text=parse_phrases(self.q),
            filter=self.condition(),
            order=order,
            reader=reader,
        )


class SearchParameters(NarrowingParameters, PageParameters):
    """Query parameters of `GET /search`."""

    def search(self, max_page_size: int, reader: Reader = ANYBODY) -> ItemSearch:
        """Return the search that is asked for; errors as of `SearchBody.search`."""
        return self.narrowed(min(self.limit, max_page_size), keys_of_text(self.sortby), reader)


class SortBody(Parameters):
    """A property that is sorted by."""

    field: str
    direction: Literal["asc", "desc"] = "asc"


class FieldsBody(Parameters):
    """Members that are sent, and that are not."""

    include: list[str] | None = None
    exclude: list[str] | None = None


class NarrowingBody(Parameters):
    """Body that says which items are meant, wherever they are."""

    ids: list[str] | None = Field(None, description="Items with one of these ids.")
    collections: list[str] | None = Field(None, description="Items of one of these collections.")
    bbox: list[float] | None = Field(
        None,
        description="west, south, east, north in degrees; or six with heights.",
        json_schema_extra={"minItems": 4, "maxItems": 6},
    )
    intersects: dict[str, Any] | None = Field(None, description="A GeoJSON geometry; not together with bbox.")
    datetime: Datetime = None
    q: list[str] | str | None = Field(None, description="Phrases, as in a query; any in a list may match.")
    filter: dict[str, Any] | bool | str | None = Field(None, description="A condition in CQL2.")
    filter_lang: Language = None
    filter_crs: FilterCrs = None
    query: dict[str, dict[str, Any]] | None = Field(
        None, description="Conditions on properties, such as `{'gsd': {'lt': 10}}`."
    )

    def narrowed(self, limit: int, order: tuple[SortKey, ...], reader: Reader) -> ItemSearch:
        """Return a search for the items that are meant; errors as of `SearchBody.search`."""
        return ItemSearch(
            limit=limit,
            ids=unique(self.ids, "ids"),
            collections=unique(self.collections, "collections"),
            area=_area(self.bbox, self.intersects),
            time=interval(self.datetime),
            text=parse_phrases(self.q),
            filter=joined_condition(self.filter, self.filter_lang or "cql2-json", self.query),
            order=order,
            reader=reader,
        )


class SearchBody(NarrowingBody):
    """Body of `POST /search`."""

    sortby: list[SortBody] | str | None = Field(None, description="Properties that are sorted by, in order.")
    fields: FieldsBody | None = Field(None, description="Members that are sent; an empty object: the least.")
    limit: Limit = DEFAULT_LIMIT
    token: Token = None

    def search(self, max_page_size: int, reader: Reader = ANYBODY) -> ItemSearch:
        """Return the search that is asked for.

        Raises
        ------
        InvalidInputError
            Naming the parameter that is wrong.
        """
        return self.narrowed(min(self.limit, max_page_size), self._order(), reader)

    def selection(self) -> FieldSelection | None:
        """Return which members of the items are sent."""
        if self.fields is not None:
            sent = self.fields
            included = (sent.include or []) if "include" in sent.model_fields_set else None
            return select_fields(included, sent.exclude, DEFAULT_ITEM_FIELDS)
        if "fields" in self.model_fields_set:
            raise InvalidInputError("fields: null.", "Expected an object with include and exclude.")
        return None

    def _order(self) -> tuple[SortKey, ...]:
        if isinstance(self.sortby, list):
            return sort_keys((key.field, key.direction == "desc") for key in self.sortby)
        return keys_of_text(self.sortby)


def _area(bbox: list[float] | None, intersects: dict[str, Any] | None) -> Area | None:
    if bbox is not None and intersects is not None:
        raise InvalidInputError("bbox and intersects are both given.", "Give one of them.")
    if bbox is not None:
        return area_of_box(parse_bbox(bbox))
    return area_of_geometry(intersects) if intersects is not None else None
