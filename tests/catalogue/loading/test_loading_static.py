import orjson
import pytest
from catalogue_documents import make_collection, make_item
from loading_documents import make_items
from static_server import serve

from geoscope.catalogue.loading import fetching, static_catalogue
from geoscope.errors import InvalidInputError, UnavailableError


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch):
    monkeypatch.setattr(fetching, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(static_catalogue, "CHUNK_FILES", 10)


def link(rel, href):
    return {"rel": rel, "href": href}


@pytest.fixture
def folder(tmp_path):
    """A static catalogue of two collections, one below the other, that link back to the root."""
    folder = tmp_path / "catalogue"

    def write(path, document):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))

    catalog = {"type": "Catalog", "stac_version": "1.1.0", "id": "root", "description": "All."}
    write("catalog.json", catalog | {"links": [link("child", "./a/collection.json"), link("self", "x")]})
    below = [link("child", "b/collection.json#here"), link("child", "../catalog.json"), link("root", "..")]
    below += [link("item", f"items/item-{number}.json") for number in range(60)]
    write("a/collection.json", make_collection("a", links=below))
    write("a/b/collection.json", make_collection("b", links=[link("item", "../../z.json")]))
    for item in make_items(60, collection="a"):
        item["assets"] = {"data": {"href": "../data/file.tif"}}
        item["links"] = [link("collection", "../collection.json"), link("derived_from", "../../z.json")]
        write(f"a/items/{item['id']}.json", item)
    write("z.json", make_item("z", collection="b"))
    return folder


EXPECTED = {("a", f"item-{number}") for number in range(60)} | {("b", "z")}


def test_over_http(load_into, stored, collection_of, folder):
    with serve(folder) as server:
        done = load_into(f"{server.address}/catalog.json")
        assert (done.items, done.collections, done.refused) == (61, 2, 0)
        assert server.asked.pop("/catalog.json") == 2  # once to see what it is
        assert set(server.asked.values()) == {1}
    assert stored().keys() == EXPECTED
    assert collection_of("b") is not None
    item = stored()["a", "item-7"]
    assert item["assets"]["data"]["href"] == f"{server.address}/a/data/file.tif"
    assert item["links"] == [link("derived_from", f"{server.address}/z.json")]


def test_from_a_folder(load_into, stored, folder):
    assert load_into(folder).items == 61
    assert stored().keys() == EXPECTED
    assert stored()["a", "item-7"]["assets"]["data"]["href"] == (folder / "a/data/file.tif").as_uri()


def test_from_a_folder_that_is_published_elsewhere(load_into, stored, folder):
    load_into(folder / "catalog.json", base_url="https://data.example.org/here/")
    assert (
        stored()["a", "item-7"]["assets"]["data"]["href"] == "https://data.example.org/here/a/data/file.tif"
    )


def test_only_the_collections_that_are_asked_for(load_into, stored, folder):
    with serve(folder) as server:
        load_into(f"{server.address}/catalog.json", collections=frozenset(["b"]))
        assert not any(path.startswith("/a/items") for path in server.asked)
    assert stored().keys() == {("b", "z")}


def test_what_cannot_be_read_is_reported(load_into, stored, problems, folder):
    (folder / "a/items/item-3.json").unlink()
    (folder / "a/items/item-5.json").write_text("<html>")
    (folder / "a/b/collection.json").unlink()
    with serve(folder) as server:
        done = load_into(f"{server.address}/catalog.json")
        places = {problem["place"].removeprefix(server.address) for problem in problems(done)}
    assert places == {"/a/items/item-3.json", "/a/items/item-5.json", "/a/b/collection.json"}
    assert stored().keys() == EXPECTED - {("a", "item-3"), ("a", "item-5"), ("b", "z")}


def test_no_redirect_leads_away_from_the_web(load_into, problems, folder):
    with serve(folder) as server:
        away = (302, {"Location": "file:///etc/hostname"}, b"")
        server.answers["/a/items/item-3.json"] = [away]
        done = load_into(f"{server.address}/catalog.json")
    [problem] = problems(done)
    assert problem["place"].endswith("item-3.json")
    assert "cannot be followed" in problem["reason"]


