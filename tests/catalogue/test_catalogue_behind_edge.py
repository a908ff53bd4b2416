"""The catalogue behind the real edge, which compresses: what clients get, and what it does to entity tags."""

import gzip

import httpx
import pytest
import zstandard
from catalogue_documents import make_item

from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.runtime.ports import free_ports
from geoscope.settings import Settings
from real_edge import running_edge

ITEM = "/stac/collections/sea-surface-temperature/items/m01"


@pytest.fixture(scope="module")
def edge_address(running, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("edge") / "data"
    prepare_data_folder(data_dir)
    settings = Settings(
        data_dir=data_dir,
        edge=free_ports(("port", "s3_port")),
        internal={"data_apis_url": running},
    )
    with running_edge(settings):
        yield settings.public_url


@pytest.fixture
def filled(add_items):
    add_items(*(make_item(f"m{n:02}") for n in range(10)))


def fetch(address, encoding, **headers):
    """Return an answer as it came over the wire, and its bytes before they are unpacked."""
    with (
        httpx.Client() as client,
        client.stream("GET", address, headers={"Accept-Encoding": encoding} | headers) as answer,
    ):
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", ["/stac", "/stac/search", "/stac/collections", ITEM, "/stac/queryables"])
def test_answers_are_compressed_as_the_client_asks(filled, edge_address, path):
    address = f"{edge_address}{path}"
    plain, body = fetch(address, "identity")
    assert "content-encoding" not in plain.headers
    for encoding, unpack in (
        ("zstd", lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed)),
        ("gzip", gzip.decompress),
    ):
        answer, packed = fetch(address, encoding)
        assert answer.headers["content-encoding"] == encoding
        assert len(packed) < len(body)
        assert unpack(packed) == body
        assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_head_tells_the_size_of_the_document_and_not_of_nothing_compressed(filled, edge_address, encoding):
    address = f"{edge_address}{ITEM}"
    told = httpx.head(address, headers={"Accept-Encoding": encoding})
    assert told.status_code == 200
    assert int(told.headers["content-length"]) == len(fetch(address, "identity")[1])


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_tag_of_a_compressed_answer_is_known_again(filled, edge_address, encoding):
    for path in (ITEM, "/stac/search", "/stac"):
        answer, _ = fetch(f"{edge_address}{path}", encoding)
        tag = answer.headers["etag"]
        again, body = fetch(f"{edge_address}{path}", encoding, **{"If-None-Match": tag})
        assert (again.status_code, body) == (304, b"")


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_item_can_be_changed_by_the_tag_that_was_read(filled, edge_address, editor, encoding):
    address = f"{edge_address}{ITEM}"
    token = {"Authorization": editor.headers["authorization"]}
    answer, _ = fetch(address, encoding)
    seen = token | {"If-Match": answer.headers["etag"], "Accept-Encoding": encoding}
    assert httpx.patch(address, json={"properties": {"title": encoding}}, headers=seen).status_code == 200
    assert httpx.patch(address, json={"properties": {"title": "late"}}, headers=seen).status_code == 412


def test_refusal_comes_through_whole_for_a_large_body(filled, edge_address):
    body = b" " * (4 * 1024**2)
    answer = httpx.post(f"{edge_address}/stac/search", content=body)
    assert answer.status_code == 413
    assert answer.json().keys() == {"code", "description"}
    answer = httpx.post(f"{edge_address}/stac/collections", content=body)
    assert answer.status_code == 401
    assert answer.json()["code"] == "NotAuthenticated"
