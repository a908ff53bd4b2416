"""The whole ingest: files into a real object store, registered in a real catalogue, by whoever asks."""

import gc
import io
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
import uvicorn
import xarray as xr
from fastapi.testclient import TestClient
from grib_files import climate, write_grib

from geoscope import recurring
from geoscope.access import issue_token
from geoscope.cubes.growing import history
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field as FieldOfCube
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.healpix_metadata import healpix_attributes
from geoscope.errors import InvalidInputError, NotAllowedError, NotFoundError
from geoscope.objects import Place, icechunk_storage, open_bucket
from geoscope.registration import CatalogueClient
from geoscope.runtime.ports import free_ports
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from geoscope.twins import api as twins_api
from geoscope.twins.expiry import expiring
from geoscope.twins.expiry.expiring import Expiry
from geoscope.twins.expiry.process import EXPIRE_TWIN_VERSIONS
from geoscope.twins.expiry.wish import ExpiryWish
from geoscope.twins.fdb.archive import FdbArchive, new_local_fdb
from geoscope.twins.ingest.ingesting import Ingest
from geoscope.twins.ingest.messages import scan
from geoscope.twins.ingest.process import INGEST_TWIN_OBJECTS
from geoscope.twins.ingest.wish import Wish
from geoscope.workflows import api as workflows

CLIMATE_COLLECTION = "EO.ECMWF.DAT.D1.DT_CLIMATE.G1.SCENARIOMIP_SSP3-7.0_IFS-NEMO.R1"
CELLS = 12 * 16
DAYS = 20


def ingest(platform, job, *sources, decoders=1, **wish):
    inputs = Wish(sources=tuple(map(str, sources)), decoders=decoders, **wish)
    with Ingest(platform, inputs) as one:
        return one.run(job)


def opened(platform, outcome, number=0):
    """Open the root of a repository as any reader would."""
    place = Place.parse(outcome["repositories"][number]["address"])
    storage = icechunk_storage(platform, place, read_s3_keys(platform, "data-apis"))
    return xr.open_zarr(open_version(storage), consolidated=False, chunks=None, decode_coords="all")


def versions(platform, outcome):
    place = Place.parse(outcome["repositories"][0]["address"])
    return GrowingCube.open(icechunk_storage(platform, place, read_s3_keys(platform, "jobs"))).versions()


def item_of(platform, outcome):
    about = outcome["repositories"][0]
    with CatalogueClient(platform, "service:test", "catalogue-editor") as catalogue:
        return catalogue.collection(about["collection"]), catalogue.item(about["collection"], about["item"])


def days(*numbers, offset=0.0):
    """Messages of some days; each has values of its own."""
    return [climate(20200100 + number, np.arange(CELLS) + number + offset) for number in numbers]


def test_an_ingest_leaves_no_large_arrays_behind(platform, job, tmp_path):
    """The ids of the cells of nside 1024 are 100 MB, and a worker ingests again and again."""

    def datasets():
        found = (each for each in gc.get_objects() if isinstance(each, xr.Dataset))
        return {id(each) for each in found if "cell_ids" in each}

    path = write_grib(tmp_path / "one.grib2", [climate(20200101, np.full(CELLS, 280.0), 4)])
    gc.collect()
    before = datasets()
    gc.disable()
    try:
        ingest(platform, job, path, collection="leaves-nothing")
        left = datasets() - before
    finally:
        gc.enable()
    assert not left


