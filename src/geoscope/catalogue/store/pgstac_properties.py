"""Properties of an item `i` as SQL."""

from geoscope.catalogue.filter_operators import KNOWN_KINDS, Kind

type Parameters = dict[str, object]

# What pgstac keeps in a column: the start of an item's time, and its end.
TIME_COLUMNS = {"datetime": "i.datetime", "start_datetime": "i.datetime", "end_datetime": "i.end_datetime"}
ID_COLUMNS = {"id": "i.id", "collection": "i.collection"}


def is_instant(name: str) -> bool:
    """Tell whether a property is a time by STAC's own definition."""
    return KNOWN_KINDS.get(name) is Kind.INSTANT


def document_value(parameter: str, name: str) -> str:
    """Return the expression of a property as it stands in the document, as JSON.

    Parameters
    ----------
    parameter : str
        Name of the parameter that holds `name`.
    name : str
        The property.
    """
    if "." in name:
        return f"geoscope.property(i.content->'properties', %({parameter})s)"
    return f"(i.content->'properties'->%({parameter})s)"


def summarised_value(parameter: str, name: str) -> str:
    """Return the expression of a property as it is sorted and counted by, as JSON: times in microseconds."""
    if name in TIME_COLUMNS:
        return f"to_jsonb(geoscope.microseconds({TIME_COLUMNS[name]}))"
    if name in ID_COLUMNS:
        return f"to_jsonb({ID_COLUMNS[name]})"
    value = document_value(parameter, name)
    return f"to_jsonb(geoscope.instant({value} #>> '{{}}'))" if is_instant(name) else value
