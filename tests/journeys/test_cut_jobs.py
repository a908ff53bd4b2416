"""A cut that runs as a job on the running platform: asked for, killed, gone on with, downloaded."""

import io
import os
import signal

import httpx
import pandas as pd
import pytest
import xarray as xr
from zarr.storage import ZipStore

from geoscope.access import issue_token
from running import until

COLLECTION = "/edr/collections/uk-met-office-scenarios"
QUERY = {"bbox": "-130,20,-60,60"}


@pytest.fixture
def karl(platform):
    """Somebody who has signed in, and nothing more."""
    token = issue_token(platform.settings, "karl")
    with httpx.Client(
        base_url=platform.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        yield client


def submit(client, **parameters):
    estimate = client.get(f"{COLLECTION}/cube", params=QUERY | parameters | {"estimate": "true"}).json()
    answer = client.post(estimate["job"]["href"], json=estimate["job"]["body"])
    assert answer.status_code == 201, answer.text
    return answer.json()["jobID"]


def result(client, job):
    state = until(
        lambda: (
            (found := client.get(f"/jobs/{job}").json())["status"] not in ("accepted", "running") and found
        ),
        120,
        "the end of the job",
    )
    assert state["status"] == "successful", state
    return client.get(f"/jobs/{job}/results").json()


def test_job_gives_the_same_as_the_query_at_an_address_that_needs_no_token(platform, karl):
    done = result(karl, submit(karl, f="CSV"))
    whole = httpx.get(done["href"])
    assert whole.headers["content-type"] == done["type"] == "text/csv; charset=utf-8"
    assert len(whole.content) == done["bytes"]
    assert whole.content == karl.get(f"{COLLECTION}/cube", params=QUERY | {"f": "CSV"}).content
    assert len(pd.read_csv(io.BytesIO(whole.content))) == done["values"]
    part = httpx.get(done["href"], headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"instance")


def test_job_goes_on_when_the_worker_was_killed(platform, karl, tmp_path):
    job = submit(karl, f="Zarr")
    os.kill(platform.pid("job-worker"), signal.SIGKILL)
    file = tmp_path / "cut.zarr.zip"
    file.write_bytes(httpx.get(result(karl, job)["href"]).content)
    with ZipStore(file, mode="r") as store, xr.open_zarr(store, group="e1") as found:
        assert found["air_temperature"].shape[0] == 240
        assert float(found["air_temperature"].mean()) > 200


def test_strangers_get_no_job_and_a_wrong_query_fails_with_its_reason(platform, karl):
    inputs = {"collection": "uk-met-office-scenarios", "query": "cube", "parameters": {"bbox": "north"}}
    href = f"{platform.url}/processes/cut/execution"
    assert httpx.post(href, json={"inputs": inputs}).status_code == 401
    job = karl.post(href, json={"inputs": inputs}).json()["jobID"]
    state = until(
        lambda: (found := karl.get(f"/jobs/{job}").json())["status"] == "failed" and found, 60, "the failure"
    )
    assert "Expected 4 numbers" in state["message"]
