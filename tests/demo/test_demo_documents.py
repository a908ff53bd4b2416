"""The STAC documents: valid, complete, and the same each time."""

import json

import cmap
import pytest
from stac_pydantic import Collection, Item

from geoscope.cubes.describe import describe
from geoscope.demo.datasets import COLLECTIONS, NEMO, SCENARIOS, SEVIRI
from geoscope.demo.readers import read_item
from geoscope.demo.stac import DOCUMENT_DIGEST, collection_document, item_document


@pytest.fixture(scope="module")
def cubes():
    return {
        collection.id: [describe(read_item(collection, item)) for item in collection.items]
        for collection in COLLECTIONS
    }


def item_of(collection, cubes, number=0):
    return item_document(collection, collection.items[number], cubes[collection.id][number], "digest")


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.id)
def test_documents_are_valid_stac(collection, cubes):
    document = collection_document(collection, cubes[collection.id])
    checked = Collection.model_validate(document)
    assert checked.stac_version == "1.1.0"
    assert {provider.url is not None for provider in checked.providers} == {True}
    for number in range(len(collection.items)):
        item = Item.model_validate(item_of(collection, cubes, number))
        assert item.collection == collection.id
        assert len(item.stac_extensions) == len(set(item.stac_extensions))


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.id)
def test_each_drawing_names_a_variable_of_the_cube_and_a_known_colour_map(collection, cubes):
    properties = item_of(collection, cubes)["properties"]
    assert properties["renders"].keys() == properties["cube:variables"].keys()
    for drawing in properties["renders"].values():
        assert cmap.Colormap(drawing["colormap_name"])
        ((minimum, maximum),) = drawing["rescale"]
        assert minimum < maximum


def test_addresses_stand_as_placeholders_for_the_catalogue_to_fill(cubes):
    item = item_of(SCENARIOS, cubes)
    data = item["assets"]["data"]
    assert data["href"] == "geoscope://base/data/demo/uk-met-office-scenarios/a1b.zarr"
    assert data["alternate"]["s3"]["href"] == "s3://demo/uk-met-office-scenarios/a1b.zarr"
    assert item["properties"]["storage:schemes"]["s3"]["platform"] == "geoscope://s3"
    assert "127.0.0.1" not in json.dumps(item)
    assert {link["rel"] for link in item["links"]} == {"license", "via", "cite-as"}


def test_times_follow_the_data(cubes):
    series = item_of(SCENARIOS, cubes)["properties"]
    assert series["datetime"] is None
    assert series["start_datetime"] == "1860-06-01T00:00:00Z"
    assert series["geoscope:calendar"] == "360_day"
    picture = item_of(SEVIRI, cubes)["properties"]
    assert picture["datetime"] == "2016-05-16T12:00:00Z"
    assert "geoscope:calendar" not in picture


def test_the_collection_says_only_what_all_its_items_share(cubes):
    document = collection_document(SCENARIOS, cubes[SCENARIOS.id])
    attributes = document["cube:variables"]["air_temperature"]["attrs"]
    assert attributes["standard_name"] == "air_temperature"
    assert "Model scenario" not in attributes
    assert "values" not in document["cube:dimensions"]["time"]
    assert document["extent"]["temporal"]["interval"] == [["1860-06-01T00:00:00Z", "2099-06-01T00:00:00Z"]]


def test_the_digest_changes_with_the_document_and_only_then(cubes):
    first, again = (collection_document(NEMO, cubes[NEMO.id]) for _ in range(2))
    assert first == again
    other = item_document(NEMO, NEMO.items[0], cubes[NEMO.id][0], "another digest")
    digests = {item_of(NEMO, cubes)["properties"][DOCUMENT_DIGEST], other["properties"][DOCUMENT_DIGEST]}
    assert len(digests) == 2
