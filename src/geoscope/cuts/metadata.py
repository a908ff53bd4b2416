"""The catalogue's documents in the words of OGC API - EDR 1.1: collections and their instances."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection, Collections, Instance, Instances
from edr_pydantic.data_queries import DataQueries, EDRQuery
from edr_pydantic.extent import Extent, Spatial, Temporal, Vertical
from edr_pydantic.link import EDRQueryLink, Link
from edr_pydantic.observed_property import ObservedProperty
from edr_pydantic.parameter import Parameter, Parameters
from edr_pydantic.unit import Unit
from edr_pydantic.variables import Variables

from geoscope.cube_items import Document
from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.aggregates import Aggregate
from geoscope.cuts.coveragejson import CRS84, STANDARD_NAMES
from geoscope.cuts.estimates import Estimate
from geoscope.cuts.forms import Form
from geoscope.cuts.geometries import CRS84_NAMES, EPSG_4326_NAMES
from geoscope.cuts.parameters import METRES, PARAMETERS, Kind
from geoscope.cuts.reference_systems import CRS84_WKT, EPSG_4326_WKT, time_system, vertical_system

EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf"
CONFORMANCE_CLASSES = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(f"{EDR}/{name}" for name in ("core", "collections", "json", "geojson", "covjson", "queries")),
]
FORMS = [form.value for form in Form]
JSON = "application/json"
GEOJSON = "application/geo+json"


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
    link = EDRQueryLink(
        href=f"{address}/instances",
        rel="data",
        type=JSON,
        title="Its instances, such as scenarios or runs",
        variables=Variables(title="Instances", query_type="instances"),
    )
    return Collection(
        id=document["id"],
        title=document.get("title"),
        description=document.get("description"),
        keywords=document.get("keywords"),
        links=_links(document, address),
        extent=_extent(
            document["extent"]["spatial"]["bbox"], interval, document, _collection_calendar(document)
        ),
        data_queries=DataQueries(**_queries(address, document), instances=EDRQuery(link=link)),
        crs=CRS,
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
    return Instance(
        id=item["id"],
        title=properties.get("title"),
        description=properties.get("description"),
        keywords=properties.get("keywords"),
        links=_links(item, address),
        extent=_extent([item["bbox"]], interval, properties, properties.get("geoscope:calendar", GREGORIAN)),
        data_queries=DataQueries(**_queries(address, properties)),
        crs=CRS,
        output_formats=FORMS,
        parameter_names=_parameters(properties.get("cube:variables", {})),
    )


def _links(document: Document, address: str) -> list[Link]:
    kept = ("license", "describedby", "about", "cite-as")
    position = Link(rel="data", href=f"{address}/position", type=Form.COVERAGE_JSON.media_type)
    links = [Link(rel="self", href=address, type=JSON), position]
    # EDR wants a type of every link; what has none in STAC is a page, nearly always.
    links += [
        Link(rel=link["rel"], href=link["href"], type=link.get("type", "text/html"), title=link.get("title"))
        for link in document.get("links", [])
        if link.get("rel") in kept
    ]
    return links


def estimate_document(
    found: Estimate, max_values: int, max_job_values: int, asked: Mapping[str, Any]
) -> Document:
    """Return what a cut would be, and how to get it."""
    document: Document = {"estimate": found.document(), "maxValues": max_values}
    document["allowed"] = found.values_to_read <= max_values
    if found.values_to_read <= max_job_values:
        document["job"] = dict(asked)
    return document


def _queries(address: str, document: Document) -> dict[str, EDRQuery]:
    dimensions = document.get("cube:dimensions", {}).values()
    units = {str(one["unit"]) for one in dimensions if one.get("axis") == "z" and one.get("unit")}
    return {str(kind): _query(kind, address, sorted(units)) for kind in Kind}


def _query(kind: Kind, address: str, level_units: list[str]) -> EDRQuery:
    title = TITLES[kind]
    variables: dict[str, Any] = {
        "title": title,
        "query_type": str(kind),
        "description": _HINTS[kind] + (_AGGREGATES if kind in _AGGREGATED else ""),
        "output_formats": FORMS,
        "default_output_format": Form.COVERAGE_JSON.value,
        "crs_details": [{"crs": "CRS84", "wkt": CRS84_WKT}, {"crs": "EPSG:4326", "wkt": EPSG_4326_WKT}],
    }
    if kind is Kind.RADIUS:
        variables["within_units"] = list(METRES)
    if kind is Kind.CORRIDOR:
        variables["width_units"] = list(METRES)
    if kind in (Kind.CUBE, Kind.CORRIDOR):
        variables["height_units"] = level_units
    link = EDRQueryLink(
        href=f"{address}/{kind}",
        rel="data",
        type=GEOJSON if kind is Kind.LOCATIONS else Form.COVERAGE_JSON.media_type,
        title=title,
        variables=Variables(**variables),
    )
    return EDRQuery(link=link)


def _extent(bbox: list[list[float]], interval: list[Any], document: Document, calendar: str) -> Extent:
    dimensions = document.get("cube:dimensions", {}).values()
    time: Document = next((one for one in dimensions if one.get("type") == "temporal"), {})
    start, end = interval
    vertical = _vertical(document)
    if start is None or end is None:
        return Extent(spatial=Spatial(bbox=bbox, crs=CRS84), vertical=vertical)
    values = time.get("values") or [start if start == end else f"{start}/{end}"]
    return Extent(
        spatial=Spatial(bbox=bbox, crs=CRS84),
        temporal=Temporal(
            interval=[[datetime.fromisoformat(start), datetime.fromisoformat(end)]],
            values=values,
            trs=time_system(calendar),
        ),
        vertical=vertical,
    )


def _vertical(document: Document) -> Vertical | None:
    """Return the levels of a cube; where its variables have different ones, the first."""
    dimensions = document.get("cube:dimensions", {})
    for name, one in dimensions.items():
        values = one.get("values") or one.get("extent")
        if one.get("axis") == "z" and values:
            texts = [f"{value:g}" for value in values]
            low, high = min(values), max(values)
            return Vertical(
                interval=[[f"{low:g}", f"{high:g}"]],
                values=texts,
                vrs=vertical_system(name, one.get("unit")),
            )
    return None


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
            id=f"{STANDARD_NAMES}{standard_name}/" if standard_name else name,
        ),
    )


TITLES = {
    Kind.POSITION: "Series and profiles at places",
    Kind.RADIUS: "Cells within a distance of places",
    Kind.AREA: "Cells in a polygon",
    Kind.CUBE: "A box",
    Kind.TRAJECTORY: "Along a path",
    Kind.CORRIDOR: "Around a path",
    Kind.LOCATIONS: "Cells of a country",
}
_HINTS = {
    Kind.POSITION: "coords is well-known text: POINT(longitude latitude), or MULTIPOINT",
    Kind.RADIUS: "coords is well-known text, POINT or MULTIPOINT; within and within-units",
    Kind.AREA: "coords is well-known text, POLYGON or MULTIPOLYGON",
    Kind.CUBE: "bbox=west,south,east,north, or six numbers with the lowest and the highest level",
    Kind.TRAJECTORY: "coords is well-known text: LINESTRING, with Z (levels) and M (seconds since 1970)",
    Kind.CORRIDOR: "coords is a LINESTRING; corridor-width and width-units",
    Kind.LOCATIONS: "/locations lists countries; /locations/FRA (or a name) cuts one out",
}
_AGGREGATED = {kind for kind in Kind if any(each.name == "aggregate" for each in PARAMETERS[kind])}
_AGGREGATES = f"; with aggregate ({', '.join(Aggregate)}) one value of all cells"
CRS = [CRS84_NAMES[0], EPSG_4326_NAMES[0]]
