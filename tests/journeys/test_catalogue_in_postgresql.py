"""The same platform with its catalogue in PostgreSQL: told by one setting, refused while it is not ready."""

import json

import httpx
import psycopg
import pystac_client
import pytest

from postgresql_server import running_server
from running import until

VARIABLE = "GEOSCOPE_CATALOGUE__DATABASE_URL"


@pytest.fixture(scope="module")
def server():
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def scaled(new_platform, server):
    """A platform with the demo data, its catalogue in a database that one command has made ready."""
    platform = new_platform()
    platform.environment[VARIABLE] = server.new_database()
    platform.run("catalogue", "migrate")
    platform.start()
    yield platform
    platform.end()


def database(platform):
    return psycopg.connect(platform.environment[VARIABLE])


def test_demo_data_are_in_the_database_and_found_through_the_edge(scaled):
    with database(scaled) as connection:
        assert connection.execute("SELECT count(*) FROM pgstac.items").fetchone() == (6,)
    assert not (scaled.data_dir / "catalogue" / "catalogue.sqlite").exists()
    catalogue = pystac_client.Client.open(f"{scaled.url}/stac")
    assert len(list(catalogue.get_collections())) == 5
    assert len(list(catalogue.search(bbox=[-180, -90, 180, 90]).items())) == 6
    assert len(json.loads(scaled.run("search", "--json").stdout)["features"]) == 6


def test_a_database_that_is_away_is_told_and_missed_no_longer_than_that(scaled, server):
    search = f"{scaled.url}/stac/search"
    server.stop()
    refused = httpx.get(search, timeout=30)
    assert refused.status_code == 503
    assert "geoscope@" not in refused.text
    server.start()
    until(lambda: httpx.get(search, timeout=30).status_code == 200, what="the catalogue")


def test_a_database_that_is_not_ready_is_refused_with_the_remedy(new_platform, server):
    platform = new_platform()
    platform.environment[VARIABLE] = server.new_database()
    platform.begin("--no-demo")
    output, _ = platform.process.communicate(timeout=120)
    assert platform.process.returncode == 1
    assert "geoscope catalogue migrate" in output
