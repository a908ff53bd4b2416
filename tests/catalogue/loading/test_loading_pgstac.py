"""Loads into PostgreSQL: by the same code, through the same protocol."""

import os
import subprocess
import sys

import pytest
from catalogue_documents import make_collection, make_item
from loading_documents import COLLECTION, make_items, names

from geoscope.catalogue.store import open_store_at


@pytest.fixture
def database_url(new_database):
    return new_database()


@pytest.fixture
def store(database_url):
    store = open_store_at(database_url)
    yield store
    store.close()


def test_items_are_stored_and_refused_as_in_the_embedded_store(load_into, stored, problems, write_lines):
    first = make_item("item-1", properties={"title": "first"}, collection=COLLECTION)
    path = write_lines(
        make_collection(), first, *make_items(3), b"{garbage", make_item("x", collection="elsewhere")
    )
    done = load_into(path)
    assert (done.items, done.collections, done.refused) == (3, 1, 2)
    kept = stored()
    assert kept.keys() == names(3)
    assert "title" not in kept[COLLECTION, "item-1"]["properties"]
    assert [problem["place"] for problem in problems(done)] == ["line 6", "line 7"]


def test_a_load_that_was_stopped_goes_on(load_into, stored, write_lines):
    items = make_items(1500)
    for item in items:
        item["properties"]["padding"] = os.urandom(4000).hex()
    path = write_lines(make_collection(), *items)

    def stop(progress):
        if progress.items:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_into(path, on_progress=stop)
    before = len(stored())
    assert 0 < before < 1500
    done = load_into(path)
    assert (done.items, done.items_before) == (1500, before)
    assert stored().keys() == names(1500)


def test_the_command_is_told_which_database(stored, database_url, write_lines, tmp_path):
    path = write_lines(make_collection(), *make_items(3))
    command = [sys.executable, "-m", "geoscope", "catalogue"]
    environment = os.environ | {
        "GEOSCOPE_CATALOGUE__DATABASE_URL": database_url,
        "GEOSCOPE_DATA_DIR": str(tmp_path / "data"),
    }
    subprocess.run([*command, "load", path], env=environment, check=True, timeout=120)
    assert stored().keys() == names(3)
    checked = subprocess.run(
        [*command, "check"], env=environment, check=True, timeout=120, capture_output=True, text=True
    )
    assert "4 documents are whole" in checked.stdout
    told = subprocess.run(
        [*command, "info"], env=environment, check=True, timeout=120, capture_output=True, text=True
    )
    assert "1 collections, 3 items" in told.stdout
