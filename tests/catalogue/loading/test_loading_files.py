import gzip
import os
import sys
import threading

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rustac
import zstandard
from catalogue_documents import make_collection, make_item
from loading_documents import COLLECTION, large_items, make_items, names

from geoscope.errors import InvalidInputError


def test_lines_bring_their_collection(load_into, stored, collection_of, write_lines):
    done = load_into(write_lines(make_collection(), *make_items(3)))
    assert (done.items, done.collections, done.refused) == (3, 1, 0)
    assert stored().keys() == names(3)
    assert collection_of(COLLECTION)["title"] == "Sea surface temperature"
    sent = make_items(1)[0]
    kept = stored()[COLLECTION, "item-0"]
    assert {key: kept[key] for key in ("geometry", "bbox", "assets")} == {
        key: sent[key] for key in ("geometry", "bbox", "assets")
    }


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("items.ndjson.gz", gzip.compress),
        ("items.jsonl.zst", zstandard.ZstdCompressor().compress),
        ("items.data", zstandard.ZstdCompressor().compress),
        ("items.json", bytes),
        # Two frames, two members: what `cat` makes of compressed files.
        ("two.ndjson.zst", lambda body: b"".join(map(zstandard.ZstdCompressor().compress, halves(body)))),
        ("two.ndjson.gz", lambda body: b"".join(map(gzip.compress, halves(body)))),
    ],
)
def test_compressed_lines(load_into, stored, tmp_path, name, pack):
    body = b"".join(orjson.dumps(document) + b"\n" for document in [make_collection(), *make_items(50)])
    (tmp_path / name).write_bytes(pack(body))
    assert load_into(tmp_path / name).items == 50
    assert stored().keys() == names(50)


def halves(body):
    middle = len(body) // 2
    return body[:middle], body[middle:]


def test_standard_input(load_into, stored, tmp_path, monkeypatch):
    path = tmp_path / "piped"
    path.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, [make_collection(), *make_items(2)]))))
    with path.open() as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        load_into("-")
    assert stored().keys() == names(2)


def test_a_pipe_with_a_name(load_into, stored, write_lines, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    body = write_lines(make_collection(), *make_items(3000)).read_bytes()
    writing = threading.Thread(target=pipe.write_bytes, args=(body,))
    writing.start()
    assert load_into(pipe).items == 3000
    writing.join()
    assert stored().keys() == names(3000)


def test_a_file_that_vanishes_on_the_way(load_into, write_lines):
    path = write_lines(make_collection(), *large_items(2000))

    def remove(progress):
        if progress.items:
            path.unlink(missing_ok=True)

    with pytest.raises(InvalidInputError, match="cannot be read to its end"):
        load_into(path, on_progress=remove)


def test_a_file_as_standard_input_by_its_name(start_load, write_lines):
    path = write_lines(make_collection(), *make_items(3000))
    with path.open("rb") as file:
        output, errors = start_load("/dev/stdin", stdin=file).communicate(timeout=60)
    assert b"3,000 items loaded" in output, errors


@pytest.mark.parametrize("indent", [None, orjson.OPT_INDENT_2])
def test_a_feature_collection(load_into, stored, write_lines, tmp_path, indent):
    load_into(write_lines(make_collection()))
    path = tmp_path / "items.json"
    path.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": make_items(5)}, option=indent))
    assert load_into(path).items == 5
    assert stored().keys() == names(5)


def test_one_item_over_many_lines(load_into, stored, write_lines, tmp_path):
    load_into(write_lines(make_collection()))
    path = tmp_path / "item.json"
    path.write_bytes(orjson.dumps(make_items(1)[0], option=orjson.OPT_INDENT_2))
    load_into(path)
    assert stored().keys() == names(1)


def test_a_feature_collection_that_breaks_off(load_into, write_lines, tmp_path):
    load_into(write_lines(make_collection()))
    whole = orjson.dumps({"type": "FeatureCollection", "features": make_items(5)})
    path = tmp_path / "items.json"
    path.write_bytes(whole[:-100])
    with pytest.raises(InvalidInputError, match="not JSON"):
        load_into(path)


def test_geoparquet(load_into, stored, tmp_path):
    path = tmp_path / "items.parquet"
    sent = make_items(1500, properties={"eo:cloud_cover": 0.1, "instruments": ["msi"]})
    write_geoparquet(path, sent, make_collection())
    done = load_into(path)
    assert (done.items, done.collections, done.refused) == (1500, 1, 0)
    kept = stored()
    assert kept.keys() == names(1500)
    for item in sent:
        same = kept[COLLECTION, item["id"]]
        assert same["geometry"] == item["geometry"]
        assert same["assets"] == item["assets"]
        assert same["properties"].items() >= item["properties"].items()


def test_rows_that_are_no_items_are_refused_by_row(load_into, stored, problems, tmp_path):
    path = tmp_path / "items.parquet"
    bad = make_item("a/b", collection=COLLECTION)
    write_geoparquet(path, [*make_items(3), bad, *make_items(3, first=3)], make_collection())
    done = load_into(path)
    assert stored().keys() == names(6)
    assert [(problem["place"], problem["id"]) for problem in problems(done)] == [("row 4", "a/b")]


def test_a_broken_geoparquet(load_into, tmp_path):
    path = tmp_path / "items.parquet"
    write_geoparquet(path, make_items(1500), make_collection())
    body = bytearray(path.read_bytes())
    body[100:2000] = b"\xff" * 1900
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match="cannot be read after row"):
        load_into(path)


