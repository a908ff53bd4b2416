"""Twins that grow on a running platform: ingested by who may, interrupted, gone on with, drawn and cut."""

import html
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import healpy
import httpx
import numpy as np
import pytest
import xarray as xr
from PIL import Image
from polytope.api import Client

from geoscope.access import issue_token
from geoscope.cli import following
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.twins.manifest import EDITOR_ROLE
from running import until
from twin_files import encode_climate_twin

COLLECTION = "EO.ECMWF.DAT.D1.DT_CLIMATE.G1.SCENARIOMIP_SSP3-7.0_{model}.R1"
ITEM = "clte-sfc-standard"
NSIDE = 64
CELLS = 12 * NSIDE**2
PLACE = (10.0, 50.0)
HERE = "POINT(10 50)"
TILE = "WebMercatorQuad/1/1/0.png"
REGRIDDED = {
    "class": "d1",
    "dataset": "climate-dt",
    "activity": "ScenarioMIP",
    "experiment": "SSP3-7.0",
    "generation": "1",
    "model": "IFS-FESOM",
    "realization": "1",
    "expver": "0001",
    "stream": "clte",
    "type": "fc",
    "levtype": "sfc",
    "resolution": "h16",
    "param": "2t",
    "date": "20210601",
    "time": "0000",
}
READ = """
import sys
import eccodes

with open(sys.argv[1], "rb") as file:
    message = eccodes.codes_grib_new_from_file(file)
print(eccodes.codes_get(message, "Nside"), eccodes.codes_get_values(message).mean())
"""
DAYS = [f"202106{day:02}" for day in range(1, 31)]


@pytest.fixture(scope="module")
def grower(new_platform):
    """A platform whose ingest commits two steps at a time."""
    platform = new_platform()
    platform.environment["GEOSCOPE_TWINS__BATCH_BYTES"] = str(2 * CELLS * 4)
    platform.start()
    return platform


@pytest.fixture(scope="module")
def encode(tmp_path_factory):
    """A function that writes days of a model's temperature to a file; it gives file and values by day."""
    folder = tmp_path_factory.mktemp("twins")

    def encode(model, days=DAYS):
        file = folder / f"{model}-{len(days)}.grib2"
        fields = encode_climate_twin(file, days, parameters=((167, "2t"),), nside=NSIDE, model=model)
        return file, np.array([fields[day, 0, "2t"] for day in days])

    return encode


def interrupt(platform, arguments, when):
    """Run a command in a process group of its own, send it Ctrl-C when it has come far enough."""
    process = subprocess.Popen(
        platform.command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | platform.environment,
    )
    until(when, 120, "the moment to interrupt")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    return process.returncode, said


def decoders(platform):
    return [each for each in platform.processes() if "geoscope.twins.ingest.decoder" in each.cmdline()]


def steps(platform, collection, item=ITEM):
    found = httpx.get(f"{platform.url}/stac/collections/{collection}/items/{item}")
    return found.json()["properties"]["geoscope:versions"][0]["steps"] if found.is_success else 0


def test_ctrl_c_ends_an_ingest_at_a_commit_and_the_same_command_goes_on(grower, encode):
    file, _ = encode("ICON")
    collection = COLLECTION.format(model="ICON")
    code, said = interrupt(grower, ("twins", "ingest", str(file)), lambda: steps(grower, collection) >= 4)
    assert code == 130
    assert "Cancelled at" in said
    assert "what was committed until now stays; run the command again to go on" in said
    assert "Traceback" not in said
    until(lambda: not decoders(grower), 30, "the end of the decoders")
    kept = steps(grower, collection)
    assert 4 <= kept < len(DAYS)
    done = grower.run("twins", "ingest", str(file))
    stored = int(re.search(r"(\d+) fields? stored", done.stdout)[1])
    assert 0 < stored <= len(DAYS) - kept
    assert steps(grower, collection) == len(DAYS)
    assert not decoders(grower)


def test_who_follows_a_job_waits_for_an_edge_that_comes_back(grower, encode):
    file, _ = encode("IFS-FESOM")
    command = grower.command("twins", "ingest", str(file))
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | grower.environment,
    )
    until(lambda: steps(grower, COLLECTION.format(model="IFS-FESOM")) >= 2, 120, "the first steps")
    [edge] = [each for each in grower.processes() if "caddy" in each.name()]
    edge.kill()
    told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"{len(DAYS)} fields stored" in told


def test_who_follows_a_job_for_long_has_a_token_that_is_good(grower, monkeypatch):
    monkeypatch.setattr(following, "TOKEN_KEPT_S", 0)
    # With the leeway of 30 seconds, good for two.
    monkeypatch.setattr("geoscope.access.tokens.TOKEN_LIFETIME_S", -28)
    with following.platform_of(grower.url, grower.data_dir, None) as http:
        assert http.get("/jobs").status_code == 200
        time.sleep(3)
        assert http.get("/jobs").status_code == 200