def test_the_real_healpix_file_is_stored_nested_and_registered(platform, job, earth_data):
    outcome = ingest(
        platform, job, earth_data / "grib" / "healpix_H8_ring_pl.grib2", collection="real-healpix"
    )
    assert (outcome["stored"], outcome["duplicates"], outcome["set_aside_count"]) == (4, 0, 0)
    with opened(platform, outcome) as cube:
        assert cube["t"].dims == ("time", "level", "cells")
        assert cube["t"].shape == (2, 1, 768)
        assert cube["t"].attrs["standard_name"] == "air_temperature"
        assert cube["cell_ids"].attrs == healpix_attributes(3).coordinate
        assert cube["crs"].attrs["grid_mapping_name"] == "healpix"
        assert 240 < float(cube["t"].mean()) < 270
        # In nested order the first base cells are the northern ones, and the next lie on the equator.
        assert float(cube["t"][0, 0, 4 * 64 : 8 * 64].mean()) > float(cube["t"][0, 0, : 4 * 64].mean())
    collection, item = item_of(platform, outcome)
    properties = item["properties"]
    assert item["id"] == "oper-fc-pl-h8-20240603t0000"
    keys = [properties[f"mars:{key}"] for key in ("class", "levtype", "date")]
    assert keys == ["od", "pl", "20240603"]
    assert properties["title"] == "Pressure levels, oper, fc, h8, from 2024-06-03 00:00"
    assert item["assets"]["cube"]["type"] == "application/vnd.zarr; version=3; profile=icechunk"
    address = f"/twins/zarr/{item['collection']}/{item['id']}"
    assert item["assets"]["data"]["href"].endswith(address)
    assert properties["cube:variables"]["t"]["attrs"]["mars:param"] == "130"
    assert properties["cube:dimensions"]["level"]["values"] == [500.0]
    assert properties["geoscope:versions"][0]["steps"] == 2
    assert collection["providers"][0]["name"].startswith("European Centre")


def test_fields_of_an_fdb_are_stored_as_those_of_a_file(platform, job, tmp_path):
    configuration = new_local_fdb(tmp_path / "fdb")
    with FdbArchive(configuration) as fdb:
        fdb.archive(write_grib(tmp_path / "days.grib2", days(1, 2, 3, 4)))
    request = f"fdb:{configuration}?class=d1,dataset=climate-dt,date=20200102/to/20200104"
    outcome = ingest(platform, job, request, collection="from-fdb")
    assert (outcome["stored"], outcome["set_aside_count"]) == (3, 0)
    with opened(platform, outcome) as cube:
        assert cube["2t"].values.tolist() == [(np.arange(CELLS) + day).tolist() for day in (2, 3, 4)]
    assert not list((platform.data_dir / "twins" / "from-fdb").iterdir())
    again = ingest(platform, job, request, collection="from-fdb")
    assert (again["stored"], again["duplicates"]) == (0, 3)
    with pytest.raises(InvalidInputError, match="no field that fits"):
        ingest(platform, job, f"fdb:{configuration}?class=d1,dataset=climate-dt,date=20300101")


def test_climate_dt_has_the_ids_of_the_data_lake(platform, job, tmp_path):
    path = write_grib(tmp_path / "one.grib2", days(1))
    outcome = ingest(platform, job, path, dry_run=True)
    assert outcome["repositories"][0]["collection"] == CLIMATE_COLLECTION
    assert outcome["repositories"][0]["item"] == "clte-sfc-high"
    assert outcome["stored"] == 0
    assert item_of(platform, outcome) == (None, None)


def test_every_real_file_goes_in(platform, job, earth_data, tmp_path):
    folder = tmp_path / "grib"
    folder.mkdir()
    for name in ("O32_global.grib2", "tuv_pl.grib", "test4_tz_pl_global.grib"):
        (folder / name).write_bytes((earth_data / "grib" / name).read_bytes())
    (folder / "notes.txt").write_text("no data")
    outcome = ingest(platform, job, folder, decoders=2)
    assert (outcome["stored"], outcome["set_aside_count"]) == (1 + 18 + 4, 0)
    assert outcome["ignored"] == [str(folder / "notes.txt")]
    items = {each["item"]: number for number, each in enumerate(outcome["repositories"])}
    with opened(platform, outcome, items["oper-an-ml-o32"]) as cube:
        assert cube.sizes["cells"] == 5248
        assert 150 < float(cube["t"].min()) < float(cube["t"].max()) < 330
    with opened(platform, outcome, items["oper-an-pl-360x181"]) as cube:
        assert float(cube["t"].sel(level=850, latitude=0, longitude=0).squeeze()) == pytest.approx(
            290, abs=10
        )


