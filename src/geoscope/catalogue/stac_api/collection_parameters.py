"""What a search for collections may ask for (STAC API Collection Search extension)."""

from typing import Annotated, ClassVar

from pydantic import Field

from geoscope.catalogue.models import ANYBODY, CollectionSearch, Reader
from geoscope.catalogue.phrases import parse_phrases
from geoscope.catalogue.stac_api.fields import DEFAULT_COLLECTION_FIELDS, FieldSelection, fields_of_text
from geoscope.catalogue.stac_api.paging import collection_position
from geoscope.catalogue.stac_api.parameters import (
    Bbox,
    ConditionParameters,
    Datetime,
    FieldsText,
    Limit,
    Token,
    Words,
    box_area,
    interval,
)

DEFAULT_COLLECTION_LIMIT = 100


class CollectionParameters(ConditionParameters):
    """Query parameters of `/collections`."""

    lists: ClassVar[frozenset[str]] = frozenset({"fields", "q"})

    bbox: Bbox = None
    datetime: Datetime = None
    q: Words = None
    provider: Annotated[
        str | None,
        Field(max_length=256, description="A backend that serves the items, as `federation:backends` says."),
    ] = None
    fields: FieldsText = None
    limit: Limit = DEFAULT_COLLECTION_LIMIT
    token: Token = None

    def search(self, max_page_size: int, reader: Reader = ANYBODY) -> CollectionSearch:
        """Return the search that is asked for.

        Raises
        ------
        InvalidInputError
            Naming the parameter that is wrong.
        """
        return CollectionSearch(
            limit=min(self.limit, max_page_size),
            area=box_area(self.bbox),
            time=interval(self.datetime),
            text=parse_phrases(self.q),
            filter=self.condition(),
            backend=self.provider or None,
            after=collection_position(self.token) if self.token else None,
            reader=reader,
        )

    def selection(self) -> FieldSelection | None:
        """Return which members of the collections are sent."""
        return fields_of_text(self.fields, DEFAULT_COLLECTION_FIELDS)
