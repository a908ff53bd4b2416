"""Fields go into a real FDB and come out of it as they were."""

import os
import signal
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geoscope.cli.twins_fdb import application
from geoscope.errors import InvalidInputError, UnavailableError
from geoscope.twins.fdb.archive import FdbArchive, new_local_fdb
from geoscope.twins.fdb.requests import read_request
from twin_files import encode_climate_twin

TWIN = {"class": "d1", "dataset": "climate-dt"}


def messages_of(file):
    """Split a GRIB file by the lengths that its messages tell; MARS fills up between them with zeros."""
    data, found = Path(file).read_bytes(), []
    while data := data.lstrip(b"\0"):
        assert data[:4] == b"GRIB"
        length = int.from_bytes(data[8:16]) if data[7] == 2 else int.from_bytes(data[4:7])
        found.append(data[:length])
        data = data[length:]
    return found


@pytest.fixture(scope="session")
def twin_file(tmp_path_factory):
    """Ten days of 2 m temperature on HEALPix, with the keys of the climate twin."""
    file = tmp_path_factory.mktemp("grib") / "twin.grib2"
    encode_climate_twin(file, [f"202001{day:02}" for day in range(1, 11)], parameters=((167, "2t"),))
    return file


@pytest.fixture
def configuration(tmp_path):
    return new_local_fdb(tmp_path / "fdb")


@pytest.fixture
def fdb(configuration):
    with FdbArchive(configuration) as fdb:
        yield fdb


def test_fields_of_a_twin_come_out_as_they_went_in(fdb, twin_file, tmp_path):
    done = fdb.archive(twin_file)
    assert (done.fields, done.refused) == (10, 0)
    listed = list(fdb.list(TWIN))
    assert {field.keys["date"] for field in listed} == {f"202001{day:02}" for day in range(1, 11)}
    assert listed[0].keys["experiment"] == "ssp3-7.0"
    told = []
    copied = fdb.retrieve(TWIN, tmp_path / "out.grib2", lambda *progress: told.append(progress))
    assert sorted(messages_of(tmp_path / "out.grib2")) == sorted(messages_of(twin_file))
    assert copied == (10, twin_file.stat().st_size) == told[-1]
    assert len(told) == 10


@pytest.mark.parametrize("name", ["healpix_H8_ring_pl.grib2", "era5-levels-members.grib", "O32_global.grib2"])
def test_real_fields_come_out_as_they_went_in(fdb, earth_data, tmp_path, name):
    source = earth_data / "grib" / name
    done = fdb.archive(source)
    assert (done.fields, done.refused) == (len(messages_of(source)), 0)
    classes = {"healpix_H8_ring_pl.grib2": "od", "era5-levels-members.grib": "ea", "O32_global.grib2": "od"}
    fdb.retrieve({"class": classes[name]}, tmp_path / "out.grib")
    assert sorted(messages_of(tmp_path / "out.grib")) == sorted(messages_of(source))


@pytest.mark.parametrize(
    "dates", ["20200103/to/20200105", "20200103/20200104/20200105", ["20200103", "20200104", "20200105"]]
)
def test_ranges_and_lists_select(fdb, twin_file, tmp_path, dates):
    fdb.archive(twin_file)
    assert fdb.retrieve(TWIN | {"date": dates}, tmp_path / "out.grib2").fields == 3
    assert sorted(messages_of(tmp_path / "out.grib2")) == sorted(messages_of(twin_file)[2:5])


def test_the_same_keys_again_take_the_older_ones_place(fdb, twin_file, tmp_path):
    fdb.archive(twin_file)
    fdb.archive(twin_file)
    assert len(list(fdb.list(TWIN))) == 10


def test_another_process_sees_what_was_archived(configuration, twin_file):
    with FdbArchive(configuration) as writer:
        writer.archive(twin_file)
        with FdbArchive(configuration) as reader:
            assert len(list(reader.list(TWIN))) == 10