def test_netcdf_and_grib_of_the_same_data_hold_the_same_values(platform, job, earth_data, tmp_path):
    two_members(earth_data, tmp_path)
    keys = {"class": "ea", "stream": "enda", "type": "an", "number": "3", "expver": "0001"}
    grib = ingest(platform, job, tmp_path / "members.grib", collection="members-grib")
    number = next(n for n, each in enumerate(grib["repositories"]) if each["item"].endswith("-m3"))
    netcdf = ingest(platform, job, tmp_path / "members.nc", collection="members-netcdf")
    other = next(n for n, each in enumerate(netcdf["repositories"]) if each["item"].endswith("-m3"))
    assert len(grib["repositories"]) == len(netcdf["repositories"]) == 2
    assert keys["number"] == netcdf["repositories"][other]["keys"]["number"]
    with opened(platform, grib, number) as one, opened(platform, netcdf, other) as two:
        assert np.array_equal(one["t"].values, two["t"].sel(level=one["level"]).values)
        assert np.array_equal(one["latitude"], two["latitude"])


def two_members(earth_data, folder):
    """Take two of the ten members of real files: the bytes of GRIB, and NetCDF as it was packed."""
    source = earth_data / "grib" / "era5-levels-members.grib"
    whole = source.read_bytes()
    with (folder / "members.grib").open("wb") as file:
        for message in scan(io.BytesIO(whole)):
            # Octet 50 of section 1 of these messages of GRIB 1 is the member's number.
            if whole[message.offset + 8 + 49] in (3, 4):
                file.write(whole[message.offset : message.offset + message.length])
    with xr.open_dataset(earth_data / "netcdf" / "era5-levels-members.nc", engine="h5netcdf") as dataset:
        chosen = dataset.isel(number=slice(3, 5))
        for variable in chosen.variables.values():
            variable.encoding.pop("chunksizes", None)
        chosen.to_netcdf(folder / "members.nc", engine="h5netcdf")


def test_what_is_there_is_not_stored_again_and_other_values_are_conflicts(platform, job, tmp_path):
    path = write_grib(tmp_path / "first.grib2", days(1, 2, 2))
    wish = {"collection": "again"}
    first = ingest(platform, job, path, **wish)
    assert (first["stored"], first["duplicates"]) == (2, 1)
    before = len(versions(platform, first))

    again = ingest(platform, job, path, **wish)
    assert (again["stored"], again["duplicates"]) == (0, 3)
    assert again["repositories"][0]["present"] == 3
    assert len(versions(platform, first)) == before

    other = write_grib(tmp_path / "other.grib2", days(2, 3, offset=1))
    second = ingest(platform, job, other, **wish)
    assert (second["stored"], second["conflicts"], second["set_aside_count"]) == (1, 1, 1)
    (aside,) = second["set_aside"]
    assert (aside["file"], aside["offset"]) == (str(other), 0)
    with opened(platform, second) as cube:
        assert cube["2t"][:, 0].values.tolist() == pytest.approx([1, 2, 4], abs=0.01)

    replaced = ingest(platform, job, other, replace=True, **wish)
    assert (replaced["stored"], replaced["duplicates"], replaced["conflicts"]) == (1, 1, 0)
    with opened(platform, replaced) as cube:
        assert cube["2t"][:, 0].values.tolist() == pytest.approx([1, 3, 4], abs=0.01)


def test_steps_before_the_last_are_set_aside_and_late_variables_are_filled_in(platform, job, tmp_path):
    wish = {"collection": "late"}
    ingest(platform, job, write_grib(tmp_path / "a.grib2", days(2, 4)), **wish)
    wind = [climate(20200102, np.arange(CELLS), param=165)]
    late = ingest(platform, job, write_grib(tmp_path / "b.grib2", [*days(3), *wind]), **wish)
    assert (late["stored"], late["set_aside_count"]) == (1, 1)
    assert "before the last step" in late["set_aside"][0]["reason"]
    with opened(platform, late) as cube:
        assert np.isfinite(cube["10u"][0]).all()
        assert np.isnan(cube["10u"][1]).all()
    _, item = item_of(platform, late)
    assert set(item["properties"]["cube:variables"]) == {"2t", "10u"}


