"""Clients, unmodified, against the service: polytope-client, eodag, earthkit-data, covjsonkit."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from eodag import EODataAccessGateway
from eodag.plugins.authentication.openid_connect import CodeAuthorizedAuth, OIDCAuthorizationCodeFlowAuth
from eodag.plugins.base import PluginTopic
from polytope.api import Client

from geoscope.cubes.healpix import HealpixGrid
from twins.asking import FORECAST, PLACE, PRESSURE, SERIES, SURFACE
from twins.twin_store import CLIMATE, LEVEL


@pytest.fixture
def client(twins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Client(address=twins.address, user_key=twins.token(), insecure=True, quiet=True)


def test_polytope_client_gets_a_feature(client, tmp_path):
    (path,) = client.retrieve("destination-earth", SURFACE | {"feature": SERIES}, "series.covjson")
    document = json.loads(Path(path).read_text())
    assert document["domainType"] == "PointSeries"
    (path,) = client.retrieve("destination-earth", SURFACE | {"feature": SERIES})
    assert path.endswith(".covjson")


def test_polytope_client_gets_fields_of_several_requests(client):
    asked = [SURFACE, SURFACE | {"time": "0600"}]
    client.retrieve("destination-earth", asked, "fields.grib")
    assert Path("fields.grib").read_bytes().count(b"7777GRIB") == 1
    Path("request.yaml").write_text(yaml.safe_dump(SURFACE))
    client.retrieve("destination-earth", "request.yaml", "again.grib", inline_request=False)
    assert Path("again.grib").read_bytes().startswith(b"GRIB")


def test_polytope_client_lists_describes_and_revokes(client):
    result = client.retrieve("destination-earth", SURFACE | {"feature": SERIES}, asynchronous=True)[0]
    assert client.list_collections() == ["destination-earth"]
    (id_, *_) = client.list_requests()
    assert client.describe_request(id_)["id"] == id_
    pointer = client.download(client.list_requests()[-1], pointer=True)
    assert pointer["contentType"] == "application/prs.coverage+json"
    assert json.loads(Path(result.download()).read_text())["type"] == "CoverageCollection"
    for each in client.list_requests():
        client.revoke(each)
    assert client.list_requests() == []


def test_polytope_client_shows_what_is_wrong(client):
    with pytest.raises(Exception, match=r"model: there is no 'icom'\. There are: ifs-nemo") as refused:
        client.retrieve("destination-earth", SURFACE | {"model": "icom"})
    assert "400" in str(refused.value)


def test_a_download_that_broke_off_goes_on(client, twins, monkeypatch):
    """The client itself asks for the rest, and adds what comes."""
    from polytope.api import RequestManager  # noqa: PLC0415 (its module, not the class)

    whole = Path(client.retrieve("destination-earth", SURFACE, "whole.grib")[0]).read_bytes()
    real, broken = RequestManager.requests.models.Response.iter_content, []

    def broken_once(response, chunk_size=1, **more):
        for number, chunk in enumerate(real(response, chunk_size, **more)):
            if number == 2 and not broken:
                broken.append(True)
                raise RequestManager.requests.exceptions.ConnectionError("cut off")
            yield chunk

    monkeypatch.setattr(RequestManager.requests.models.Response, "iter_content", broken_once)
    monkeypatch.setattr(RequestManager.time, "sleep", lambda _: None)
    path = client.retrieve("destination-earth", SURFACE, "resumed.grib")[0]
    assert broken
    assert Path(path).read_bytes() == whole


# --- eodag ---


@pytest.fixture
def eodag(twins, tmp_path, monkeypatch):
    """eodag's own provider for the Climate DT, led here; its sign-in is tested with the identity service."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EODAG_CFG_DIR", str(tmp_path))
    monkeypatch.setenv("EODAG_EXT_COLLECTIONS_CFG_URI", "")
    signed_in = CodeAuthorizedAuth(twins.token(), "header")
    monkeypatch.setattr(OIDCAuthorizationCodeFlowAuth, "__init__", PluginTopic.__init__)
    monkeypatch.setattr(OIDCAuthorizationCodeFlowAuth, "authenticate", lambda _: signed_in)
    base = f"{twins.address}/api/v1/requests"
    order = base + '/destination-earth?{{"verb": "retrieve", "request": {qs#to_geojson} }}'
    status = base + "/{eodag:combined_order_id#replace_str(r'^$','Not Available')}"
    dedt = {
        "search": {"metadata_mapping": {"eodag:order_link": order}},
        "download": {
            "output_dir": str(tmp_path),
            "order_on_response": {"metadata_mapping": {"eodag:status_link": status}},
        },
        "auth": {"credentials": {"username": "ada", "password": "unused"}},
    }
    gateway = EODataAccessGateway()
    gateway.update_providers_config(yaml.safe_dump({"dedt_lumi": dedt}))
    return gateway