def test_a_message_that_does_not_fit_the_schema_is_told_by_its_place(tmp_path, twin_file):
    configuration = new_local_fdb(tmp_path / "fdb")
    schema = tmp_path / "fdb" / "schema"
    text = schema.read_text()
    schema.write_text(
        text[: text.index("# Everything else")].replace("dataset=climate-dt", "dataset=another")
    )
    with FdbArchive(configuration) as fdb:
        done = fdb.archive(twin_file)
        assert (done.fields, done.refused) == (0, 10)
        first = messages_of(twin_file)[0]
        assert [refusal.offset for refusal in done.refusals[:2]] == [0, len(first)]
        assert "rule" in done.refusals[0].reason.lower() or "schema" in done.refusals[0].reason.lower()


def test_what_fdb_refuses_is_told_and_it_goes_on(fdb, twin_file, tmp_path):
    with pytest.raises(InvalidInputError, match="names nothing"):
        fdb.retrieve({}, tmp_path / "out.grib2")
    fdb.archive(twin_file)
    with pytest.raises(InvalidInputError, match="FDB says"):
        fdb.retrieve(TWIN | {"date": "no date"}, tmp_path / "out.grib2")
    assert not (tmp_path / "out.grib2").exists()
    with pytest.raises(InvalidInputError, match="FDB says"):
        fdb.archive(tmp_path / "missing.grib")
    assert len(list(fdb.list(TWIN))) == 10


def test_a_killed_process_leaves_no_half_of_a_file(configuration, twin_file, tmp_path):
    fdb = FdbArchive(configuration)
    fdb.archive(twin_file)
    many = tmp_path / "many.grib2"
    many.write_bytes(twin_file.read_bytes() * 300)

    def kill(*_progress):
        os.kill(fdb._worker.pid, signal.SIGKILL)

    def archive_many_while_it_is_killed():
        threading.Timer(0.05, kill).start()
        fdb.archive(many)

    with pytest.raises(UnavailableError, match="ended with -9"):
        archive_many_while_it_is_killed()
    fdb.close(in_order=False)
    with FdbArchive(configuration) as again:
        assert again.retrieve(TWIN, tmp_path / "again.grib2").fields == 10
        assert sorted(messages_of(tmp_path / "again.grib2")) == sorted(messages_of(twin_file))


def test_a_copy_that_is_given_up_leaves_no_file(configuration, twin_file, tmp_path):
    class GivenUpError(Exception):
        pass

    def give_up(fields, _size):
        raise GivenUpError

    fdb = FdbArchive(configuration)
    fdb.archive(twin_file)
    with pytest.raises(GivenUpError):
        fdb.retrieve(TWIN, tmp_path / "out.grib2", give_up)
    assert not (tmp_path / "out.grib2").exists()
    assert fdb._worker.wait(timeout=10) is not None
    fdb.close(in_order=False)


def test_command_line(tmp_path, twin_file):
    run = CliRunner().invoke
    made = run(application, ["new", str(tmp_path / "fdb")])
    config = ["--config", made.output.strip()]
    assert "10 archived" in run(application, ["archive", str(twin_file), *config]).output
    shown = run(
        application, ["list", "class=d1,dataset=climate-dt,date=20200101/to/20200104", *config]
    ).output
    assert "20200101, 20200102, 20200103, 20200104" in shown
    assert "4 fields" in shown
    out = tmp_path / "out.grib2"
    assert run(application, ["retrieve", "class=d1,dataset=climate-dt", str(out), *config]).exit_code == 0
    assert sorted(messages_of(out)) == sorted(messages_of(twin_file))


def test_requests_are_read_as_fdbs_own_tools_do():
    assert read_request("class=d1, date=1/to/3") == {"class": "d1", "date": "1/to/3"}
    for text in ("class", "class=", "=d1", "class=d1,class=od"):
        with pytest.raises(InvalidInputError):
            read_request(text)
