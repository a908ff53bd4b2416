"""Fields of a twin, ordered as the Data Lake's notebooks do: from a GRIB file, by a cube, to a GRIB file."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from geoscope.access import issue_token
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.sampling import Sampling
from twin_files import encode_climate_twin

COLLECTION = "EO.ECMWF.DAT.D1.DT_CLIMATE.G1.SCENARIOMIP_SSP3-7.0_ICON.R1"
CHOSEN = {
    "ecmwf:class": {"eq": "d1"},
    "ecmwf:dataset": {"eq": "climate-dt"},
    "ecmwf:levtype": {"eq": "sfc"},
    "ecmwf:param": {"eq": ["167"]},
    "ecmwf:time": {"eq": ["0000", "1200"]},
}
DAY = "2021-06-02T00:00:00Z/2021-06-03T00:00:00Z"

READ = """
import json, sys
import earthkit.data
import earthkit.regrid
import numpy as np

listed = []
for field in earthkit.data.from_source("file", sys.argv[1]).to_fieldlist():
    told = {key: field.get(f"metadata.{key}") for key in (
        "shortName", "dataDate", "dataTime", "gridType", "Nside", "orderingConvention", "experiment")}
    values = np.asarray(field.to_numpy(flatten=True), float)
    regridded = earthkit.regrid.interpolate(
        values,
        in_grid={"grid": f"H{told['Nside']}", "ordering": told["orderingConvention"]},
        out_grid={"grid": [10, 10]},
        matrix_source=sys.argv[2],
    )
    listed.append({**told, "values": values.tolist(), "regridded": regridded.tolist()})
print(json.dumps(listed))
"""


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    """Weights from HEALPix to 10 degrees, as earthkit-regrid keeps them; ECMWF's own it would download."""
    folder = tmp_path_factory.mktemp("matrices")
    latitude, longitude = np.meshgrid(np.arange(90, -91, -10.0), np.arange(0, 360, 10.0), indexing="ij")
    found = Sampling.bilinear(HealpixGrid(3), longitude.ravel(), latitude.ravel())
    weights = csr_array(found.apply(np.eye(768)).T)
    (folder / "mir_1_linear").mkdir()
    save_npz(folder / "mir_1_linear" / "ours.npz", weights)
    entry = {
        "input": {"grid": "H8", "ordering": "nested"},
        "output": {"grid": [10, 10], "shape": [19, 36]},
        "interpolation": {"engine": "mir", "version": "1", "method": "linear"},
    }
    (folder / "index.json").write_text(json.dumps({"version": 1, "matrix": {"ours": entry}}))
    return folder, weights


@pytest.fixture(scope="module")
def twin(platform, tmp_path_factory):
    """The file that was ingested, and its fields by date, time and short name."""
    file = tmp_path_factory.mktemp("twin") / "twin.grib2"
    fields = encode_climate_twin(file, days=("20210601", "20210602", "20210603"), times=(0, 1200))
    platform.run("twins", "ingest", str(file))
    return fields


@pytest.fixture(scope="module")
def client(platform, twin):
    token = issue_token(platform.settings, "rosa", frozenset())
    with httpx.Client(
        base_url=f"{platform.url}/stac/v2", headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as client:
        yield client


def search(client, chosen, datetime=DAY):
    body = {"collections": [COLLECTION], "datetime": datetime, "query": chosen}
    return client.post("/search", json=body)


def test_a_search_finds_the_one_item_that_can_be_ordered(client):
    answer = search(client, CHOSEN)
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["features"]
    assert "ORDERABLE" in item["id"]
    assert item["properties"]["order:status"] == "orderable"
    assert item["properties"]["storage:tier"] == "offline"
    assert (item["properties"]["start_datetime"], item["properties"]["end_datetime"]) == (
        "2021-06-02T00:00:00Z",
        "2021-06-03T12:00:00Z",
    )
    [retrieve] = [link for link in item["links"] if link["rel"] == "retrieve"]
    assert retrieve["method"] == "POST"
    assert retrieve["body"] | {"resolution": "standard", "type": "fc", "stream": "clte"} == retrieve["body"]
    assert retrieve["body"]["date"] == "20210602/to/20210603"
    assert retrieve["body"]["param"] == ["167"]
    assert "downloadLink" not in item["assets"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ecmwf:param", ["2tt"], "2t"),
        ("ecmwf:levtype", "o3d", "sfc"),
        ("ecmwf:time", ["0300"], "0000, 1200"),
    ],
)
def test_what_is_not_there_is_refused_with_what_would_fit(client, key, value, said):
    answer = search(client, CHOSEN | {key: {"eq": value}})
    assert answer.status_code == 400
    assert key.removeprefix("ecmwf:") in answer.json()["description"]
    assert said in answer.json()["description"]