def write_geoparquet(path, items, collection):
    """Write items as rustac encodes them, in several row groups; its own writer may lose the collection."""
    table = pa.table(rustac.to_arrow(items))
    known = {"version": "1.0.0", "collections": {collection["id"]: collection}}
    metadata = {**(table.schema.metadata or {}), b"stac-geoparquet": orjson.dumps(known)}
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=700)


def test_what_is_refused_is_reported_by_line(load_into, stored, problems, write_lines):
    wrong_time = make_item("c", properties={"datetime": "yesterday"}, collection=COLLECTION)
    done = load_into(
        write_lines(
            make_collection(),
            make_item("a", collection=COLLECTION),
            b"{garbage",
            b"",
            b'"text"',
            wrong_time,
            make_item("d", collection="elsewhere"),
            make_item("e"),
            make_item("a/b", collection=COLLECTION),
            b'{"type": "Catalog", "id": "x"}',
            b'{"type": "Feature", "id": "\xff\xfe"}',
            b"[" * 100_000,
            make_item("z", collection=COLLECTION),
        )
    )
    assert stored().keys() == {(COLLECTION, "a"), (COLLECTION, "z")}
    assert (done.items, done.refused) == (2, 9)
    report = {problem["place"]: problem for problem in problems(done)}
    assert report.keys() == {f"line {number}" for number in (3, 5, 6, 7, 8, 9, 10, 11, 12)}
    assert "not JSON" in report["line 3"]["reason"]
    assert "datetime" in report["line 6"]["reason"]
    assert "'elsewhere'" in report["line 7"]["reason"]
    assert (report["line 7"]["id"], report["line 8"]["id"]) == ("d", "e")
    assert "--collection" in report["line 8"]["reason"]
    assert "UTF-8" in report["line 11"]["reason"]


