"""Twin data on the running platform: from the store through the edge to polytope-client; killed midway."""

import json
import os
import signal
from pathlib import Path

import httpx
import numpy as np
import pytest
from polytope.api import Client
from zarr.storage import ObjectStore

from geoscope.access import Principal, issue_token_for
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.cubes.describe import describe
from geoscope.cubes.writing import write_cube
from geoscope.objects import open_bucket
from geoscope.registration import CatalogueClient
from geoscope.secrets import read_s3_keys
from running import until
from twins.asking import SERIES, SURFACE
from twins.twin_store import CLIMATE, datasets

BUCKET = "demo"


@pytest.fixture(scope="module")
def dataset(platform):
    """One dataset of the Climate DT's shape: stored in the object store, registered in the catalogue."""
    keys, data = datasets()[CLIMATE]["clte-sfc"]
    place = f"{CLIMATE}/clte-sfc.zarr"
    write_cube(
        data,
        ObjectStore(
            open_bucket(platform.settings, BUCKET, read_s3_keys(platform.settings, "jobs"), prefix=place)
        ),
    )
    described = describe(data)
    cube = {"cube:dimensions": described.dimensions, "cube:variables": described.variables}
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": CLIMATE, "title": "Climate", "license": "other",
        "description": "Fields for a test.", "links": [],
        "extent": {
            "spatial": {"bbox": [described.bbox]},
            "temporal": {"interval": [[described.start, described.end]]},
        },
    }  # fmt: skip
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": "clte-sfc", "collection": CLIMATE, "links": [],
        "geometry": described.geometry, "bbox": described.bbox,
        "properties": {
            "datetime": None, "start_datetime": described.start, "end_datetime": described.end,
            **{f"mars:{key}": value for key, value in keys.items()}, **cube,
        },
        "assets": {"cube": {"href": f"s3://{BUCKET}/{place}", "type": "application/vnd.zarr; version=3"}},
    }  # fmt: skip
    with CatalogueClient(platform.settings, "service:test", EDITOR_ROLE) as catalogue:
        catalogue.put_collection(collection | cube)
        catalogue.put_item(CLIMATE, item)
    return data


@pytest.fixture
def token(platform):
    return issue_token_for(platform.settings, Principal("ada"))


@pytest.fixture
def client(platform, token, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Client(address=f"{platform.url}/polytope", user_key=token, insecure=True, quiet=True)


def test_polytope_client_asks_through_the_edge(platform, dataset, client):
    (path,) = client.retrieve("destination-earth", SURFACE | {"feature": SERIES}, "series.covjson")
    (coverage,) = json.loads(Path(path).read_text())["coverages"]
    (value,) = coverage["ranges"]["2t"]["values"]
    axes = coverage["domain"]["axes"]
    nearest = np.argmin(
        np.hypot(
            *(dataset_centres(dataset)[name] - axes[name]["values"][0] for name in ("latitude", "longitude"))
        )
    )
    assert np.float32(value) == dataset["2t"].sel(time="2021-01-01T00:00").values[nearest]
    (path,) = client.retrieve("destination-earth", SURFACE, "field.grib")
    assert Path(path).read_bytes().startswith(b"GRIB")


def dataset_centres(dataset):
    from geoscope.cubes.detect import detect_grid  # noqa: PLC0415 (only here)

    longitude, latitude = detect_grid(dataset).cell_centre(np.arange(dataset.sizes["cells"]))
    return {"longitude": longitude, "latitude": latitude}


def test_the_catalogue_tells_what_can_be_asked_for(platform, dataset):
    for base in ("/stac", "/stac/v2"):
        told = httpx.get(f"{platform.url}{base}/collections/{CLIMATE}/queryables").json()["properties"]
        assert told["ecmwf:model"]["const"] == "ifs-nemo"
        assert told["ecmwf:param"]["items"]["enum"] == ["165", "167"]
    narrowed = httpx.get(f"{platform.url}/twins/queryables", params={"ecmwf:dataset": "climate-dt"})
    assert narrowed.json()["properties"]["ecmwf:class"]["const"] == "d1"


def test_a_request_outlives_the_process_that_answers_it(platform, dataset, token):
    asked = SURFACE | {"param": "2t/10u", "date": "20210101/to/20210110", "time": "0/to/23"}
    headers = {"Authorization": f"Bearer {token}"}
    accepted = httpx.post(
        f"{platform.url}/polytope/api/v1/requests/destination-earth",
        json={"verb": "retrieve", "request": asked}, headers=headers, timeout=30,
    )  # fmt: skip
    assert accepted.status_code == 202
    location = accepted.headers["location"]
    partial = platform.data_dir / "polytope" / "results" / f"{location.rpartition('/')[2]}.part"
    until(lambda: partial.exists() and partial.stat().st_size > 0, what="the beginning of a result")
    os.kill(platform.pid("data-apis"), signal.SIGKILL)

    def answered():
        try:
            answer = httpx.get(location, headers=headers, timeout=30)
        except httpx.HTTPError:
            return None
        assert answer.status_code != 400, answer.text
        return answer if answer.status_code == 303 else None

    answer = until(answered, timeout_s=120, what="the result")
    content = httpx.get(answer.headers["location"], timeout=30).content
    assert len(content) == answer.json()["contentLength"]
    assert content.count(b"7777GRIB") == 10 * 24 * 2 - 1