def test_what_page_and_command_say_opens_a_twin_with_xarray_alone(grower, encode):
    file, _ = encode("IFS", DAYS[:1])
    grower.run("twins", "ingest", str(file))
    collection = COLLECTION.format(model="IFS")
    page = httpx.get(f"{grower.url}/explore/collections/{collection}/items/{ITEM}").text
    pieces = [html.unescape(each) for each in re.findall(r"<code>(# pip install.*?)</code>", page, re.DOTALL)]
    assert len(pieces) == 3
    for code in (grower.run("open", f"{collection}/{ITEM}").stdout, *pieces):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (code, done.stderr)


def test_a_series_on_levels_is_drawn_for_each_or_for_one(grower, tmp_path):
    axes = {
        "time": np.array(["2020-01-01", "2020-02-01"], "datetime64[ns]"),
        "level": ("level", [850.0, 500.0], {"units": "hPa", "positive": "down", "axis": "Z"}),
        "latitude": ("latitude", [60.0, 40.0], {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": ("longitude", [0.0, 20.0], {"units": "degrees_east", "standard_name": "longitude"}),
    }
    values = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    file = tmp_path / "run.nc"
    xr.Dataset({"t": (tuple(axes), values, {"units": "K"})}, axes).to_netcdf(file)
    keys = ("--key", "stream=oper", "--key", "class=rd", "--id", "our-experiment")
    grower.run("twins", "ingest", str(file), *keys)
    drawn = grower.run("series", "our-experiment", "t", "1", "59").stdout
    assert ("850 hPa" in drawn, "500 hPa" in drawn) == (True, True)
    assert "days since 2020-01-01" in drawn
    drawn = grower.run("series", "our-experiment", "t", "1", "59", "--level", "500").stdout
    assert ("850 hPa" in drawn, "500 hPa" in drawn) == (False, True)


def test_the_list_has_every_twin_with_its_whole_name_and_grid(grower):
    listed = grower.run("twins", "list").stdout
    lines = {line.split()[0]: line.split()[1] for line in listed.splitlines()[1:]}
    assert lines[f"{COLLECTION.format(model='ICON')}/{ITEM}"] == "h64"
    assert lines["nemo-ocean-healpix/clmn-o2d-standard"] == "h64"
    shown = grower.run("twins", "show", "nemo-ocean-healpix/clmn-o2d-standard").stdout
    assert "grid h64" in shown


def test_the_command_brings_fields_to_another_level_and_says_so(grower, encode):
    file, _ = encode("IFS", DAYS[:1])
    tried = grower.run("twins", "ingest", str(file), "--healpix", "9", "--dry-run")
    assert "Level 6 is about as fine" in tried.stderr
    wrong = grower.run("twins", "ingest", str(file), "--method", "nearest", check=False)
    assert wrong.returncode == 1
    assert "--healpix LEVEL" in wrong.stderr
    done = grower.run("twins", "ingest", str(file), "--healpix", "4", "--method", "nearest")
    assert "Regridded (nearest) from healpix h64" in done.stdout
    shown = grower.run("twins", "show", f"{COLLECTION.format(model='IFS')}/clte-sfc-h16").stdout
    assert "Regridded (nearest) from healpix h64" in shown
    assert "resolution=h16" in shown


@pytest.fixture
def asking(grower):
    """A function that gives somebody's client, with some roles."""
    clients = []

    def client(subject, *roles):
        token = issue_token(grower.settings, subject, frozenset(roles))
        headers = {"Authorization": f"Bearer {token}"}
        clients.append(httpx.Client(base_url=grower.url, headers=headers, timeout=60))
        return clients[-1]

    yield client
    for each in clients:
        each.close()


def test_an_editor_of_twins_ingests_objects_and_nobody_else_does(grower, asking, encode):
    file, _ = encode("IFS-FESOM", DAYS[:1])
    bucket = open_bucket(grower.settings, "public-twins", read_s3_keys(grower.settings, "jobs"))
    bucket.put("incoming/day.grib2", file.read_bytes())
    body = {"inputs": {"sources": ["s3://public-twins/incoming"], "healpix": 4}}
    address = "/processes/ingest-twin-objects/execution"
    refused = asking("vera").post(address, json=body)
    assert refused.status_code == 403
    assert EDITOR_ROLE in refused.json()["detail"]
    assert httpx.post(f"{grower.url}{address}", json=body).status_code == 401

    edith = asking("edith", EDITOR_ROLE)
    assert edith.post("/processes/ingest-twin/execution", json=body).status_code == 403
    taken = edith.post(address, json=body)
    assert taken.status_code == 201, taken.text
    job = f"/jobs/{taken.json()['jobID']}"
    ended = until(
        lambda: (found := edith.get(job).json())["status"] not in ("accepted", "running") and found,
        120,
        "the end of the ingest",
    )
    assert ended["status"] == "successful", ended
    outcome = edith.get(f"{job}/results").json()
    assert (outcome["stored"], outcome["repositories"][0]["grid"]) == (1, "h16")
    # What she may not read herself, the job does not read for her.
    theirs = {"inputs": {"sources": ["s3://home-vera/incoming"]}}
    job = f"/jobs/{edith.post(address, json=theirs).json()['jobID']}"
    failed = until(
        lambda: (found := edith.get(job).json())["status"] == "failed" and found, 60, "the refusal"
    )
    assert "may not ingest from the bucket 'home-vera'" in failed["message"]


def test_what_was_brought_to_healpix_is_asked_for_by_its_grid(grower, asking, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    key = asking("edith").headers["Authorization"].removeprefix("Bearer ")
    client = Client(address=f"{grower.url}/polytope", user_key=key, insecure=True, quiet=True)
    (file,) = client.retrieve("destination-earth", REGRIDDED)
    told = subprocess.run([sys.executable, "-c", READ, file], capture_output=True, text=True, check=True)
    nside, mean = told.stdout.split()
    assert int(nside) == 16
    assert float(mean) == pytest.approx(280.2, abs=0.2)


@dataclass
class Grown:
    """A twin to which days were added while others read it: its addresses, its values, what readers met."""

    tiles: str
    edr: str
    values: np.ndarray
    readings: list[tuple[int, int, int]]


@pytest.fixture(scope="module")
def grown(grower, encode):
    first, _ = encode("IFS-NEMO", DAYS[:4])
    longer, values = encode("IFS-NEMO", DAYS[:10])
    grower.run("twins", "ingest", str(first))
    place = f"collections/{COLLECTION.format(model='IFS-NEMO')}"
    twin = Grown(
        f"{grower.url}/tiles/{place}/items/{ITEM}", f"{grower.url}/edr/{place}/instances/{ITEM}", values, []
    )
    ended = threading.Event()

    def read_all_the_time():
        with httpx.Client(timeout=60) as http:
            while not ended.is_set():
                at = http.get(f"{twin.edr}/position", params={"coords": HERE})
                tile = http.get(f"{twin.tiles}/{TILE}", params={"variable": "2t", "datetime": "2021-06-03"})
                count = len(at.json()["ranges"]["2t"]["values"]) if at.is_success else 0
                twin.readings.append((at.status_code, tile.status_code, count))

    reader = threading.Thread(target=read_all_the_time)
    reader.start()
    try:
        grower.run("twins", "ingest", str(longer))
        until(lambda: twin.readings and twin.readings[-1][2] == len(values), 60, "all days for readers")
    finally:
        ended.set()
        reader.join()
    return twin


def test_readers_meet_whole_steps_only_while_steps_are_added(grown):
    assert {(position, tile) for position, tile, _ in grown.readings} == {(200, 200)}
    counts = [count for *_, count in grown.readings]
    assert counts == sorted(counts)
    # Commits hold two steps.
    assert {*counts} <= {4, 6, 8, 10}


def test_tiles_draw_each_step(grown):
    # Documents of the catalogue are kept for some seconds.
    asked = {"variable": "2t"}
    until(
        lambda: "2021-06-10" in httpx.get(f"{grown.tiles}/tilejson.json", params=asked).text,
        60,
        "the last day on the map",
    )
    pictures = []
    for day in ("2021-06-01", "2021-06-10"):
        asked = {"variable": "2t", "datetime": day, "vmin": "270", "vmax": "300"}
        drawn = httpx.get(f"{grown.tiles}/{TILE}", params=asked)
        assert drawn.status_code == 200, drawn.text
        with Image.open(io.BytesIO(drawn.content)) as image:
            pictures.append(np.asarray(image.convert("RGBA")))
    assert all(picture[..., 3].min() == 255 for picture in pictures)
    assert len(np.unique(pictures[0].reshape(-1, 4), axis=0)) > 10
    # Nine kelvins warmer everywhere, in the same colours.
    assert (pictures[0] != pictures[1]).any(axis=-1).mean() > 0.9


def test_edr_cuts_points_areas_and_boxes_of_each_step(grown):
    asked = {"coords": HERE, "f": "CoverageJSON"}
    series = httpx.get(f"{grown.edr}/position", params=asked).json()
    cell = healpy.ang2pix(NSIDE, *PLACE, nest=True, lonlat=True)
    np.testing.assert_allclose(series["ranges"]["2t"]["values"], grown.values[:, cell], atol=1e-3)

    east, north = healpy.pix2ang(NSIDE, np.arange(CELLS), nest=True, lonlat=True)
    inside = (east <= 20) & (north >= 40) & (north <= 60)
    wanted = np.sort(grown.values[1:9, inside], axis=1)
    when = {"datetime": "2021-06-02/2021-06-09", "f": "NetCDF"}
    for query, where in (
        ("area", {"coords": "POLYGON((0 40,20 40,20 60,0 60,0 40))"}),
        ("cube", {"bbox": "0,40,20,60"}),
    ):
        cut = httpx.get(f"{grown.edr}/{query}", params=where | when)
        assert cut.status_code == 200, cut.text
        with xr.open_dataset(io.BytesIO(cut.content)) as file:
            assert file.sizes["time"] == 8
            np.testing.assert_allclose(np.sort(file["2t"].values, axis=1), wanted, atol=1e-3)
