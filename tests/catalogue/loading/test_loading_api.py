import anyio
import httpx
import orjson
import pytest
from catalogue_documents import make_collection
from loading_documents import make_items
from static_server import serve

from geoscope.catalogue.loading import batches, fetching, stac_api
from geoscope.errors import InvalidInputError, UnavailableError


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(stac_api, "PAGE_ITEMS", 20)
    monkeypatch.setattr(fetching, "FIRST_PAUSE_S", 0.01)


@pytest.fixture
def other(address, editor, add_items):
    """A real catalogue with three collections, of which one is empty."""
    for name, count in (("a", 130), ("b", 45)):
        add_items(*make_items(count, collection=name), collection=name)
    editor.post("/stac/collections", json=make_collection("empty")).raise_for_status()
    return f"{address}/stac"


def expected(**counts):
    return {(name, f"item-{number}") for name, count in counts.items() for number in range(count)}


def test_all_of_another_catalogue(load_into, stored, collection_of, other):
    done = load_into(other)
    assert (done.items, done.collections, done.refused) == (175, 3, 0)
    found = stored()
    assert found.keys() == expected(a=130, b=45)
    assert collection_of("empty") is not None
    theirs = httpx.get(f"{other}/collections/b/items/item-9").json()
    ours = found["b", "item-9"]
    for member in ("geometry", "bbox", "properties", "assets"):
        assert ours[member] == theirs[member]


def test_one_collection_of_another_catalogue(load_into, stored, other):
    load_into(other, collections=frozenset(["b"]))
    assert stored().keys() == expected(b=45)


def test_the_address_of_a_collection(load_into, stored, collection_of, other):
    load_into(f"{other}/collections/b")
    assert stored().keys() == expected(b=45)
    assert collection_of("a") is None


def test_a_collection_that_the_other_does_not_have(load_into, other):
    with pytest.raises(InvalidInputError, match="has no collection 'c'"):
        load_into(other, collections=frozenset(["c"]))


def test_the_address_of_a_search(load_into, stored, other, write_lines):
    load_into(write_lines(make_collection("b")))
    assert load_into(f"{other}/search?collections=b&limit=10").items == 45
    assert stored().keys() == expected(b=45)


def test_a_load_goes_on_at_the_page_where_it_stopped(load_into, stored, other, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ITEMS", 1)

    def stop(progress):
        if progress.items >= 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_into(other, on_progress=stop)
    before = len(stored())
    assert 60 <= before < 175
    done = load_into(other)
    assert done.items_before == before
    assert done.items == 175
    assert stored().keys() == expected(a=130, b=45)


def test_a_page_that_names_itself_as_the_next(load_into, tmp_path):
    (tmp_path / "page").write_bytes(
        orjson.dumps(
            {"type": "FeatureCollection", "features": [], "links": [{"rel": "next", "href": "page"}]}
        )
    )
    with serve(tmp_path) as server, pytest.raises(InvalidInputError, match="names itself"):
        load_into(f"{server.address}/page")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"type": "FeatureCollection", "features": 3}'])
def test_a_page_of_garbage_stops_the_load_after_what_came_before(
    load_into, stored, write_lines, tmp_path, body
):
    load_into(write_lines(make_collection("a")))
    next_page = {"rel": "next", "href": "second"}
    page = {"type": "FeatureCollection", "features": make_items(3, collection="a"), "links": [next_page]}
    (tmp_path / "first").write_bytes(orjson.dumps(page))
    (tmp_path / "second").write_bytes(body)
    with serve(tmp_path) as server, pytest.raises(InvalidInputError, match="second"):
        load_into(f"{server.address}/first")
    assert stored().keys() == expected(a=3)


def test_pages_that_are_asked_for_by_post(load_into, stored, write_lines, tmp_path):
    """The next page's link adds to the body of the request before (`merge`)."""
    load_into(write_lines(make_collection("a")))
    bodies = []

    class Server(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            body = orjson.loads(request.content) if request.content else {}
            bodies.append(body)
            first = int(body.get("token", 0))
            following = {"rel": "next", "href": "/search", "method": "POST", "merge": True}
            following["body"] = {"token": str(first + 10)} | ({} if first else {"limit": 10})
            document = {
                "type": "FeatureCollection",
                "features": make_items(10, first=first, collection="a"),
                "links": [following] if first < 20 else [],
            }
            return httpx.Response(200, json=document, request=request)

    load_into("https://api.example.org/search", transport=Server())
    assert bodies == [{}, {}, {"token": "10", "limit": 10}, {"token": "20", "limit": 10}]
    assert stored().keys() == expected(a=30)


def test_a_server_that_is_not_there(load_into):
    with pytest.raises(UnavailableError, match="does not answer"):
        load_into("http://127.0.0.1:9/stac")


def test_secrets_of_an_address_are_not_told(load_into, tmp_path):
    with serve(tmp_path) as server, pytest.raises(InvalidInputError) as refused:
        load_into(server.address.replace("//", "//me:secret@") + "/stac?token=secret")
    assert "secret" not in str(refused.value)


def test_credentials_go_to_their_server_alone(tmp_path):
    async def ask(own, other):
        async with fetching.open_client() as client:
            fetcher = fetching.Fetcher(client, f"{own.address}/stac", "Bearer secret")
            for server in (own, other):
                await fetcher.get(f"{server.address}/document")
            await fetcher.get(f"{own.address}/moved")

    (tmp_path / "document").write_text("{}")
    with serve(tmp_path) as own, serve(tmp_path) as other:
        own.answers["/moved"] = [(302, {"Location": f"{other.address}/document?moved"}, b"")]
        anyio.run(ask, own, other)
        assert own.authorization["/document"] == "Bearer secret"
        assert other.authorization == {"/document": None, "/document?moved": None}
