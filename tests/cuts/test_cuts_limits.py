"""What is too large is refused with an estimate and a job; what is large is streamed, and can be ended."""

import asyncio
import json
import threading
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from zarr.storage import LocalStore

from geoscope.cubes.cube import Cube
from geoscope.cuts import answers, table
from geoscope.cuts.cutting import plan_cuts
from geoscope.cuts.estimates import Pace, estimate
from geoscope.cuts.forms import Form
from geoscope.cuts.parameters import Kind
from geoscope.cuts.queries import read_question
from geoscope.errors import UnavailableError
from geoscope.settings import current_settings
from running import until

ONE = "/edr/collections/closed-form/instances/one"
EVERYWHERE = {"bbox": "-180,-90,180,90"}


@pytest.fixture
def limits(monkeypatch):
    monkeypatch.setenv("GEOSCOPE_CUTS__MAX_VALUES", "1000")
    monkeypatch.setenv("GEOSCOPE_CUTS__MAX_JOB_VALUES", "100000")
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


@pytest.fixture
def cube(level_cubes):
    return asyncio.run(Cube.open(LocalStore(level_cubes[0] / "closed-form" / "one.zarr", read_only=True)))


def everything(cube, form=Form.CSV, **given):
    return plan_cuts("one", cube, read_question(Kind.CUBE, EVERYWHERE | {"f": form.value} | given))


@pytest.mark.usefixtures("limits")
def test_too_large_a_cut_is_refused_with_an_estimate_and_the_request_of_a_job(level_client):
    given = {"coords": "POLYGON((0 0,30 0,30 30,0 30,0 0))", "z": "850", "f": "NetCDF4"}
    answer = level_client.get(f"{ONE}/area", params=given)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (413, 413)
    assert problem["estimate"]["values"] == 10 * 10 * 400
    assert problem["job"]["href"].endswith("/processes/cut/execution")
    assert problem["job"]["body"]["inputs"] == {
        "collection": "closed-form",
        "instance": "one",
        "query": "area",
        "parameters": given,
    }
    beyond = level_client.get(f"{ONE}/cube", params=EVERYWHERE).json()
    assert "job" not in beyond
    assert "A job may have 100,000" in beyond["detail"]


@pytest.mark.usefixtures("limits")
def test_estimate_is_answered_before_anything_is_read(level_client):
    answer = level_client.get(f"{ONE}/cube", params=EVERYWHERE | {"estimate": "true", "f": "CSV"}).json()
    assert answer["estimate"]["values"] == 60 * 120 * 400 * 5
    assert answer["allowed"] is False
    assert "job" not in answer
    small = level_client.get(
        f"{ONE}/position", params={"coords": "POINT(1 1)", "z": "850", "estimate": "true"}
    ).json()
    assert (small["allowed"], small["estimate"]["values"]) == (True, 400)


