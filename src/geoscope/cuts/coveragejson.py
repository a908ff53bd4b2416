"""Series as CoverageJSON 1.0 (OGC 21-069r2), one PointSeries a coverage."""

from typing import Any

import orjson

from geoscope.cubes.cube import Variable
from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.position import Series

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
# What CoverageJSON asks for any calendar but the Gregorian: an address that defines it.
CF_CALENDARS = "https://cfconventions.org/cf-conventions/cf-conventions.html#calendar"
STANDARD_NAMES = "http://vocab.nerc.ac.uk/standard_name/"


def coverage_document(series: Series) -> bytes:
    """Write one series as a Coverage."""
    return _json(_coverage(series))


def collection_document(found: list[Series]) -> bytes:
    """Write several series as a CoverageCollection, in their order."""
    return _json(
        {
            "type": "CoverageCollection",
            "domainType": "PointSeries",
            "coverages": [_coverage(one) for one in found],
        }
    )


def parameter(variable: Variable) -> dict[str, Any]:
    """Describe a variable as a CoverageJSON parameter, its unit and CF standard name included."""
    observed: dict[str, Any] = {"label": {"en": variable.standard_name.replace("_", " ") or variable.title}}
    if variable.standard_name:
        observed["id"] = f"{STANDARD_NAMES}{variable.standard_name}/"
    described: dict[str, Any] = {
        "type": "Parameter",
        "description": {"en": variable.title},
        "observedProperty": observed,
    }
    if variable.unit:
        described["unit"] = {"label": {"en": variable.unit}, "symbol": variable.unit}
    return described


def _coverage(series: Series) -> dict[str, Any]:
    longitude, latitude = series.place
    axes: dict[str, Any] = {"x": {"values": [longitude]}, "y": {"values": [latitude]}}
    referencing = [{"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}}]
    if series.times:
        axes["t"] = {"values": series.times}
        referencing.append({"coordinates": ["t"], "system": _time_system(series.calendar)})
    return {
        "type": "Coverage",
        "id": series.instance,
        "geoscope:instance": series.instance,
        "domain": {
            "type": "Domain",
            "domainType": "PointSeries" if series.times else "Point",
            "axes": axes,
            "referencing": referencing,
        },
        "parameters": {variable.name: parameter(variable) for variable in series.variables},
        "ranges": {
            name: {
                "type": "NdArray",
                "dataType": "float",
                "axisNames": ["t", "y", "x"] if series.times else ["y", "x"],
                "shape": [len(values), 1, 1] if series.times else [1, 1],
                "values": values,
            }
            for name, values in series.values.items()
        },
    }


def _time_system(calendar: str) -> dict[str, str]:
    if calendar == GREGORIAN:
        return {"type": "TemporalRS", "calendar": "Gregorian"}
    return {"type": "TemporalRS", "calendar": CF_CALENDARS, "geoscope:calendar": calendar}


def _json(document: dict[str, Any]) -> bytes:
    # NaN and infinity have no place in JSON; orjson writes both as null.
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