def test_broken_messages_are_named_and_the_rest_goes_in(platform, job, tmp_path):
    content = write_grib(tmp_path / "whole.grib2", days(1, 2, 3)).read_bytes()
    length = len(content) // 3
    path = tmp_path / "broken.grib2"
    path.write_bytes(content[: length + 100] + content[2 * length :] + b"\x01\x02\x03")
    outcome = ingest(platform, job, path, collection="broken")
    assert (outcome["stored"], outcome["set_aside_count"]) == (2, 2)
    where = [(each["offset"], each["length"]) for each in outcome["set_aside"]]
    assert where == [(length, 100), (2 * length + 100 - length + length, 3)] or where[0] == (length, 100)


def test_a_process_killed_while_it_decodes_costs_one_field_at_most(platform, job, earth_data, monkeypatch):
    from geoscope.twins.ingest import reading  # noqa: PLC0415

    true_decode, killed = reading.decode, []

    def kill_once(decoder, parcel, findings):
        for number, each in enumerate(true_decode(decoder, parcel, findings)):
            if number == 3 and not killed:
                killed.append(decoder.pid)
                os.kill(decoder.pid, signal.SIGKILL)
            yield each

    monkeypatch.setattr(reading, "decode", kill_once)
    outcome = ingest(
        platform, job, earth_data / "grib" / "era5-2mt-2019-03-uk.grib", collection="killed-once"
    )
    assert len(killed) == 1
    assert outcome["set_aside_count"] <= 1
    assert outcome["stored"] == 744 - outcome["set_aside_count"]


def test_lossy_storage_keeps_its_bound_and_says_it(platform, job, tmp_path):
    rng = np.random.default_rng(1)
    values = 280 + rng.normal(0, 20, CELLS)
    path = write_grib(tmp_path / "noise.grib2", [climate(20200101, values, bitsPerValue=24)])
    exact = ingest(platform, job, path, collection="exact")
    lossy = ingest(platform, job, path, collection="lossy", max_error={"2t": 0.1})
    with opened(platform, exact) as one, opened(platform, lossy) as two:
        difference = np.abs(one["2t"].values - two["2t"].values).max()
        assert 0.01 < difference <= 0.1
        assert two["2t"].attrs["geoscope:max_error"] == 0.1
    _, item = item_of(platform, lossy)
    assert item["properties"]["cube:variables"]["2t"]["attrs"]["geoscope:max_error"] == 0.1
    assert ingest(platform, job, path, collection="lossy", max_error={"2t": 0.1})["duplicates"] == 1


def test_closed_data_lies_in_the_closed_bucket_and_stays_closed(platform, job, tmp_path):
    path = write_grib(tmp_path / "one.grib2", days(1))
    outcome = ingest(platform, job, path, collection="closed-twin", policy="registered")
    assert outcome["repositories"][0]["address"] == "s3://twins/closed-twin/clte-sfc-high"
    base = platform.internal.data_apis_url
    access = httpx.get(f"{base}/stac/collections/closed-twin/access", trust_env=False).json()
    assert (access["policy"], access["granted"]) == ("registered", False)
    more = ingest(platform, job, write_grib(tmp_path / "two.grib2", days(2)), collection="closed-twin")
    assert more["repositories"][0]["address"].startswith("s3://twins/")

    ingest(platform, job, path, collection="open-twin")
    outcome = ingest(platform, job, path, collection="open-twin-2", policy="public")
    assert outcome["repositories"][0]["address"].startswith("s3://public-twins/")
    with pytest.raises(Exception, match="everybody may read"):
        ingest(platform, job, path, collection="open-twin", policy="registered")