@pytest.mark.parametrize(
    ("geometry", "begin"), [(None, b"GRIB"), ([0, 40, 20, 55], b'{"type": "CoverageCollection"')]
)
def test_eodag_orders_polls_and_downloads(eodag, geometry, begin):
    (product,) = eodag.search(
        collection="DT_CLIMATE_G1_SCENARIOMIP_SSP3_7_0_IFS_NEMO_R1",
        provider="dedt_lumi",
        start="2021-01-01",
        end="2021-01-01",
        geom=geometry,
        validate=False,  # its forms and constraints lie on a server of Destination Earth
        **{
            "ecmwf:resolution": "standard",
            "ecmwf:levtype": "sfc",
            "ecmwf:param": ["167"],
            "ecmwf:time": ["0000"],
        },
    )
    place = Path(eodag.download(product, wait=0.02, timeout=1))
    (path,) = [place] if place.is_file() else place.iterdir()
    assert path.read_bytes().startswith(begin)


# --- In an environment of their own ---


def run(kits, twins, tmp_path, script, request):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "POLYTOPE_ADDRESS": twins.address,
        "POLYTOPE_USER_KEY": twins.token(),
        "POLYTOPE_INSECURE": "true",
        "REQUEST": json.dumps(request),
    }
    done = subprocess.run(
        [kits, "-c", script], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


FIELDS_BY_EARTHKIT = """
import json, os, earthkit.data
request = json.loads(os.environ["REQUEST"])
found = {}
for stream in (False, True):
    source = earthkit.data.from_source("polytope", "destination-earth", request, stream=stream)
    arrays = [field.to_numpy().ravel() for field in source.to_fieldlist()]
    found[str(stream)] = [[float(array[7]), array.size] for array in arrays]
print(json.dumps(found))
"""


def test_earthkit_data_reads_fields(kits, twins, held, tmp_path):
    found = run(kits, twins, tmp_path, FIELDS_BY_EARTHKIT, SURFACE | {"time": "0000/0600"})
    stored = held[CLIMATE]["clte-sfc"][1]["2t"].sel(time=["2021-01-01T00:00", "2021-01-01T06:00"]).values
    for read in found.values():
        assert [size for _, size in read] == [stored.shape[1]] * 2
        np.testing.assert_allclose([value for value, _ in read], stored[:, 7], rtol=2e-7)


FEATURE_BY_EARTHKIT = """
import json, os, earthkit.data
request = json.loads(os.environ["REQUEST"])
source = earthkit.data.from_source("polytope", "destination-earth", request, stream=False)
dataset = source.to_xarray()
print(json.dumps({name: dataset[name].values.ravel().tolist() for name in dataset.data_vars}))
"""


def test_earthkit_data_reads_a_series(kits, twins, held, tmp_path):
    asked = SURFACE | {"date": "20210101/to/20210105", "param": "2t/10u", "feature": SERIES}
    found = run(kits, twins, tmp_path, FEATURE_BY_EARTHKIT, asked)
    (cell,) = HealpixGrid(LEVEL).locate([PLACE[1]], [PLACE[0]])
    days = [f"2021-01-0{day}" for day in range(1, 6)]
    for name in ("2t", "10u"):
        stored = held[CLIMATE]["clte-sfc"][1][name].sel(time=days).values[:, cell]
        np.testing.assert_allclose(found[name], stored, rtol=1e-6)


DECODED = """
import json, os, polytope.api, covjsonkit.api
request = json.loads(os.environ["REQUEST"])
polytope.api.Client(quiet=True).retrieve("destination-earth", request, "answer.covjson")
from covjsonkit.api import Covjsonkit
decoder = Covjsonkit().decode(json.load(open("answer.covjson")))
dataset = decoder.to_xarray()
print(json.dumps({
    "kind": type(decoder).__name__,
    "dims": {str(k): int(v) for k, v in dataset.sizes.items()},
    "sum": {str(n): float(dataset[n].sum()) for n in dataset.data_vars},
}))
"""


@pytest.mark.parametrize(
    ("request_", "feature", "kind"),
    [
        (SURFACE, SERIES, "TimeSeries"),
        (FORECAST | {"step": "0/to/6"}, {**SERIES, "time_axis": "step"}, "TimeSeries"),
        (PRESSURE | {"levelist": "500"}, {"type": "verticalprofile", "points": [PLACE]}, "VerticalProfile"),
        (SURFACE, {"type": "boundingbox", "points": [[40, 0], [50, 20]]}, "BoundingBox"),
        (SURFACE, {"type": "circle", "center": [PLACE], "radius": 9}, "BoundingBox"),
        (
            FORECAST | {"step": "0/to/6"},
            {"type": "polygon", "shape": [[40, 0], [40, 20], [60, 10], [40, 0]]},
            "BoundingBox",
        ),
        (
            SURFACE,
            {
                "type": "trajectory", "points": [[0, 0], [20, 20]], "inflation": 4,
                "axes": ["latitude", "longitude"],
            },
            "Path",
        ),
    ],
)  # fmt: skip
def test_ecmwfs_decoder_reads_every_form(kits, twins, tmp_path, request_, feature, kind):
    found = run(kits, twins, tmp_path, DECODED, request_ | {"feature": feature})
    assert found["kind"] == kind
    document = json.loads((tmp_path / "answer.covjson").read_text())
    (name,) = found["sum"]
    total = sum(sum(each["ranges"][name]["values"]) for each in document["coverages"])
    assert found["sum"][name] == pytest.approx(total, rel=1e-4)
