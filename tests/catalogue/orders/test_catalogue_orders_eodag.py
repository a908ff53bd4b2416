"""eodag, unmodified and in a process of its own: searches, orders and downloads."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from importlib.resources import files

import pytest
from catalogue_documents import make_collection, make_item
from order_installation import content, offline_item

pytest.importorskip("eodag")

SEARCH_AND_DOWNLOAD = """
import hashlib, json, sys
from pathlib import Path
from eodag import EODataAccessGateway

asked = json.loads(sys.argv[1])
dag = EODataAccessGateway()
found = dag.search(provider=asked["provider"], collection=asked["collection"], **asked["search"])
answer = {"found": [product.properties["id"] for product in found],
          "status": [product.properties.get("order:status") for product in found]}
if asked.get("download"):
    place = Path(dag.download(found[0], output_dir=asked["folder"], wait=0.02, timeout=4))
    paths = [path for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    answer["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
if asked.get("queryables"):
    queryables = dag.list_queryables(provider=asked["provider"], collection=asked["collection"])
    answer["queryables"] = sorted(queryables)
if asked.get("collections"):
    dag.fetch_collections_list(provider=asked["provider"])
    answer["collections"] = [collection.id for collection in dag.list_collections(asked["provider"])]
print("ANSWER" + json.dumps(answer))
"""


@pytest.fixture
def eodag(installation, tmp_path):
    """Run a search, and perhaps a download, in eodag."""

    def run(environment, **asked):
        given = {
            "HOME": str(tmp_path),
            "EODAG_CFG_DIR": str(tmp_path / "eodag"),
            "EODAG_EXT_COLLECTIONS_CFG_URI": "",
            **environment,
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("EODAG")}
        done = subprocess.run(
            [sys.executable, "-c", SEARCH_AND_DOWNLOAD, json.dumps(asked | {"folder": str(tmp_path)})],
            env=plain | given,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
        assert answers, done.stderr[-4000:]
        return json.loads(answers[0].removeprefix("ANSWER"))

    return run


@pytest.fixture
def geoscope_provider(installation):
    """The variables that point the shipped definition at the installation."""
    return {
        "EODAG_CFG_FILE": str(files("geoscope.catalogue.clients") / "eodag_geoscope.yml"),
        "EODAG__GEOSCOPE__SEARCH__API_ENDPOINT": f"{installation.url}/stac/v2/search",
        "EODAG__GEOSCOPE__AUTH__MATCHING_URL": installation.url,
        "EODAG__GEOSCOPE__AUTH__CREDENTIALS__TOKEN": installation.token("eodag-user"),
    }


@pytest.fixture
def dedl_provider(installation):
    """Variables that replace the hosts of eodag's own definition of the Data Lake, and how it signs in."""
    return {
        "EODAG__DEDL__SEARCH__API_ENDPOINT": f"{installation.url}/stac/v2/search",
        "EODAG__DEDL__SEARCH__DISCOVER_COLLECTIONS__FETCH_URL": f"{installation.url}/stac/v2/collections",
        "EODAG__DEDL__AUTH__MATCHING_URL": installation.url,
        "EODAG__DEDL__AUTH__TYPE": "HTTPHeaderAuth",
        "EODAG__DEDL__AUTH__HEADERS__AUTHORIZATION": "Bearer {password}",
        "EODAG__DEDL__AUTH__CREDENTIALS__USERNAME": "dedl-user",
        "EODAG__DEDL__AUTH__CREDENTIALS__PASSWORD": installation.token("dedl-user"),
    }


@pytest.fixture
def put(installation):
    def put(collection, item):
        with installation.administrator() as administrator:
            if administrator.get(f"/stac/collections/{collection}").status_code == 404:
                administrator.post("/stac/collections", json=make_collection(collection)).raise_for_status()
            address = f"/stac/collections/{collection}/items"
            administrator.post(address, json=item).raise_for_status()

    return put


def sha256(name, size):
    return hashlib.sha256(content(name, size)).hexdigest()


def test_the_shipped_definition_orders_and_downloads(eodag, geoscope_provider, origin, put):
    collection, id_ = f"EO.TEST.DAT.{uuid.uuid4().hex[:6].upper()}", f"item-{uuid.uuid4().hex[:8]}"
    put(collection, offline_item(id_, f"{origin.url}/good/3000000/ordered.grib"))
    answer = eodag(
        geoscope_provider,
        provider="geoscope",
        collection=collection,
        search={"start": "2026-05-28", "end": "2026-05-29"},
        download=True,
        queryables=True,
        collections=True,
    )
    assert (answer["found"], answer["status"]) == ([id_], ["orderable"])
    assert list(answer["files"].values()) == [sha256("ordered.grib", 3_000_000)]
    assert collection in answer["collections"]


def test_the_shipped_definition_downloads_what_is_online(eodag, geoscope_provider, installation, put):
    collection = f"EO.TEST.DAT.{uuid.uuid4().hex[:6].upper()}"
    installation.bucket("archive").put("online/scene.tif", content("scene", 2_000_000))
    asset = {"href": "s3://archive/online/scene.tif", "roles": ["data"], "type": "image/tiff"}
    put(collection, make_item("scene", assets={"image": asset}))
    answer = eodag(
        geoscope_provider, provider="geoscope", collection=collection, search={"limit": 5}, download=True
    )
    assert (answer["found"], answer["status"]) == (["scene"], ["succeeded"])
    assert list(answer["files"].values()) == [sha256("scene", 2_000_000)]


def test_eodags_own_definition_of_the_data_lake_orders_and_downloads(eodag, dedl_provider, origin, put):
    """Replaced: the hosts, and the plugin that signs in (the identity provider is not there yet)."""
    id_ = f"DT_EXTREMES_ORDERABLE_{uuid.uuid4().hex[:8]}"
    item = offline_item(id_, f"{origin.url}/good/2500000/twin.grib", type="application/x-grib")
    item["properties"] |= {"ecmwf:param": ["31"], "ecmwf:levtype": "sfc"}
    put("EO.ECMWF.DAT.DT_EXTREMES", item)
    answer = eodag(
        dedl_provider,
        provider="dedl",
        collection="DT_EXTREMES",
        search={"start": "2026-05-28", "end": "2026-05-28", "ecmwf:param": ["31"], "id": id_},
        download=True,
        queryables=True,
    )
    assert (answer["found"], answer["status"]) == ([id_], ["orderable"])
    assert list(answer["files"].values()) == [sha256("twin.grib", 2_500_000)]


def test_eodags_own_definition_of_the_data_lake_downloads_what_is_online(
    eodag, dedl_provider, installation, put
):
    installation.bucket("archive").put("s2/scene.zip", content("s2", 1_000_000))
    id_ = f"S2-{uuid.uuid4().hex[:8]}"
    asset = {"href": "s3://archive/s2/scene.zip", "roles": ["data"], "type": "application/zip"}
    put("EO.ESA.DAT.SENTINEL-2.MSI.L2A", make_item(id_, assets={"product": asset}))
    answer = eodag(dedl_provider, provider="dedl", collection="S2_MSI_L2A", search={"id": id_}, download=True)
    assert answer["found"] == [id_]
    assert list(answer["files"].values()) == [sha256("s2", 1_000_000)]