def test_a_line_of_a_hundred_megabytes_is_left_out(load_into, stored, problems, tmp_path):
    path = tmp_path / "items.ndjson"
    with path.open("wb") as file:
        file.write(orjson.dumps(make_collection()) + b"\n" + orjson.dumps(make_items(1)[0]) + b"\n")
        file.write(b'{"type": "Feature", "id": "')
        for _ in range(100):
            file.write(b"x" * 1024**2)
        file.write(b'"}\n' + orjson.dumps(make_items(2)[1]))
    done = load_into(path)
    assert stored().keys() == names(2)
    [problem] = problems(done)
    assert problem["place"] == "line 3"
    assert "longer than" in problem["reason"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("harm", [lambda body: body[: len(body) // 2], lambda body: body[:-3]])
def test_a_compressed_file_that_ends_too_soon(load_into, tmp_path, pack, harm):
    parts = [orjson.dumps(make_collection())]
    parts += [orjson.dumps(item | {"description": os.urandom(500).hex()}) for item in make_items(2000)]
    path = tmp_path / "items.ndjson"
    path.write_bytes(harm(pack(b"\n".join(parts))))
    with pytest.raises(InvalidInputError, match="cannot be read to its end"):
        load_into(path)


def test_of_several_items_with_one_id_the_last_counts(load_into, stored, write_lines):
    first = make_item("a", properties={"title": "first"}, collection=COLLECTION)
    last = make_item("a", properties={"title": "last"}, collection=COLLECTION)
    load_into(write_lines(make_collection(), first, last))
    assert stored()[COLLECTION, "a"]["properties"]["title"] == "last"


def test_items_that_do_not_name_their_collection(load_into, stored, problems, write_lines):
    load_into(write_lines(make_collection()))
    path = write_lines(make_item("a"), make_item("b", collection="other"), name="more.ndjson")
    done = load_into(path, collections=frozenset([COLLECTION]))
    assert stored().keys() == {(COLLECTION, "a")}
    assert "'other'" in problems(done)[0]["reason"]


def test_a_collection_that_is_there_stays_unless_it_is_to_be_updated(load_into, collection_of, write_lines):
    load_into(write_lines(make_collection(title="Before")))
    changed = write_lines(make_collection(title="After"), name="changed.ndjson")
    assert load_into(changed).collections == 0
    assert collection_of(COLLECTION)["title"] == "Before"
    assert load_into(changed, update_collections=True).collections == 1
    assert collection_of(COLLECTION)["title"] == "After"


def test_no_more_than_asked_for(load_into, stored, write_lines):
    assert load_into(write_lines(make_collection(), *make_items(10)), limit=3).items == 3
    assert stored().keys() == names(3)


def test_strict_stores_nothing_if_anything_is_refused(
    load_into, stored, collection_of, write_lines, tmp_path
):
    path = write_lines(make_collection(), *make_items(2000), make_item("x", collection="elsewhere"))
    with pytest.raises(InvalidInputError, match="nothing was loaded") as refused:
        load_into(path, strict=True)
    assert stored() == {}
    assert collection_of(COLLECTION) is None
    report = next(path for path in (tmp_path / "loads").iterdir() if path.name.endswith("jsonl"))
    assert str(report) in refused.value.remedy
    assert orjson.loads(report.read_bytes())["place"] == "line 2002"
    assert not list((tmp_path / "loads").glob("*.stage*"))


def test_strict_stores_all_if_nothing_is_refused(load_into, stored, write_lines, tmp_path):
    phases = []
    path = write_lines(make_collection(), *make_items(2000))
    done = load_into(path, strict=True, on_progress=lambda progress: phases.append(progress.phase))
    assert (done.items, done.refused) == (2000, 0)
    assert stored().keys() == names(2000)
    assert list(dict.fromkeys(phases)) == ["checking", "storing"]
    assert not list((tmp_path / "loads").glob("*.stage*"))


@pytest.mark.parametrize(
    "body", [b"II*\0\x08\0\0\0 a picture", b"", b'{"a": 1', b"PAR1 and no more", b"[1, 2]"]
)
def test_files_of_another_kind(load_into, tmp_path, body):
    path = tmp_path / "file"
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match="file"):
        load_into(path)


def test_a_file_that_is_not_there(load_into, tmp_path):
    with pytest.raises(InvalidInputError, match="There is no"):
        load_into(tmp_path / "nowhere.ndjson")