def test_a_remote_catalogue_never_leads_to_local_files(load_into, problems, folder, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_bytes(orjson.dumps(make_item("secret", collection="b")))
    catalog = orjson.loads((folder / "a/b/collection.json").read_bytes())
    catalog["links"].append(link("item", secret.as_uri()))
    (folder / "a/b/collection.json").write_bytes(orjson.dumps(catalog))
    with serve(folder) as server:
        done = load_into(f"{server.address}/catalog.json")
    assert [problem["place"] for problem in problems(done)] == [secret.as_uri()]


@pytest.mark.parametrize("by", ["path", "link"])
def test_a_local_catalogue_never_leads_out_of_its_folder(load_into, problems, folder, tmp_path, by):
    secret = tmp_path / "secret.json"
    secret.write_bytes(orjson.dumps(make_item("secret", collection="b")))
    if by == "link":
        (folder / "z.json").unlink()
        (folder / "z.json").symlink_to(secret)
    else:
        collection = orjson.loads((folder / "a/b/collection.json").read_bytes())
        collection["links"] = [link("item", "../../../secret.json")]
        (folder / "a/b/collection.json").write_bytes(orjson.dumps(collection))
    done = load_into(folder)
    [problem] = problems(done)
    assert "outside of the catalogue's folder" in problem["reason"]


def test_a_busy_server_is_asked_again(load_into, folder):
    with serve(folder) as server:
        server.answers["/a/items/item-3.json"] = [(503, {}, b""), (429, {"Retry-After": "0"}, b"")]
        server.answers["/catalog.json"] = [(500, {}, b"")]
        assert load_into(f"{server.address}/catalog.json").items == 61
        assert server.asked["/a/items/item-3.json"] == 3


def test_a_load_goes_on_where_the_server_gave_up(load_into, stored, folder):
    with serve(folder) as server:
        server.answers["/a/items/item-57.json"] = [(503, {}, b"")] * fetching.TRIES
        with pytest.raises(UnavailableError, match="item-57"):
            load_into(f"{server.address}/catalog.json")
        assert {("a", f"item-{number}") for number in range(50)} <= stored().keys()
        assert ("b", "z") not in stored()
        server.asked.clear()
        done = load_into(f"{server.address}/catalog.json")
        assert done.items_before >= 50
        assert "/a/items/item-7.json" not in server.asked
    assert stored().keys() == EXPECTED


def test_a_catalogue_that_has_changed_is_read_from_its_beginning(load_into, stored, folder):
    with serve(folder) as server:
        server.answers["/a/items/item-57.json"] = [(503, {}, b"")] * fetching.TRIES
        with pytest.raises(UnavailableError):
            load_into(f"{server.address}/catalog.json")
        collection = orjson.loads((folder / "a/collection.json").read_bytes())
        collection["links"] = [each for each in collection["links"] if each["href"] != "items/item-7.json"]
        collection["links"].insert(0, link("item", "items/new.json"))
        (folder / "a/collection.json").write_bytes(orjson.dumps(collection))
        (folder / "a/items/new.json").write_bytes(orjson.dumps(make_item("new", collection="a")))
        load_into(f"{server.address}/catalog.json")
    assert stored().keys() == EXPECTED | {("a", "new")}


def test_a_catalogue_without_end(load_into, tmp_path):
    for depth in range(40):
        document = {"type": "Catalog", "id": str(depth), "links": [link("child", f"{depth + 1}.json")]}
        (tmp_path / f"{depth}.json").write_bytes(orjson.dumps(document))
    with pytest.raises(InvalidInputError, match="deeper than"):
        load_into(tmp_path / "0.json")


def test_files_from_a_server(load_into, stored, folder, tmp_path):
    parts = [orjson.dumps(make_collection("a"))]
    parts += [orjson.dumps(item) for item in make_items(100, collection="a")]
    (folder / "items.ndjson").write_bytes(b"\n".join(parts))
    with serve(folder) as server:
        assert load_into(f"{server.address}/items.ndjson?key=secret").items == 100
    assert len(stored()) == 100
    assert sorted(path.suffix for path in (tmp_path / "loads").iterdir()) == [".lock"]


def test_a_file_that_breaks_off_is_fetched_to_its_end(load_into, stored, folder):
    parts = [orjson.dumps(make_collection("a"))]
    parts += [orjson.dumps(item) for item in make_items(100, collection="a")]
    body = b"\n".join(parts)
    whole = {"Content-Length": str(len(body)), "ETag": '"one"'}
    rest = {"Content-Length": str(len(body) - 1000), "ETag": '"one"'}
    with serve(folder) as server:
        server.answers["/items.ndjson"] = [(200, whole, body[:1000]), (206, rest, body[1000:])]
        assert load_into(f"{server.address}/items.ndjson").items == 100
        assert server.asked["/items.ndjson"] == 2
    assert len(stored()) == 100