def test_hostile_words_in_files_make_harmless_names(platform, job, tmp_path):
    times = xr.date_range("2020-01-01", periods=2, use_cftime=False)
    attributes = {
        "units": "K",
        "mars:stream": "../../etc",
        "mars:model": "a/b\x00c" * 50,
        "mars:class": "..",
        "GRIB_shortName": "../levels",
    }
    axes = {
        "time": times,
        "latitude": ("latitude", [10.0, 0.0], {"units": "degrees_north"}),
        "longitude": ("longitude", [0.0, 5.0], {"units": "degrees_east"}),
    }
    values = np.ones((2, 2, 2), np.float32)
    attributes["mars:model"] = attributes["mars:model"].replace("\x00", "\n")
    dataset = xr.Dataset({"x": (("time", "latitude", "longitude"), values, attributes)}, axes)
    dataset.to_netcdf(tmp_path / "hostile.nc", engine="h5netcdf")
    outcome = ingest(platform, job, tmp_path / "hostile.nc")
    about = outcome["repositories"][0]
    assert outcome["stored"] == 2
    assert ".." not in about["address"]
    assert about["address"].count("/") == 4
    assert "\n" not in about["address"]
    assert about["variables"] == ["levels_"]


def test_objects_of_a_bucket_are_read_as_well(platform, job, earth_data, tmp_path):
    bucket = open_bucket(platform, "archive", read_s3_keys(platform, "jobs"))
    bucket.put("in/one.grib2", (earth_data / "grib" / "tuv_pl.grib").read_bytes())
    bucket.put("in/two.grib2", write_grib(tmp_path / "two.grib2", days(1)).read_bytes())
    bucket.put("in/readme.md", b"words")
    dataset = xr.open_dataset(earth_data / "netcdf" / "iris" / "ostia_monthly.nc", engine="h5netcdf")
    dataset[["surface_temperature"]].isel(time=slice(3)).load().to_zarr(
        tmp_path / "ostia.zarr", zarr_format=3, consolidated=False
    )
    for file in sorted((tmp_path / "ostia.zarr").rglob("*")):
        if file.is_file():
            bucket.put(f"in/ostia.zarr/{file.relative_to(tmp_path / 'ostia.zarr')}", file.read_bytes())
    outcome = ingest(platform, job, "s3://archive/in", collection="from-objects", decoders=2)
    assert (outcome["stored"], outcome["set_aside_count"]) == (18 + 1 + 3, 0)
    assert outcome["ignored"] == ["s3://archive/in/readme.md"]
    with pytest.raises(InvalidInputError, match="no object"):
        ingest(platform, job, "s3://archive/elsewhere")


def test_only_administrators_name_files_of_the_machine_or_others_buckets(environment, job, tmp_path):
    job.owner = "ada"
    for source in (str(tmp_path), "s3://home-bob/x", "s3://twins/x", "s3://collections/bob"):
        with pytest.raises(NotAllowedError, match=r"may not ingest|for administrators"):
            INGEST_TWIN_OBJECTS.run(job, {"sources": [source]})


def test_wishes_that_make_no_sense_are_refused(platform, job, tmp_path):
    path = write_grib(tmp_path / "one.grib2", days(1))
    with pytest.raises(InvalidInputError, match="no file or folder"):
        ingest(platform, job, tmp_path / "nothing.grib")
    with pytest.raises(InvalidInputError, match="cannot be set"):
        ingest(platform, job, path, keys={"stream": "../x"})
    empty = tmp_path / "empty.grib2"
    empty.write_bytes(b"")
    with pytest.raises(InvalidInputError, match="no field"):
        ingest(platform, job, empty)