def test_estimate_counts_the_bytes_of_the_chunks_that_are_read(cube):
    one = plan_cuts(
        "one", cube, read_question(Kind.POSITION, {"coords": "POINT(1 1)", "parameter-name": "ta"})
    )
    array = cube._readers["ta"]._array
    steps, levels = -(-array.shape[0] // array.chunks[0]), array.shape[1]
    assert one[0].bytes_to_read == np.prod(array.chunks) * 4 * steps * levels
    whole = everything(cube)
    assert sum(cut.bytes_to_read for cut in whole) >= sum(cut.value_count for cut in whole) * 4


@pytest.mark.parametrize("form", list(Form))
def test_estimated_size_is_about_the_real_one(cube, form):
    cuts = everything(cube, form, datetime="2020-01-01/2020-01-03")

    async def size():
        return sum([len(piece) async for piece in answers.pieces_of(cuts, form, "title")])

    ratio = estimate(cuts, form).answer_bytes / asyncio.run(size())
    assert ratio > 0.5
    # The numbers of the closed form compress far better than any measurement.
    assert ratio < 2 or form not in (Form.CSV, Form.COVERAGE_JSON)


def test_pace_is_learnt_from_large_cuts_only(cube):
    pace = Pace()
    before = pace.bytes_per_second
    pace.learn(
        plan_cuts("one", cube, read_question(Kind.POSITION, {"coords": "POINT(1 1)", "z": "850"})), 0.0
    )
    assert pace.bytes_per_second == before
    pace.learn(everything(cube), 0.0)
    assert pace.bytes_per_second < before


@pytest.mark.parametrize("form", list(Form))
def test_memory_does_not_grow_with_the_answer(cube, form, monkeypatch):
    """Eight times as many steps take far less than eight times the memory: chunks, not the answer."""
    monkeypatch.setattr("geoscope.cuts.cutting.BLOCK_VALUES", 20_000)
    monkeypatch.setattr("geoscope.cuts.netcdf.CHUNK_VALUES", 20_000)
    monkeypatch.setattr("geoscope.cuts.zarr_archive.CHUNK_VALUES", 20_000)
    monkeypatch.setattr("geoscope.cubes.reading.MOST_KEPT_VALUES", 0)
    monkeypatch.setattr(answers, "MOST_IN_MEMORY", 0)

    async def consume(cuts):
        async for piece in await answers.begun(answers.pieces_of(cuts, form, "title"), cuts):
            assert len(piece) < 40 * 1024**2

    def peak(datetime):
        cuts = everything(cube, form, datetime=datetime, bbox="0,0,45,45")
        tracemalloc.start()
        asyncio.run(consume(cuts))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak("2020-01-01")
    # How many chunks are decoded side by side is chance: the most of several runs counts.
    few = max(peak("2020-01-01/2020-02-19") for _ in range(3))
    many = peak("2020-01-01/2021-02-03")
    assert many < 3 * few


def test_rows_of_more_places_than_are_kept_are_the_same(cube):
    cut, *_ = everything(cube, bbox="0,0,45,45")
    place = np.array([5, 0, 224, 5])
    for make in (table._coordinates, table._points):
        kept, made = (table.OfPlaces(cut, make, at_once).take(place) for at_once in (1000, 10))
        assert kept.equals(made)
        assert kept[0] != kept[1]


def test_error_before_the_first_byte_is_a_problem_document(level_client, monkeypatch):
    async def fails(*_):
        raise UnavailableError("The store is away.")

    monkeypatch.setattr(Cube, "read", fails)
    for form in Form:
        answer = level_client.get(f"{ONE}/position", params={"coords": "POINT(1 1)", "f": form.value})
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize("form", [Form.NETCDF, Form.PARQUET])
def test_full_disk_is_a_problem_document_too(level_client, form, monkeypatch, small_disk):
    monkeypatch.setattr(answers, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(answers.tempfile, "tempdir", str(small_disk("size=16k")))
    box = {"bbox": "0,0,45,45", "f": form.value}
    answer = level_client.get(f"{ONE}/cube", params=box)
    assert (answer.status_code, "no room" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize("form", list(Form))
def test_reading_ends_when_nobody_wants_the_answer_any_more(cube, form, monkeypatch, tmp_path):
    monkeypatch.setattr("geoscope.cuts.cutting.BLOCK_VALUES", 50_000)
    monkeypatch.setattr(answers.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(answers, "MOST_IN_MEMORY", 0)
    reads = []
    read = Cube.read

    async def counted(self, *arguments):
        reads.append(arguments)
        return await read(self, *arguments)

    monkeypatch.setattr(Cube, "read", counted)

    async def go_away():
        body = await answers.begun(
            answers.pieces_of(everything(cube, form, bbox="0,0,45,45"), form, "title"), []
        )
        await anext(body)
        await body.aclose()
        seen = len(reads)
        await asyncio.sleep(0.05)
        return len(reads) - seen

    assert asyncio.run(go_away()) == 0
    assert not list(tmp_path.iterdir())


def test_parquet_is_closed_only_when_its_rows_are_written_however_often_it_is_cancelled(
    cube, monkeypatch, tmp_path
):
    """pyarrow ends the process by a signal when a writer is closed at work."""
    at_work, go_on, done = threading.Event(), threading.Event(), []

    class Watched(pa.parquet.ParquetWriter):
        def write_table(self, *arguments):
            at_work.set()
            go_on.wait(20)
            super().write_table(*arguments)
            done.append("written")

        def close(self):
            super().close()
            done.append("closed")

    monkeypatch.setattr(pa.parquet, "ParquetWriter", Watched)

    async def leave():
        writing = asyncio.create_task(table.write_parquet(everything(cube), tmp_path / "answer"))
        await asyncio.to_thread(at_work.wait, 20)
        for _ in range(5):  # as anyio does it
            writing.cancel()
            await asyncio.sleep(0)
        assert writing.done()
        go_on.set()

    asyncio.run(leave())
    until(lambda: len(done) == 2)
    assert done == ["written", "closed"]


def test_answer_ends_in_time_although_a_name_is_hostile(level_client):
    answer = level_client.get(
        f"{ONE}/position", params={"coords": "POINT(1 1)", "parameter-name": "x" * 5000}
    )
    assert answer.status_code == 400
    assert len(answer.content) < 2000
    assert json.loads(answer.content)
