import sqlite3

import orjson
import pytest
from catalogue_documents import make_collection, make_item
from loading_documents import COLLECTION, make_items
from typer.testing import CliRunner

from geoscope.cli.main import application
from geoscope.errors import InvalidInputError


@pytest.fixture
def command(tmp_path):
    """Run `geoscope catalogue ...` on a data folder of its own."""

    def run(*arguments):
        words = ["catalogue", *map(str, arguments), "--data-dir", str(tmp_path / "data")]
        return CliRunner().invoke(application, words)

    return run


@pytest.fixture
def database(tmp_path):
    return tmp_path / "data" / "catalogue" / "catalogue.sqlite"


def test_load_tells_how_it_went(command, write_lines):
    done = command("load", write_lines(make_collection(), *make_items(3)))
    assert done.exit_code == 0
    assert "3 items loaded, 1 collection added or replaced." in done.stdout


def test_load_says_by_its_exit_code_that_something_was_refused(command, write_lines, tmp_path):
    path = write_lines(make_collection(), b"{garbage")
    done = command("load", path, "--report", tmp_path / "report.jsonl")
    assert done.exit_code == 3
    assert "1 document refused" in done.stderr
    assert orjson.loads((tmp_path / "report.jsonl").read_bytes())["place"] == "line 2"


def test_load_takes_a_collection_from_a_file(command, write_lines, tmp_path):
    (tmp_path / "collection.json").write_bytes(orjson.dumps(make_collection()))
    path = write_lines(make_item("a"))
    done = command(
        "load", path, "--collection", COLLECTION, "--collection-file", tmp_path / "collection.json"
    )
    assert done.exit_code == 0
    assert "1 item loaded" in done.stdout


def test_load_of_a_collection_file_that_is_none(command, write_lines, tmp_path):
    done = command("load", write_lines(), "--collection-file", write_lines(make_item(), name="item.json"))
    assert isinstance(done.exception, InvalidInputError)


def test_info_counts_the_items_of_each_collection(command, write_lines):
    command("load", write_lines(make_collection(), make_collection("empty"), *make_items(3)))
    told = command("info")
    assert told.exit_code == 0
    assert "2 collections, 3 items" in told.stdout
    assert "MiB" in told.stdout


def test_check_finds_nothing_in_a_catalogue_that_is_whole(command, write_lines):
    command("load", write_lines(make_collection(), *make_items(3)))
    checked = command("check")
    assert checked.exit_code == 0
    assert "4 documents are whole" in checked.stdout


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM item_documents WHERE key = 1", "has no document"),
        ("DELETE FROM item_space WHERE key = 1", "has no row for place and time"),
        ("DELETE FROM item_text WHERE rowid = 1", "has no row for words"),
        ("DELETE FROM items WHERE key = 1", "belong to no item"),
        ("UPDATE items SET collection_key = 99 WHERE key = 1", "belongs to no collection"),
        ("UPDATE item_documents SET document = x'7b', dictionary = NULL WHERE key = 1", "not JSON"),
        ("UPDATE item_documents SET document = x'7b', dictionary = 7 WHERE key = 1", "not JSON"),
        ("UPDATE items SET id = 'other' WHERE key = 1", "another id than its own"),
        ("UPDATE collections SET item_count = 9", "says that it has 9 items, and has 3"),
    ],
)
def test_check_names_what_is_wrong(command, database, write_lines, harm, told):
    command("load", write_lines(make_collection(), *make_items(3)))
    connection = sqlite3.connect(database)
    connection.execute(harm)
    connection.commit()
    connection.close()
    checked = command("check")
    assert checked.exit_code == 1
    assert told in checked.stderr


def test_check_finds_a_damaged_page(command, database, write_lines):
    command("load", write_lines(make_collection(), *make_items(500)))
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with database.open("r+b") as file:
        size = file.seek(0, 2)
        for offset in range(size // 2, size, 4096):
            file.seek(offset)
            file.write(b"\xff" * 200)
    checked = command("check")
    assert checked.exit_code == 1
    assert "damaged" in checked.stderr or "cannot be read" in str(checked.exception)
