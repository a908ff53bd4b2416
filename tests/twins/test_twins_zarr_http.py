"""Cubes over HTTP: an unmodified Zarr client on a laptop reads what it needs, and no more."""

import asyncio
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import aiohttp
import httpx
import numpy as np
import obstore.exceptions
import pystac
import pytest
import uvicorn
import xarray as xr
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from obstore.store import HTTPStore
from zarr.storage import ObjectStore

import geoscope
from geoscope.cubes.cube import Cube
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.history import expire
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.writing import write_cube
from geoscope.cuts.manifest import MANIFEST
from geoscope.errors import InvalidInputError, NotFoundError, NotSignedInError, UnavailableError
from geoscope.holdings import Holdings, shared_holdings
from geoscope.keeping import Kept
from geoscope.objects import Place, icechunk_storage, open_bucket
from geoscope.runtime.ports import free_ports
from geoscope.secrets import read_s3_keys
from geoscope.twins import zarr_http
from geoscope.web import service_application
from growing_cubes import TEMPERATURE, day, fields_on, outline_on, values_on
from object_store_server import running_object_store

GRID = HealpixGrid(6)
GROWING = "application/vnd.zarr; version=3; profile=icechunk"


class TwinHoldings(Holdings):
    """Holdings that ask a dictionary for documents; cubes come from a real object store."""

    def __init__(self, settings, documents):
        super().__init__(settings)
        self.catalogue_documents = documents

    async def _ask_catalogue(self, path, _authorization):
        try:
            return self.catalogue_documents[path]
        except KeyError:
            raise NotFoundError(f"There is no {path}.") from None


