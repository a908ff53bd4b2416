"""`geoscope publish` and `geoscope unpublish`, as a person runs them."""

import json
import os
import signal
import subprocess
import sys
import time

import obstore
import pytest
from published_files import write_cog, write_netcdf

from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys


@pytest.fixture
def command(served):
    """Make the command line of a program, as the administrator or with somebody's token."""

    def make(*words, token=None):
        own = token or issue_token(served, "administrator", frozenset({ADMINISTRATOR}))
        options = ["--url", served.internal.data_apis_url, "--token", own]
        return [sys.executable, "-m", "geoscope", *map(str, words), *options]

    return make


@pytest.fixture
def run(command):
    def run(*words, token=None):
        return subprocess.run(
            command(*words, token=token), capture_output=True, text=True, timeout=200, check=False
        )

    return run


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "tiber floods"
    (folder / "2024" / "03").mkdir(parents=True)
    write_cog(folder / "2024" / "03" / "flood.tif", shape=(200, 200))
    (folder / "words.tif").write_text("only words")
    (folder / ".hidden.tif").write_text("not for others")
    (folder / "link.tif").symlink_to("/etc/passwd")
    return folder


def test_a_folder_is_published_again_and_removed(run, files, administrator):
    preview = run("publish", files, "--dry-run")
    assert preview.returncode == 0, preview.stderr
    assert "1 items would be published" in preview.stderr
    first = run("publish", files, "--title", "Floods", "--visibility", "public")
    assert first.returncode == 0, first.stderr
    assert "1 items published" in first.stderr
    assert "words.tif: It cannot be read as geotiff" in first.stderr
    assert "/vsi" not in first.stderr
    collection = administrator.get("/stac/collections/tiber-floods").json()
    assert collection["title"] == "Floods"
    uploaded = administrator.get("/stac/publishing/uploads/tiber-floods").json()["files"]
    assert [each["path"] for each in uploaded] == ["2024/03/flood.tif", "words.tif"]

    (files / "words.tif").unlink()
    again = run("publish", files, "--prune", "--json")
    assert "0 files sent, 1 were there already, 1 removed" in again.stderr
    outcome = json.loads(again.stdout)
    assert (outcome["published"], outcome["unchanged"], outcome["set_aside"]) == (0, 1, [])
    removed = run("unpublish", "tiber-floods")
    assert removed.returncode == 0, removed.stderr
    assert administrator.get("/stac/collections/tiber-floods").status_code == 404


def test_a_folder_of_ones_own_bucket_stays_where_it_is(run, served, administrator, tmp_path):
    bucket = open_bucket(served, "home-administrator", read_s3_keys(served, "administrator"))
    path = write_netcdf(tmp_path / "waves.nc")
    obstore.put(bucket, "work/2024/waves.nc", path)
    done = run("publish", "s3://home-administrator/work", "--id", "my-work", "--visibility", "entity:ecmwf")
    assert done.returncode == 0, done.stderr
    assert administrator.get("/stac/collections/my-work/sharing").json()["visibility"] == "entity"
    item = administrator.get("/stac/collections/my-work/items").json()["features"][0]
    assert item["assets"]["data"]["alternate"]["s3"]["href"] == "s3://home-administrator/work/2024/waves.nc"
    assert administrator.get(item["assets"]["data"]["href"]).content == path.read_bytes()
    assert run("unpublish", "my-work").returncode == 0
    assert bytes(obstore.get(bucket, "work/2024/waves.nc").bytes()) == path.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", "/nowhere"), "There is no file or folder /nowhere"),
        (("publish", "s3://archive", "--id", "my-archive"), "You may not publish from s3://archive"),
        (("publish", "s3://home-administrator/empty", "--id", "my-empty"), "no file that can be published"),
        (("publish", "s3://demo", "--id", "x y"), "collection"),
        (("publish", ".", "--id", "my-own", "--visibility", "secret"), "private, entity:ID or public"),
    ],
)
def test_mistakes_are_told_in_words(run, words, said):
    done = run(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stranger_may_not_publish(run, served, files):
    done = run("publish", files, "--id", "my-own", token=issue_token(served, "nobody"))
    assert done.returncode == 1
    assert "collection-publisher" in done.stderr
    assert "not valid" in run("publish", files, "--id", "my-own", token="forged").stderr


def test_ctrl_c_cancels_and_the_next_run_goes_on(command, run, administrator, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for day in range(1, 26):
        write_cog(folder / f"a_202403{day:02d}.tif", shape=(60, 60))
    process = subprocess.Popen(command("publish", folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    jobs = []
    while not jobs:
        time.sleep(0.05)
        jobs = administrator.get("/jobs", params={"status": ["accepted", "running"]}).json()["jobs"]
        jobs = [job for job in jobs if job["message"].startswith("Reading")]
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    deadline = time.monotonic() + 60
    while administrator.get(f"/jobs/{jobs[0]['jobID']}").json()["status"] != "dismissed":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert administrator.get("/stac/collections/many").status_code == 404
    done = run("publish", folder)
    assert "0 files sent, 25 were there already" in done.stderr
    assert "25 items published" in done.stderr
    assert run("unpublish", "many").returncode == 0
