"""Times and ids from the names of files, and places in the object store."""

import pytest

from geoscope.catalogue.publishing.names import times_of_name
from geoscope.catalogue.publishing.places import own_places, require_own, uploads_of
from geoscope.catalogue.publishing.sources import item_ids
from geoscope.errors import InvalidInputError, NotAllowedError
from geoscope.objects import Place


@pytest.mark.parametrize(
    ("path", "start", "end"),
    [
        ("T33TWM_20240301T100021_B04.tif", "2024-03-01T10:00:21Z", "2024-03-01T10:00:21Z"),
        ("ice_2024-03-01.nc", "2024-03-01T00:00:00Z", "2024-03-01T23:59:59Z"),
        ("run_20240301T000000_20240302T120000", "2024-03-01T00:00:00Z", "2024-03-02T12:00:00Z"),
        ("a_20240301_20240331.tif", "2024-03-01T00:00:00Z", "2024-03-31T23:59:59Z"),
        ("data/2024/02/29/ice.nc", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59Z"),
        ("2024/12/ice.nc", "2024-12-01T00:00:00Z", "2024-12-31T23:59:59Z"),
        ("S3A_20240301T100021123.tif", "2024-03-01T10:00:21Z", "2024-03-01T10:00:21Z"),
        ("later_20240301_earlier_20240101.tif", "2024-03-01T00:00:00Z", "2024-03-01T23:59:59Z"),
    ],
)
def test_a_name_tells_the_time(path, start, end):
    assert times_of_name(path) == (start, end)


@pytest.mark.parametrize("path", ["ice.nc", "20240230.tif", "n12345678.tif", "99991301.tif", "v2024.tif"])
def test_no_time_is_read_into_a_name(path):
    assert times_of_name(path) is None


def test_ids_are_paths_without_endings_unless_that_is_ambiguous():
    assert item_ids(["a/b.tif", "a b.nc", "c.tif", "c.nc"]) == {
        "a/b.tif": "a-b.tif",
        "a b.nc": "a-b.nc",
        "c.tif": "c.tif",
        "c.nc": "c.nc",
    }
    assert item_ids(["2024/ice é.tif"]) == {"2024/ice é.tif": "2024-ice"}
    (long,) = item_ids(["x" * 300 + ".tif"]).values()
    assert len(long) < 200


@pytest.mark.parametrize(
    "address", ["s3://", "s3://a/../b", "https://b/c", "s3://b//c", "s3://B/c", "s3://b/./c"]
)
def test_addresses_that_lead_elsewhere_are_refused(address):
    with pytest.raises(InvalidInputError):
        Place.parse(address)


def test_one_publishes_from_ones_own_places():
    require_own(Place.parse("s3://home-anna/x"), "anna", "c")
    require_own(Place.parse("s3://demo/x"), "anna", "c")
    require_own(uploads_of("anna", "c"), "anna", "c")
    for address in (
        "s3://home-annab/x",
        "s3://home-ann",
        "s3://collections/anna/d",
        "s3://collections/anna/cc",
    ):
        with pytest.raises(NotAllowedError):
            require_own(Place.parse(address), "anna", "c")


def test_a_strange_name_owns_no_bucket():
    places = own_places("../anna", "c")
    assert [place.bucket for place in places] == ["collections", "demo", "public-twins"]
    assert places[0] != own_places("../annb", "c")[0]
