"""Holdings ask the catalogue once for many, follow its pages, and open only cubes of public buckets."""

import asyncio

import httpx
import pytest

from geoscope.cube_items import cube_address, is_cube
from geoscope.errors import InvalidInputError, NotFoundError, TooLargeError, UnavailableError
from geoscope.holdings import DOCUMENT_LIFETIME_S, Holdings
from geoscope.settings import Settings

CUBE = {"type": "application/vnd.zarr; version=3", "href": "https://example.org/a.zarr"}
IN_S3 = CUBE | {"alternate": {"s3": {"href": "s3://demo/c/i.zarr"}}}


def item(id_, **assets):
    return {"id": id_, "type": "Feature", "properties": {}, "assets": assets}


def holdings_over(tmp_path, answers):
    """Holdings whose catalogue is a function of the path; every question is noted."""
    holdings = Holdings(Settings(data_dir=tmp_path))
    asked = []

    async def answer(request):
        asked.append(request.url.raw_path.decode())
        await asyncio.sleep(0.001)
        found = answers(request.url)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    holdings._catalogue = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://catalogue.test/stac"
    )
    return holdings, asked


def test_many_who_ask_at_once_cost_one_question(tmp_path):
    holdings, asked = holdings_over(tmp_path, lambda _: {"id": "c"})

    async def ask():
        async with holdings:
            found = await asyncio.gather(*(holdings.seen_by().collection("c") for _ in range(20)))
            assert all(one == {"id": "c"} for one in found)
            await holdings.seen_by().collection("c")

    asyncio.run(ask())
    assert asked == ["/stac/collections/c"]


def test_documents_are_asked_anew_after_their_lifetime(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("geoscope.keeping.monotonic", lambda: now[0])
    holdings, asked = holdings_over(tmp_path, lambda _: {"id": "c"})

    async def ask():
        async with holdings:
            for _ in range(3):
                await holdings.seen_by().collection("c")
            now[0] += DOCUMENT_LIFETIME_S + 1
            await holdings.seen_by().collection("c")

    asyncio.run(ask())
    assert len(asked) == 2


def test_ids_cannot_leave_their_place_in_the_path(tmp_path):
    holdings, asked = holdings_over(tmp_path, lambda _: {"id": "c"})

    async def ask():
        async with holdings:
            await holdings.seen_by().item("../../secret?x=1", "a/b#c")

    asyncio.run(ask())
    assert asked == ["/stac/collections/..%2F..%2Fsecret%3Fx%3D1/items/a%2Fb%23c"]


def test_pages_are_followed_and_only_cubes_are_kept(tmp_path):
    def answers(url):
        if not url.path.endswith("/items"):
            return {"id": "c"}
        if url.params.get("token") == "2":
            return {"features": [item("a", data=CUBE)], "links": []}
        link = {"rel": "next", "href": "https://public.example/stac/collections/c/items?token=2&limit=200"}
        return {
            "features": [item("b", data=CUBE), item("photo", data={"type": "image/png"})],
            "links": [link],
        }

    holdings, asked = holdings_over(tmp_path, answers)

    async def ask():
        async with holdings:
            return await holdings.seen_by().items("c")

    assert [one["id"] for one in asyncio.run(ask())] == ["a", "b"]
    assert asked[-1] == "/stac/collections/c/items?token=2&limit=200"


def test_collection_with_too_many_items_is_refused(tmp_path):
    def answers(url):
        link = {"rel": "next", "href": "https://public.example/items?token=more"}
        return {"features": [item(str(number), data=CUBE) for number in range(200)], "links": [link]}

    holdings, _ = holdings_over(tmp_path, answers)

    async def ask():
        async with holdings:
            await holdings.seen_by().items("c")

    with pytest.raises(TooLargeError, match="more than 200"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            httpx.Response(404, json={"code": "NotFound", "description": "There is no c."}),
            NotFoundError,
            "There is no c.",
        ),
        (httpx.Response(400, json={"code": "Bad", "description": "limit"}), InvalidInputError, "limit"),
        (httpx.Response(502, text="<html>"), UnavailableError, "502"),
        (httpx.ConnectError("refused"), UnavailableError, "does not answer"),
    ],
)
def test_failure_of_the_catalogue_becomes_the_error_that_fits_and_is_not_kept(tmp_path, answer, error, said):
    answers = [answer, {"id": "c"}]
    holdings, _ = holdings_over(tmp_path, lambda _: answers.pop(0))

    async def ask():
        async with holdings:
            with pytest.raises(error, match=said):
                await holdings.seen_by().collection("c")
            assert await holdings.seen_by().collection("c") == {"id": "c"}

    asyncio.run(ask())


@pytest.mark.parametrize(
    "address",
    [
        "s3://home-administrator/secret.zarr",
        "s3://demo",
        "s3://products/x.zarr",
        "s3://demo/../home-olga/x.zarr",
        "s3://collections/anna-too/c/x.zarr",
        "s3://collections/anna/c2/x.zarr",
        "s3://collections/anna/c/../../olga/x.zarr",
    ],
)
def test_cube_outside_the_places_of_its_collection_is_never_opened(tmp_path, address):
    access = {"policy": "public", "granted": True, "places": ["s3://demo", "s3://collections/anna/c"]}

    def answers(url):
        return access if url.path.endswith("/access") else item("i", data=CUBE | {"href": address})

    holdings, _ = holdings_over(tmp_path, answers)

    async def ask():
        async with holdings:
            await holdings.seen_by().cube("c", "i")

    with pytest.raises(NotFoundError, match="cannot be opened from"):
        asyncio.run(ask())


def test_address_of_a_cube_is_its_place_in_the_object_store():
    assert cube_address(
        item("i", thumbnail={"type": "image/png", "href": "s3://demo/x.png"}, data=IN_S3)
    ) == ("s3://demo/c/i.zarr")
    with pytest.raises(NotFoundError, match="has no cube"):
        cube_address(item("i", data=CUBE))
    assert is_cube(item("i", data=CUBE))
    assert not is_cube(item("i"))
