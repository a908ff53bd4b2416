"""The catalogue's documents in the words of OGC API - EDR 1.1: collections and their instances."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection, Collections, Instance, Instances
from edr_pydantic.data_queries import DataQueries, EDRQuery
from edr_pydantic.extent import Extent, Spatial, Temporal
from edr_pydantic.link import EDRQueryLink, Link
from edr_pydantic.observed_property import ObservedProperty
from edr_pydantic.parameter import Parameter, Parameters
from edr_pydantic.unit import Unit
from edr_pydantic.variables import Variables

from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.coveragejson import CRS84, STANDARD_NAMES
from geoscope.cuts.queries import Form
from geoscope.holdings import Document

EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf"
CONFORMANCE_CLASSES = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(f"{EDR}/{name}" for name in ("core", "collections", "json", "covjson", "queries")),
]
FORMS = [form.value for form in Form]
JSON = "application/json"


def landing_page(title: str, description: str, base: str, openapi: str) -> LandingPageModel:
    """Return the entrance; `base` is the address of the API itself."""
    return LandingPageModel(
        title=title,
        description=description,
        links=[
            Link(rel="self", href=base, type=JSON, title="This document"),
            Link(rel="service-desc", href=openapi, type="application/vnd.oai.openapi+json;version=3.1"),
            Link(rel="conformance", href=f"{base}/conformance", type=JSON, title="What it conforms to"),
            Link(rel="data", href=f"{base}/collections", type=JSON, title="Collections that can be cut"),
        ],
    )


def conformance() -> ConformanceModel:
    """Return the conformance classes."""
    return ConformanceModel(conformsTo=CONFORMANCE_CLASSES)


def collections(found: list[Document], base: str) -> Collections:
    """Return all collections."""
    link = Link(rel="self", href=f"{base}/collections", type=JSON)
    return Collections(links=[link], collections=[collection(one, base) for one in found])


def collection(document: Document, base: str) -> Collection:
    """Return one collection from its STAC document."""
    address = f"{base}/collections/{quote(document['id'], safe='')}"
    interval = document["extent"]["temporal"]["interval"][0]
    queries = {
        "position": _query(
            "position", f"{address}/position", "Time series at a place, one coverage an instance"
        ),
        "instances": _query("instances", f"{address}/instances", "Its instances, such as scenarios or runs"),
    }
    return Collection(
        id=document["id"],
        title=document.get("title"),
        description=document.get("description"),
        keywords=document.get("keywords"),
        links=_links(document, address),
        extent=_extent(
            document["extent"]["spatial"]["bbox"], interval, document, _collection_calendar(document)
        ),
        data_queries=DataQueries(**queries),
        crs=["CRS84"],
        output_formats=FORMS,
        parameter_names=_parameters(document["cube:variables"]),
    )


def instances(found: list[Document], parent: Document, base: str) -> Instances:
    """Return the instances of a collection: its items."""
    address = f"{base}/collections/{quote(parent['id'], safe='')}/instances"
    link = Link(rel="self", href=address, type=JSON)
    return Instances(links=[link], instances=[instance(one, base) for one in found])


def instance(item: Document, base: str) -> Instance:
    """Return one instance from its STAC item."""
    parent = f"{base}/collections/{quote(item['collection'], safe='')}"
    address = f"{parent}/instances/{quote(item['id'], safe='')}"
    properties = item["properties"]
    interval = [
        properties.get("start_datetime") or properties["datetime"],
        properties.get("end_datetime") or properties["datetime"],
    ]
    query = _query("position", f"{address}/position", "Time series at a place")
    return Instance(
        id=item["id"],
        title=properties.get("title"),
        description=properties.get("description"),
        keywords=properties.get("keywords"),
        links=_links(item, address),
        extent=_extent([item["bbox"]], interval, properties, properties.get("geoscope:calendar", GREGORIAN)),
        data_queries=DataQueries(position=query),
        crs=["CRS84"],
        output_formats=FORMS,
        parameter_names=_parameters(properties.get("cube:variables", {})),
    )


def _links(document: Document, address: str) -> list[Link]:
    kept = ("license", "describedby", "about", "cite-as")
    links = [Link(rel="self", href=address, type=JSON), Link(rel="data", href=f"{address}/position")]
    links += [
        Link(rel=link["rel"], href=link["href"], type=link.get("type"), title=link.get("title"))
        for link in document.get("links", [])
        if link.get("rel") in kept
    ]
    return links


def _query(kind: str, href: str, title: str) -> EDRQuery:
    variables: dict[str, Any] = {"title": title, "query_type": kind}
    if kind == "position":
        variables |= {
            "description": "coords is well-known text: POINT(longitude latitude)",
            "output_formats": FORMS,
            "default_output_format": Form.COVERAGE_JSON.value,
            "crs_details": [{"crs": "CRS84", "wkt": _CRS84_WKT}],
        }
    return EDRQuery(link=EDRQueryLink(href=href, rel="data", title=title, variables=Variables(**variables)))


def _extent(bbox: list[list[float]], interval: list[Any], document: Document, calendar: str) -> Extent:
    dimensions = document.get("cube:dimensions", {}).values()
    time: Document = next((one for one in dimensions if one.get("type") == "temporal"), {})
    start, end = interval
    if start is None or end is None:
        return Extent(spatial=Spatial(bbox=bbox, crs=CRS84))
    values = time.get("values") or [start if start == end else f"{start}/{end}"]
    return Extent(
        spatial=Spatial(bbox=bbox, crs=CRS84),
        temporal=Temporal(
            interval=[[datetime.fromisoformat(start), datetime.fromisoformat(end)]],
            values=values,
            trs=_time_system(calendar),
        ),
    )


def _collection_calendar(document: Document) -> str:
    calendars = document.get("summaries", {}).get("geoscope:calendar")
    return str(calendars[0]) if calendars else GREGORIAN


def _parameters(variables: dict[str, Document]) -> Parameters:
    return Parameters({name: _parameter(name, variable) for name, variable in variables.items()})


def _parameter(name: str, variable: Document) -> Parameter:
    title = str(variable.get("description") or name).replace("_", " ")
    standard_name = variable.get("attrs", {}).get("standard_name")
    unit = variable.get("unit")
    return Parameter(
        id=name,
        label=title,
        description=title,
        unit=Unit(label=unit, symbol=unit) if unit else None,
        observedProperty=ObservedProperty(
            label=standard_name.replace("_", " ") if standard_name else title,
            id=f"{STANDARD_NAMES}{standard_name}/" if standard_name else None,
        ),
    )


def _time_system(calendar: str) -> str:
    """Return the temporal reference system as well-known text (OGC 18-010r7, section 14)."""
    name = "proleptic Gregorian" if calendar == GREGORIAN else calendar
    return f'TIMECRS["Time",TDATUM["Time",CALENDAR["{name}"]],CS[TemporalDateTime,1],AXIS["Time (T)",future]]'


_CRS84_WKT = (
    'GEOGCRS["WGS 84 (CRS84)",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'CS[ellipsoidal,2],AXIS["geodetic longitude (Lon)",east],AXIS["geodetic latitude (Lat)",north],'
    'ANGLEUNIT["degree",0.0174532925199433],ID["OGC","CRS84"]]'
)
