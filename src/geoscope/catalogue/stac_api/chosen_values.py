"""What is chosen already, when a client asks what can still be chosen: query parameters of queryables."""

from fastapi.datastructures import QueryParams

from geoscope.catalogue.filters import filter_of, read_filter
from geoscope.catalogue.models import ItemSearch, Reader
from geoscope.catalogue.stac_api.conditions import all_of, chosen_conditions
from geoscope.catalogue.stac_api.parameters import (
    Bbox,
    Datetime,
    FilterCrs,
    FilterText,
    Ids,
    Language,
    Parameters,
    box_area,
    interval,
    parse_query,
    split,
    unique,
)


class QueryableParameters(Parameters):
    """Query parameters of queryables; any other name is a property, and has the values chosen for it."""

    collections: Ids = None
    bbox: Bbox = None
    datetime: Datetime = None
    filter: FilterText = None
    filter_lang: Language = None
    filter_crs: FilterCrs = None


def parse_choice(query: QueryParams, reader: Reader, collection: str | None = None) -> ItemSearch:
    """Return a search for the items that have what is chosen.

    A property may be given several times: any of its values will do.

    Raises
    ------
    InvalidInputError
        Naming the parameter that is wrong.
    """
    known = {field.alias or name for name, field in QueryableParameters.model_fields.items()}
    pairs = query.multi_items()
    asked = parse_query(QueryableParameters, QueryParams([pair for pair in pairs if pair[0] in known]))
    chosen: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in known and value:
            chosen.setdefault(name.removeprefix("properties."), []).append(value)
    conditions = [read_filter(asked.filter, asked.filter_lang or "cql2-text")] if asked.filter else []
    conditions += chosen_conditions(chosen)
    return ItemSearch(
        limit=1,
        collections=(collection,) if collection else unique(split(asked.collections), "collections"),
        area=box_area(asked.bbox),
        time=interval(asked.datetime),
        filter=filter_of(all_of(conditions)) if conditions else None,
        reader=reader,
    )
