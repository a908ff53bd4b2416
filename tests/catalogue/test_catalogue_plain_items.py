"""A quick look at items never lets through what the models refuse, and finds the same place."""

import copy
import random
import warnings

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from stac_pydantic.item import Item

from geoscope.catalogue.areas import footprint_of
from geoscope.catalogue.plain_items import plain_item
from geoscope.errors import InvalidInputError

ITEM = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "stac_extensions": ["https://stac-extensions.github.io/eo/v2.0.0/schema.json"],
    "id": "scene",
    "collection": "c",
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4.5, 3], [0, 3], [0, 0]]]},
    "bbox": [0, 0, 4.5, 3],
    "properties": {
        "datetime": "2026-03-01T00:00:00Z",
        "created": "2026-03-01T00:00:00.123Z",
        "updated": "2026-03-01T01:00:00+01:00",
        "start_datetime": "2026-03-01T00:00:00Z",
        "end_datetime": "2026-03-01T00:00:00Z",
        "platform": "p",
        "instruments": ["msi"],
        "gsd": 10,
        "title": "t",
        "eo:cloud_cover": 1.5,
    },
    "assets": {
        "red": {
            "href": "https://example.org/red.tif",
            "roles": ["data"],
            "title": "Red",
            "type": "image/tiff",
        }
    },
    "links": [{"rel": "license", "href": "https://example.org/licence", "title": "Licence"}],
}
WRONG = st.sampled_from(
    [
        *(
            None,
            True,
            False,
            0,
            1,
            -1,
            2.5,
            1e300,
            "",
            "x",
            "1",
            [],
            {},
            [[]],
            [None],
            ["x"],
            [1, 2],
            {"a": 1},
        ),
        *(
            "2026-02-30T00:00:00Z",
            "2026-03-01",
            "2026-03-01T00:00:00",
            "0001-01-01T00:00:00+14:00",
            "Feature",
            "Point",
        ),
        *([0, 0], [0, 0, 0], [200, 100], [1, 1, 0, 0], [[0, 0], [1, 1], [0, 1], [0, 0]], "https://", "a b"),
    ]
)


def places(value, path=()):
    """Yield the way to each value inside of a document."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, child in children:
        yield from places(child, (*path, name))


@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_quick_look_never_lets_through_what_the_models_refuse(data):
    item = copy.deepcopy(ITEM)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(item))[1:]))
        holder = item
        for name in way:
            holder = holder[name]
        if data.draw(st.booleans()) and isinstance(holder, dict):
            del holder[last]
        else:
            holder[last] = copy.deepcopy(data.draw(WRONG))
    if plain_item(item):
        check_same(item)


def check_same(item):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Item.model_validate(item)
        except ValidationError as error:
            raise AssertionError(item) from error
    footprint = plain_item(item).footprint()
    if footprint is not None:
        try:
            assert footprint == footprint_of(item["geometry"], item["bbox"])
        except InvalidInputError as error:
            raise AssertionError(item) from error


def test_usual_item_is_plain():
    assert plain_item(ITEM)
    assert plain_item(ITEM).footprint() is not None
    assert plain_item(orjson.loads(orjson.dumps(ITEM)))


@pytest.mark.parametrize("seed", range(60))
def test_plain_footprint_is_the_exact_one(seed):
    number = random.Random(seed)  # noqa: S311 (no secret)
    corners = [
        [number.choice([0, 1, 2, 2.5, 3]), number.choice([0, 1, 2, 3.5])] for _ in range(number.randint(3, 5))
    ]
    ring = [*corners, corners[0]]
    longitudes, latitudes = zip(*ring, strict=True)
    item = ITEM | {
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
    }
    assert plain_item(item)
    check_same(item)


@pytest.mark.parametrize("corners", [[[0, 0], [2, 0], [2, 1], [0, 1]], [[2, 1], [0, 1], [0, 0], [2, 0]]])
def test_rectangle_is_all_of_its_box(corners):
    item = ITEM | {
        "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
        "bbox": [0, 0, 2, 1],
    }
    assert plain_item(item).footprint().shape is None
    check_same(item)