def test_days_that_are_not_there_are_refused(client):
    answer = search(client, CHOSEN, "2031-06-02T00:00:00Z/2031-06-03T00:00:00Z")
    assert answer.status_code == 400
    assert "2021-06-01" in answer.json()["description"]


def test_what_is_ordered_is_a_grib_file_with_the_fields_as_they_were(client, twin, kits, matrix, tmp_path):
    [item] = search(client, CHOSEN).json()["features"]
    [retrieve] = [link for link in item["links"] if link["rel"] == "retrieve"]
    ordered = client.post(retrieve["href"], json=retrieve["body"])
    assert ordered.status_code == 200, ordered.text
    [itself] = [link["href"] for link in ordered.json()["links"] if link["rel"] == "self"]
    assert client.post(retrieve["href"], json=retrieve["body"]).json()["id"] == ordered.json()["id"]

    deadline = time.monotonic() + 120
    while (state := client.get(itself).json())["properties"]["order:status"] in ("ordered", "shipping"):
        assert time.monotonic() < deadline, state
        time.sleep(0.5)
    assert state["properties"]["order:status"] == "succeeded", state["properties"]["order:message"]

    product = client.get(state["assets"]["downloadLink"]["href"])
    assert product.headers["Content-Disposition"].split('"')[1].endswith(".grib")
    file = tmp_path / "product.grib"
    file.write_bytes(product.content)
    folder, weights = matrix
    read = subprocess.run([kits, "-c", READ, file, folder], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr[-2000:]
    fields = json.loads(read.stdout)
    assert len(fields) == 4
    for field in fields:
        assert (field["shortName"], field["gridType"], field["Nside"]) == ("2t", "healpix", 8)
        assert field["orderingConvention"] == "nested"
        wanted = twin[(str(field["dataDate"]), int(field["dataTime"]), "2t")]
        np.testing.assert_allclose(field["values"], wanted, atol=1e-3)
        np.testing.assert_allclose(np.ravel(field["regridded"]), weights @ field["values"])


EODAG = """
import json, sys
from pathlib import Path
from eodag import EODataAccessGateway

asked = json.loads(sys.argv[1])
dag = EODataAccessGateway()
[product] = dag.search(provider="dedl", **asked["search"])
print("ANSWER", dag.download(product, output_dir=asked["folder"], wait=0.02, timeout=4))
"""


def test_eodag_orders_after_naming_only_what_is_not_clear(platform, client, tmp_path):
    """Its own definition of the Data Lake, led here; a search is checked against the queryables first."""
    platform_variables = {
        "EODAG__DEDL__SEARCH__API_ENDPOINT": f"{platform.url}/stac/v2/search",
        "EODAG__DEDL__AUTH__MATCHING_URL": platform.url,
        "EODAG__DEDL__AUTH__TYPE": "HTTPHeaderAuth",
        "EODAG__DEDL__AUTH__HEADERS__AUTHORIZATION": "Bearer {password}",
        "EODAG__DEDL__AUTH__CREDENTIALS__USERNAME": "rosa",
        "EODAG__DEDL__AUTH__CREDENTIALS__PASSWORD": issue_token(platform.settings, "rosa", frozenset()),
        "EODAG_CFG_DIR": str(tmp_path / "eodag"),
        "EODAG_EXT_COLLECTIONS_CFG_URI": "",
        "HOME": str(tmp_path),
    }
    search = {
        "collection": "DT_CLIMATE_G1_SCENARIOMIP_SSP3_7_0_ICON_R1",
        "start": "2021-06-02",
        "end": "2021-06-02",
        "ecmwf:param": ["165"],
    }
    done = subprocess.run(
        [sys.executable, "-c", EODAG, json.dumps({"search": search, "folder": str(tmp_path)})],
        env={"PATH": os.environ["PATH"], **platform_variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ANSWER" in done.stdout, done.stderr[-3000:]
    place = Path(done.stdout.partition("ANSWER ")[2].strip())
    [file] = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    assert file.read_bytes().startswith(b"GRIB")


def test_only_who_may_have_the_data_can_order(platform, client):
    [item] = search(client, CHOSEN).json()["features"]
    [retrieve] = [link for link in item["links"] if link["rel"] == "retrieve"]
    assert httpx.post(retrieve["href"], json=retrieve["body"]).status_code == 401


def test_a_wrong_order_is_refused_at_once_and_nothing_is_kept(client):
    before = client.get("/orders").json()["numberMatched"]
    answer = client.post(
        f"/collections/{COLLECTION}/order",
        json={
            "class": "d1",
            "dataset": "climate-dt",
            "levtype": "sfc",
            "param": ["nothing"],
            "date": "20210602",
        },
    )
    assert answer.status_code == 400
    assert "param" in answer.json()["description"]
    assert client.get("/orders").json()["numberMatched"] == before