@pytest.fixture
def start_worker(platform, environment):
    started = []

    def start():
        with (platform.data_dir / "logs" / "job-worker.log").open("ab") as log:
            command = [sys.executable, "-m", "geoscope.workflows.worker"]
            started.append(subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def jobs(platform, environment):
    token = issue_token(platform, "administrator", frozenset({"administrator"}))
    with TestClient(workflows.create_application(), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def watch(jobs, address, condition, timeout_s=200):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = jobs.get(address).json()
        if condition(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"The job did not come that far: {found}")


def many_days(folder):
    """Files of DAYS days; batches are made small where this is used."""
    for start in range(1, DAYS + 1, 5):
        write_grib(folder / f"{start:02}.grib2", days(*range(start, start + 5)))


def test_killed_in_the_middle_it_goes_on_and_no_field_is_lost_or_doubled(
    platform, jobs, start_worker, tmp_path, monkeypatch
):
    monkeypatch.setenv("GEOSCOPE_TWINS__BATCH_BYTES", str(2 * CELLS * 4))
    many_days(tmp_path)
    inputs = {"sources": [str(tmp_path)], "collection": "survivor"}
    asked = jobs.post("/processes/ingest-twin/execution", json={"inputs": inputs})
    assert asked.status_code == 201, asked.text
    address = asked.headers["location"]
    first = start_worker()
    reached = watch(jobs, address, lambda job: job["progress"] >= 30)
    assert reached["status"] == "running"
    first.kill()
    first.wait()
    start_worker()
    ended = watch(jobs, address, lambda job: job["status"] not in ("accepted", "running"))
    assert ended["status"] == "successful", ended
    outcome = jobs.get(f"{address}/results").json()
    assert outcome["stored"] + outcome["duplicates"] == DAYS
    with opened(platform, outcome) as cube:
        assert cube.sizes["time"] == DAYS
        assert cube["2t"][:, 0].values.tolist() == pytest.approx(list(range(1, DAYS + 1)), abs=0.01)
    _, item = item_of(platform, outcome)
    assert item["properties"]["geoscope:versions"][0]["id"] == versions(platform, outcome)[0].id


def test_a_dismissed_ingest_leaves_whole_commits(platform, jobs, start_worker, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSCOPE_TWINS__BATCH_BYTES", str(2 * CELLS * 4))
    many_days(tmp_path)
    inputs = {"sources": [str(tmp_path)], "collection": "dismissed"}
    address = jobs.post("/processes/ingest-twin/execution", json={"inputs": inputs}).headers["location"]
    start_worker()
    watch(jobs, address, lambda job: job["progress"] >= 20)
    assert jobs.delete(address).json()["status"] == "dismissed"
    again = jobs.post("/processes/ingest-twin/execution", json={"inputs": inputs}).headers["location"]
    ended = watch(jobs, again, lambda job: job["status"] not in ("accepted", "running"))
    assert ended["status"] == "successful", ended
    outcome = jobs.get(f"{again}/results").json()
    assert outcome["duplicates"] > 0
    with opened(platform, outcome) as cube:
        assert cube["2t"][:, 0].values.tolist() == pytest.approx(list(range(1, DAYS + 1)), abs=0.01)


def expire(platform, job, **wish):
    return Expiry(platform, ExpiryWish(**wish)).run(job)


def listed(platform, outcome):
    _, item = item_of(platform, outcome)
    return [each["id"] for each in item["properties"]["geoscope:versions"]]


def test_old_versions_are_forgotten_freed_and_no_longer_listed(platform, job, tmp_path, monkeypatch):
    path = write_grib(tmp_path / "some.grib2", days(1, 2))
    first = ingest(platform, job, path, collection="expiring")
    write_grib(path, days(1, 2, offset=7.0))
    outcome = ingest(platform, job, path, collection="expiring", replace=True)
    _, before = item_of(platform, outcome)
    twin = f"expiring/{before['id']}"
    assert len(listed(platform, outcome)) > 1
    whole = expire(platform, job)
    assert (whole["versions"], whole["problems"]) == (0, [])
    assert item_of(platform, outcome)[1]["properties"] == before["properties"]
    # A month later; what was stored today is old then.
    monkeypatch.setattr(expiring, "utc_now", lambda: datetime.now(UTC) + timedelta(days=31))
    monkeypatch.setattr(history, "SPARED", timedelta(0))
    freed = expire(platform, job, twin=twin)
    assert freed["twins"] == 1
    assert freed["versions"] >= len(before["properties"]["geoscope:versions"]) - 1
    assert freed["bytes"] > 1000
    _, after = item_of(platform, outcome)
    newest = before["properties"]["geoscope:versions"][0]["id"]
    assert listed(platform, outcome) == [newest] == [each.id for each in versions(platform, outcome)]
    assert after["properties"]["updated"] > before["properties"]["updated"]
    changed = {"geoscope:versions", "updated"}
    assert {k: v for k, v in after["properties"].items() if k not in changed} == {
        k: v for k, v in before["properties"].items() if k not in changed
    }
    place = Place.parse(outcome["repositories"][0]["address"])
    storage = icechunk_storage(platform, place, read_s3_keys(platform, "data-apis"))
    with pytest.raises(NotFoundError, match="no such version"):
        open_version(storage, first["repositories"][0]["version"])
    with opened(platform, outcome) as cube:
        assert cube["2t"].values[:, 0].tolist() == [8.0, 9.0]


def test_an_item_is_brought_up_to_date_after_one_who_was_killed(platform, job, tmp_path):
    outcome = ingest(platform, job, write_grib(tmp_path / "two.grib2", days(1, 2)), collection="behind")
    place = Place.parse(outcome["repositories"][0]["address"])
    storage = icechunk_storage(platform, place, read_s3_keys(platform, "jobs"))
    # The cube was written, or expired, and the catalogue does not know.
    cube = GrowingCube.open(storage)
    changed = FieldOfCube("2t", cube.times[0], None, np.zeros(cube.grid.shape, np.float32))
    cube.write([changed], message="then killed", replace=True)
    history.expire(storage, datetime.now(UTC))
    present = [each.id for each in cube.versions()]
    assert listed(platform, outcome) != present
    twin = f"behind/{outcome['repositories'][0]['item']}"
    assert expire(platform, job, twin=twin)["versions"] == 0
    assert listed(platform, outcome) == present


def test_only_twins_of_this_platform_are_expired_and_only_by_administrators(platform, jobs, job):
    with pytest.raises(NotFoundError, match="no twin nothing/there"):
        expire(platform, job, twin="nothing/there")
    versions = [{"id": "X", "when": "2020-01-01T00:00:00+00:00", "message": "", "steps": 1}]
    for address, is_own in (("s3://twins/c/i", True), ("s3://home-ada/c/i", False), ("s3://twins", False)):
        item = {
            "properties": {"geoscope:versions": versions},
            "assets": {"cube": {"href": address}},
        }
        assert (expiring._own_place(item) is not None) == is_own
    path = "/processes/expire-twin-versions/execution"
    editor = issue_token(platform, "ada", frozenset({"twin-editor"}))
    asked = jobs.post(path, json={"inputs": {}}, headers={"Authorization": f"Bearer {editor}"})
    assert asked.status_code == 403
    with pytest.raises(InvalidInputError, match="older_than_days"):
        EXPIRE_TWIN_VERSIONS.run(job, {"older_than_days": 0.5})


def test_the_service_asks_for_it_by_itself(jobs, monkeypatch):
    port = free_ports(("workflows",))["workflows"]
    server = uvicorn.Server(uvicorn.Config(workflows.create_application(), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    monkeypatch.setenv("GEOSCOPE_INTERNAL__DATA_APIS_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(recurring, "FIRST_AFTER_S", 0.5)
    current_settings.cache_clear()
    try:
        while not server.started:
            time.sleep(0.05)
        with TestClient(twins_api.create_application()):
            asked = watch(jobs, "/jobs", lambda found: any(map(is_expiry, found["jobs"])), 60)
        assert next(filter(is_expiry, asked["jobs"]))["status"] == "accepted"
    finally:
        server.should_exit = True
        thread.join(20)


def is_expiry(job):
    return job["processID"] == "expire-twin-versions"