def item(id_, address, media_type=GROWING, **properties):
    asset = {"href": address, "type": media_type}
    return {
        "id": id_,
        "properties": {"updated": "2026-01-01T00:00:00Z"} | properties,
        "assets": {"cube": asset},
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    with running_object_store(tmp_path_factory.mktemp("object-store")) as settings:
        yield settings


@pytest.fixture(scope="module")
def twin(settings):
    """A cube of ten days in a closed bucket, a plain one in a public bucket; the catalogue's documents."""
    place = Place("twins", f"test/{uuid.uuid4()}")
    storage = icechunk_storage(settings, place, read_s3_keys(settings, "jobs"))
    growing = GrowingCube.open_or_create(storage, outline_on(GRID))
    growing.write(fields_on(GRID, range(10)), message="ten days")
    growing.settle(everything=True)
    plain = xr.open_zarr(growing.repository.readonly_session("main").store, consolidated=False).load()
    bucket = open_bucket(settings, "demo", read_s3_keys(settings, "jobs"), prefix="plain.zarr")
    write_cube(plain[["2t"]].assign({"mean, 2 m (K)": plain["2t"]}), ObjectStore(bucket))
    access = {"granted": True, "policy": "public", "places": ["s3://twins", "s3://demo"]}
    refused = {"granted": False, "policy": "registered", "places": []}
    documents = {
        "/collections/c/items/i": item("i", place.address),
        "/collections/c/items/plain": item(
            "plain", "s3://demo/plain.zarr", "application/vnd.zarr; version=3"
        ),
        "/collections/c/items/elsewhere": item("elsewhere", "s3://home-somebody/cube"),
        "/collections/c/items/gone": item("gone", "s3://twins/nothing-here"),
        "/collections/c/access": access,
        "/collections/closed/items/i": item("i", place.address),
        "/collections/closed/access": refused,
    }
    return growing, documents


@pytest.fixture
def application(settings, twin):
    application = service_application(MANIFEST)
    application.include_router(zarr_http.router)
    application.dependency_overrides[shared_holdings] = lambda: TwinHoldings(settings, twin[1])
    return application


@pytest.fixture
def client(settings, twin, application):
    holdings = TwinHoldings(settings, twin[1])
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with TestClient(application, base_url="http://geoscope.test") as client:
        yield client


@contextmanager
def served(application: FastAPI):
    """Serve it at a port; note each answer's path and size."""
    answers = []

    @application.middleware("http")
    async def note(request: Request, call_next):
        answer = await call_next(request)
        answers.append((request.url.path, answer.status_code, int(answer.headers.get("content-length", 0))))
        return answer

    port = free_ports(("twins",))["twins"]
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield f"http://127.0.0.1:{port}/twins/zarr", answers
    finally:
        server.should_exit = True
        thread.join()


def test_xarray_opens_the_address_and_reads_only_what_it_needs(settings, twin, application):
    holdings = TwinHoldings(settings, twin[1])
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with served(application) as (url, answers):
        dataset = xr.open_zarr(f"{url}/c/i", chunks=None)
        assert dataset.sizes == {"time": 10, "pressure": 3, "cells": GRID.shape[0]}
        assert str(dataset["time"].values[3].astype("datetime64[s]")) == "2020-01-04T12:00:00"
        assert dataset.attrs["title"] == "A small cube"
        assert not [path for path, status, _ in answers if "/c/" in path.split("/i/")[1] and status == 500]
        answers.clear()
        expected = next(iter(fields_on(GRID, [3]))).values
        np.testing.assert_array_equal(dataset["2t"].sel(time=day(3)).values, expected)
        (path, status, size) = answers[0]
        assert (len(answers), path, status) == (1, "/twins/zarr/c/i/2t/c/3/0", 200)
        assert size < expected.nbytes
        series = xr.open_zarr(f"{url}/c/i", group="series", chunks=None)
        answers.clear()
        values = series["u"].sel(pressure=500.0).isel(cells=77).values
        # Ten steps in blocks of four: three chunks of the series, whatever the grid's size.
        assert len(answers) == 3
        assert sum(size for *_, size in answers) < 10 * expected.nbytes / 2
        assert values.shape == (10,)
        coarse = xr.open_zarr(f"{url}/c/i", group="levels/5", chunks=None)
        assert coarse.sizes["cells"] == HealpixGrid(5).shape[0]

        async def read():
            http = HTTPStore.from_url(f"{url}/c/i", client_options={"allow_http": True})
            cube = await Cube.open(ObjectStore(http, read_only=True))
            assert cube.coarser_levels == (5,)
            return await cube.series("u", 77, level=2)

        np.testing.assert_array_equal(asyncio.run(read()), values)


def test_a_version_stays_as_it_is(settings, twin, client):
    growing, documents = twin
    version = growing.versions()[0].id
    address = f"/twins/zarr/c/i@{version}"
    before = client.get(f"{address}/2t/c/0/0")
    assert before.headers["cache-control"] == "public, max-age=31536000, immutable"
    growing.write([Field("2t", day(0), None, values_on(GRID, 99))], message="corrected", replace=True)
    documents["/collections/c/items/i"]["properties"]["updated"] = "2026-01-02T00:00:00Z"
    assert client.get(f"{address}/2t/c/0/0").content == before.content
    now = client.get("/twins/zarr/c/i/2t/c/0/0")
    assert now.status_code == 200
    assert now.content != before.content
    assert now.headers["etag"] != before.headers["etag"]
    assert now.headers["cache-control"] == "public, max-age=15"
    missing = client.get("/twins/zarr/c/i@ZZZZZZZZZZZZZZZZZZZZ/zarr.json")
    assert (missing.status_code, "no such version" in missing.text) == (410, True)


def test_an_expired_version_ends_its_readers_with_an_error_and_never_reads_as_missing(
    settings, twin, application
):
    place = Place("twins", f"test/{uuid.uuid4()}")
    storage = icechunk_storage(settings, place, read_s3_keys(settings, "jobs"))
    cube = GrowingCube.open_or_create(storage, outline_on(HealpixGrid(3)))
    version = cube.write(fields_on(cube.grid, range(2)), message="two days").version
    holdings = TwinHoldings(settings, twin[1] | {"/collections/c/items/old": item("old", place.address)})
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with served(application) as (url, _):
        dataset = xr.open_zarr(f"{url}/c/old@{version}", chunks=None)
        http = HTTPStore.from_url(f"{url}/c/old@{version}", client_options={"allow_http": True})
        other = xr.open_zarr(ObjectStore(http, read_only=True), chunks=None)
        changed = Field("2t", day(0), None, values_on(cube.grid, 99))
        cube.write([changed], message="corrected", replace=True)
        assert version in expire(storage, datetime.now(UTC)).versions
        document = item("old", place.address, updated="2026-01-02T00:00:00Z")
        holdings.catalogue_documents["/collections/c/items/old"] = document
        holdings._documents = Kept(10)  # fifteen seconds later
        with pytest.raises(aiohttp.ClientResponseError, match="410"):
            dataset["2t"][1].load()
        with pytest.raises(obstore.exceptions.BaseError, match="410"):
            other["2t"][1].load()


def test_ranges_heads_and_tags_are_those_of_http(client):
    address = "/twins/zarr/c/i/2t/c/1/0"
    whole = client.get(address)
    size = len(whole.content)
    assert whole.headers["content-type"] == "application/octet-stream"
    head = client.head(address)
    assert (head.status_code, int(head.headers["content-length"]), head.content) == (200, size, b"")
    for asked, part, said in (
        ("bytes=0-9", whole.content[:10], f"bytes 0-9/{size}"),
        ("bytes=-7", whole.content[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
        ("bytes=5-", whole.content[5:], f"bytes 5-{size - 1}/{size}"),
        (f"bytes={size - 2}-{size + 99}", whole.content[-2:], f"bytes {size - 2}-{size - 1}/{size}"),
    ):
        answer = client.get(address, headers={"Range": asked})
        assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, part, said)
    beyond = client.get(address, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert client.get(address, headers={"Range": "lines=1-2"}).content == whole.content
    same = client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    part = {"Range": "bytes=0-9"}
    for tag, length in ((whole.headers["etag"], 10), ('"of another time"', size)):
        assert len(client.get(address, headers=part | {"If-Range": tag}).content) == length
    # What holds nothing is not there, whatever is asked of it.
    for answer in (
        client.head("/twins/zarr/c/i/2t/c/4000/0"),
        client.get("/twins/zarr/c/i/2t/c/4000/0", headers=part),
    ):
        assert answer.status_code == 404


HOSTILE = [
    "../../etc/passwd",
    "2t/../../zarr.json",
    "%2e%2e/zarr.json",
    "/zarr.json",
    "2t//zarr.json",
    "2t/c/-1/0",
    "2t/c/0/0\x00",
    "refs/branch.main/ref.json",
    "chunks/ABC",
    ".zattrs",
    "c/" + "1/" * 5000 + "1",
    "a" * 5000 + "/zarr.json",
    "2t/c/99999999999999999999/0",
]


@pytest.mark.parametrize("key", [*HOSTILE, "2t/c/4000/0", "2t/c/0/0/0/0", "nothing/zarr.json", "2t/c"])
def test_keys_that_are_none_are_not_found(client, key):
    answer = client.get(f"/twins/zarr/c/i/{quote(key)}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_only_what_the_asker_may_have_is_opened(client):
    assert client.get("/twins/zarr/closed/i/zarr.json").status_code == 401
    assert client.get("/twins/zarr/closed/i/2t/c/0/0").status_code == 401
    assert client.get("/twins/zarr/c/elsewhere/zarr.json").status_code == 404
    assert client.get("/twins/zarr/c/gone/zarr.json").status_code == 404
    assert client.get("/twins/zarr/c/none/zarr.json").status_code == 404
    assert client.get("/twins/zarr/c/plain@00000000000000000000/zarr.json").status_code == 404


def test_plain_zarr_is_served_as_well(settings, twin, application):
    holdings = TwinHoldings(settings, twin[1])
    application.dependency_overrides[shared_holdings] = lambda: holdings
    with served(application) as (url, answers):
        dataset = xr.open_zarr(f"{url}/c/plain", chunks=None)
        expected = [values_on(GRID, [number])[5] for number in range(10)]
        for name in ("2t", "mean, 2 m (K)"):
            np.testing.assert_array_equal(dataset[name].isel(cells=5).values, np.array(expected))
        # Its chunks lie in shards: the client asks for parts of an object.
        assert 206 in {status for _, status, _ in answers}


def test_the_store_is_read_without_keys_or_listing_where_it_is_public(settings):
    """A stranger's Icechunk opens a public cube through S3 itself."""
    place = Place("public-twins", f"test/{uuid.uuid4()}")
    storage = icechunk_storage(settings, place, read_s3_keys(settings, "jobs"))
    cube = GrowingCube.open_or_create(storage, outline_on(GRID, variables=(TEMPERATURE,), levels=None))
    values = values_on(GRID, 1)
    cube.write([Field("2t", day(0), None, values)], message="a day")
    strange = GrowingCube.open(icechunk_storage(settings, place, None))
    np.testing.assert_array_equal(
        xr.open_zarr(strange.repository.readonly_session("main").store, consolidated=False)["2t"].values[0],
        values,
    )
    listing = httpx.get(f"{settings.internal.object_store_url}/public-twins?list-type=2")
    assert listing.status_code == 403
    closed = icechunk_storage(settings, Place("twins", "test/x"), None)
    with pytest.raises((NotFoundError, UnavailableError)):
        GrowingCube.open(closed)


def test_an_item_is_opened_by_the_way_that_leads_there(settings, twin, application, monkeypatch):
    growing, documents = twin
    holdings = TwinHoldings(settings, documents)
    application.dependency_overrides[shared_holdings] = lambda: holdings
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    document = {"type": "Feature", "collection": "c", "links": []} | documents["/collections/c/items/i"]
    application.add_api_route("/stac/collections/c/items/i", lambda: document)
    expected = values_on(GRID, [3])
    with served(application) as (url, answers):
        address = url.replace("/twins/zarr", "/stac/collections/c/items/i")
        said = document | {"links": [{"rel": "self", "href": address}]}
        for item in (address, said, pystac.Item.from_dict(item_of_pystac(said))):
            answers.clear()
            dataset = geoscope.open(item)
            np.testing.assert_array_equal(dataset["2t"].sel(time=day(3)).values, expected)
            assert any("/twins/zarr/c/i/2t/c/3/0" in path for path, *_ in answers)
        assert geoscope.open(said, group="series").sizes["time"] == 10
        version = growing.versions()[-2].id
        assert geoscope.open(said, version=version)["2t"].sizes["time"] == 10
        with pytest.raises(UnavailableError, match="through S3"):
            geoscope.open(said, way="s3")
        for other in ({"version": "Z" * 20}, {"version": "no/such"}, {"group": "levels/9"}):
            with pytest.raises(NotFoundError):
                geoscope.open(said, **other)
        with pytest.raises(NotSignedInError, match="geoscope login"):
            geoscope.open(said | {"collection": "closed"})
        # With keys in the environment it goes to the object store itself.
        schemes = {"s3": {"type": "custom-s3", "platform": settings.internal.object_store_url}}
        with_keys = said | {"properties": said["properties"] | {"storage:schemes": schemes}}
        keys = read_s3_keys(settings, "data-apis")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
        answers.clear()
        dataset = geoscope.open(with_keys)
        np.testing.assert_array_equal(dataset["2t"].sel(time=day(3)).values, expected)
        assert not answers
        # Wrong keys do not lead there; HTTP does.
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        np.testing.assert_array_equal(geoscope.open(with_keys)["2t"].sel(time=day(3)).values, expected)
        assert answers
    with pytest.raises(InvalidInputError, match="no STAC item"):
        geoscope.open({"type": "Collection"})
    with pytest.raises(InvalidInputError, match="has no cube"):
        geoscope.open(said | {"assets": {}})
    with pytest.raises(InvalidInputError, match="own address"):
        geoscope.open(document)


def item_of_pystac(document):
    dates = {"datetime": "2020-01-01T00:00:00Z"}
    properties = document["properties"] | dates
    return document | {"stac_version": "1.1.0", "geometry": None, "properties": properties}
