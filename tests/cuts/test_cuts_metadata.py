"""The metadata of EDR are valid and lead to queries that answer."""

import pytest
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection, Collections, Instance, Instances
from pyproj import CRS

from geoscope.demo.datasets import COLLECTIONS

IDS = sorted(collection.id for collection in COLLECTIONS)


def test_landing_page_leads_to_everything(client):
    page = LandingPageModel.model_validate_json(client.get("/edr").content)
    links = {link.rel: link.href for link in page.links}
    assert set(links) >= {"self", "service-desc", "conformance", "data"}
    for href in links.values():
        assert href.startswith("http://geoscope.test/edr")
        assert client.get(href).status_code == 200
    ConformanceModel.model_validate_json(client.get(links["conformance"]).content)


def test_collections_are_those_that_hold_cubes(client):
    found = Collections.model_validate_json(client.get("/edr/collections").content)
    assert [collection.id for collection in found.collections] == IDS


@pytest.mark.parametrize("id_", IDS)
def test_collection_and_instances_describe_themselves_and_can_be_asked(client, id_):
    collection = Collection.model_validate_json(client.get(f"/edr/collections/{id_}").content)
    assert list(collection.parameter_names.root)
    assert all(parameter.unit for parameter in collection.parameter_names.root.values())
    found = Instances.model_validate_json(client.get(collection.data_queries.instances.link.href).content)
    for instance in found.instances:
        self_link = next(link.href for link in instance.links if link.rel == "self")
        assert Instance.model_validate_json(client.get(self_link).content).id == instance.id
        temporal = instance.extent.temporal
        assert temporal.interval[0][0].isoformat().replace("+00:00", "Z") == temporal.values[0]
        answer = client.get(instance.data_queries.position.link.href, params={"coords": "POINT(-60 20)"})
        assert answer.status_code in (200, 404)
    position = collection.data_queries.position.link
    west, south, east, north = collection.extent.spatial.bbox[0]
    centre = f"POINT({(west + east) / 2} {(south + north) / 2})"
    assert client.get(position.href, params={"coords": centre}).status_code == 200


def test_extent_names_the_calendar(client):
    def trs(id_):
        return client.get(f"/edr/collections/{id_}").json()["extent"]["temporal"]["trs"]

    assert 'CALENDAR["360_day"]' in trs("uk-met-office-scenarios")
    assert 'CALENDAR["proleptic Gregorian"]' in trs("ostia-sea-surface-temperature")


def test_metadata_of_levels_can_be_read_by_programs(level_client):
    document = level_client.get("/edr/collections/closed-form/instances/one").json()
    queries = document["data_queries"]
    assert queries["cube"]["link"]["variables"]["height_units"] == ["hPa"]
    assert queries["corridor"]["link"]["variables"]["height_units"] == ["hPa"]
    vertical = CRS.from_wkt(document["extent"]["vertical"]["vrs"])
    assert [(axis.direction, axis.unit_name) for axis in vertical.axis_info] == [("down", "hectopascal")]
    assert CRS.from_wkt(document["extent"]["temporal"]["trs"]).type_name == "Temporal CRS"
    details = queries["area"]["link"]["variables"]["crs_details"]
    assert [CRS.from_wkt(each["wkt"]).axis_info[0].direction for each in details] == ["east", "north"]
    # 19-086r6, /req/core/rc-md-query-links and /req/edr/rc-parameters.
    links = document["links"] + [query["link"] for query in queries.values()]
    assert all(link.get("type") for link in links)
    assert all(each["observedProperty"]["id"] for each in document["parameter_names"].values())


@pytest.mark.parametrize(
    ("asked", "found"), [("limit=5000", True), ("bbox=0,45,-100,5,50,9000", True), ("bbox=1,2,3", False)]
)
def test_locations_are_limited_and_boxed_as_the_standard_has_it(level_client, asked, found):
    answer = level_client.get(f"/edr/collections/closed-form/locations?{asked}")
    assert answer.status_code == (200 if found else 400)
    if found:
        assert "FRA" in [feature["id"] for feature in answer.json()["features"]]


def test_what_is_no_cube_is_not_found(client, holdings):
    holdings.catalogue_documents = holdings.catalogue_documents | {
        "/collections/photographs": {"id": "photographs", "extent": {}},
        "/collections/photographs/items/cat": {
            "id": "cat",
            "properties": {},
            "assets": {"a": {"type": "image/png"}},
        },
    }
    for path in ("", "/instances/cat", "/instances/cat/position?coords=POINT(0 0)"):
        assert client.get(f"/edr/collections/photographs{path}").status_code == 404


def test_health_and_openapi_answer(client):
    assert client.get("/edr/-/health").json() == {"status": "ok"}
    paths = client.get("/edr/-/openapi").json()["paths"]
    assert "/edr/collections/{collection}/instances/{instance}/position" in paths
