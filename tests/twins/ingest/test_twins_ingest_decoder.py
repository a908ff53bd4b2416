"""The decoder: what it finds in real and in damaged files, what it decodes, and what it survives."""

import os
import signal
import struct
import subprocess
import sys
from collections import deque

import msgspec
import numpy as np
import psutil
import pytest
from grib_files import climate, write_grib
from healpix_geo import nested

from geoscope.twins.ingest import reading
from geoscope.twins.ingest.answers import (
    DecodeTask,
    FieldFound,
    GridFound,
    IndexTask,
    Kind,
    SetAside,
    Source,
    Wanted,
)
from geoscope.twins.ingest.decoders import Decoder, DecoderDiedError, DecoderPool, index
from geoscope.twins.ingest.described_grids import cells_of
from geoscope.twins.ingest.findings import Findings
from geoscope.twins.ingest.looking import look_at
from geoscope.twins.ingest.messages import Damage, Message, scan
from geoscope.twins.ingest.plan import Plan

SCRATCH = 16 * 1024**2


@pytest.fixture
def decoder(settings, caplog):
    """A decoder of GRIB; it has to end well."""
    with Decoder(settings, "grib") as one:
        one.make_room(SCRATCH)
        yield one
    assert "ended with status" not in caplog.text


def found(decoder, path):
    return list(index(decoder, Source("grib", path=str(path))))


def fields(answers):
    return [each for each in answers if isinstance(each, FieldFound)]


def asides(answers):
    return [each for each in answers if isinstance(each, SetAside)]


def decode(decoder, path, answers):
    """Return the values of every field, in order."""
    grids = {each.id: each.description for each in answers if isinstance(each, GridFound)}
    kinds = {each.number: each for each in answers if isinstance(each, Kind)}
    values = []
    for each in fields(answers):
        cells = cells_of(grids[kinds[each.kind].grid])
        wanted = Wanted(each.offset, each.length, str(each.part), 0, cells, kinds[each.kind].dtype)
        (answer,) = decoder.answers(DecodeTask(Source("grib", path=str(path)), [wanted]))
        assert not isinstance(answer, SetAside), answer
        values.append(decoder.values(0, cells, wanted.dtype).copy())
    return values


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("O32_global.grib2", 1),
        ("era5-2mt-2019-03-uk.grib", 744),
        ("era5-levels-members.grib", 160),
        ("healpix_H8_ring_pl.grib2", 4),
        ("pl_regular_ll.grib", 240),
        ("test4_tz_pl_global.grib", 4),
        ("tuv_pl.grib", 18),
    ],
)
def test_every_message_of_real_files_is_found_and_decoded(decoder, earth_data, name, count):
    path = earth_data / "grib" / name
    answers = found(decoder, path)
    assert (len(fields(answers)), asides(answers)) == (count, [])
    assert sum(each.length for each in fields(answers)) <= path.stat().st_size
    values = decode(decoder, path, answers)
    assert all(np.isfinite(each).all() for each in values)


def test_what_a_real_message_says_of_itself(decoder, earth_data):
    answers = found(decoder, earth_data / "grib" / "healpix_H8_ring_pl.grib2")
    kind = next(each for each in answers if isinstance(each, Kind))
    assert kind.mars == {
        "class": "od",
        "stream": "oper",
        "type": "fc",
        "expver": "0001",
        "levtype": "pl",
        "centre": "ecmf",
    }
    assert (kind.variable["name"], kind.variable["param"], kind.variable["unit"]) == ("t", "130", "K")
    times = [(each.time, each.level, each.base) for each in fields(answers)]
    begun = 1717372800
    assert sorted(times) == sorted([(begun, 500.0, begun), (begun + 6 * 3600, 500.0, begun)] * 2)


def test_large_fields_stay_where_they_were_decoded_until_they_are_let_go(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LENT_FROM_BYTES", 1)
    monkeypatch.setattr(reading, "PARCEL_FIELDS", 1)
    days = [climate(20200101 + at, np.full(192, 280.0 + at), 4, bitsPerValue=24) for at in range(8)]
    path = write_grib(tmp_path / "days.grib2", days)
    kept, places = deque(maxlen=2), set()
    with DecoderPool(settings, 1) as decoders:
        findings = look_at(decoders, [Source("grib", path=str(path))])
        looked = decoders.decoder("grib", 0).pid
        plan = Plan(findings, {})
        reader = reading.FieldReader(decoders, findings, plan.repositories[0].field_bytes)
        for number, field in enumerate(reader.read(plan.batches[0], plan.columns)):
            kept.append((280.0 + number, field.values))
            assert not field.values.flags.owndata
            places.add(field.values.__array_interface__["data"][0])
            for expected, values in kept:  # what is referred to is not decoded over
                assert np.ptp(values) == 0
                assert values[0] == pytest.approx(expected, abs=1e-4)
        assert decoders.decoder("grib", 0).pid == looked, "who looked decodes, too"
    assert number == 7
    assert len(places) == reading.MOST_LENT


def test_ring_order_becomes_nested(decoder, tmp_path):
    ring = np.arange(12 * 16, dtype=float)
    path = write_grib(tmp_path / "ring.grib2", [climate(20200101, ring, 4, "ring", bitsPerValue=24)])
    (values,) = decode(decoder, path, found(decoder, path))
    expected = nested.to_ring(np.arange(12 * 16, dtype=np.uint64), 2)
    assert np.allclose(values, expected, atol=1e-4)


def test_all_round_longitudes_and_scanning_modes_lead_to_the_same_field(decoder, tmp_path):
    field = np.arange(20.0).reshape(4, 5)
    grid = {
        "gridType": "regular_ll",
        "Ni": 5,
        "Nj": 4,
        "latitudeOfFirstGridPointInDegrees": 60,
        "latitudeOfLastGridPointInDegrees": 0,
        "longitudeOfFirstGridPointInDegrees": 0,
        "longitudeOfLastGridPointInDegrees": 288,
        "bitsPerValue": 24,
    }
    upwards = grid | {
        "jScansPositively": 1,
        "latitudeOfFirstGridPointInDegrees": 0,
        "latitudeOfLastGridPointInDegrees": 60,
    }
    westwards = grid | {
        "iScansNegatively": 1,
        "longitudeOfFirstGridPointInDegrees": 288,
        "longitudeOfLastGridPointInDegrees": 0,
    }
    snake = field.copy()
    snake[1::2] = snake[1::2, ::-1]
    messages = [
        grid | {"values": field.ravel().tolist()},
        upwards | {"values": field[::-1].ravel().tolist()},
        westwards | {"values": field[:, ::-1].ravel().tolist()},
        grid | {"jPointsAreConsecutive": 1, "values": field.T.ravel().tolist()},
        grid | {"alternativeRowScanning": 1, "values": snake.ravel().tolist()},
    ]
    path = write_grib(tmp_path / "scanning.grib2", messages)
    answers = found(decoder, path)
    described = [each.description for each in answers if isinstance(each, GridFound)]
    assert len(described) == 5
    for each in described:
        assert each["latitude"] == pytest.approx([60, 40, 20, 0])
        assert each["longitude"] == pytest.approx([0, 72, 144, 216, 288])
    for values in decode(decoder, path, answers):
        assert np.allclose(values.reshape(4, 5), field, atol=1e-4)


@pytest.mark.parametrize("sample", ["GRIB1", "GRIB2"])
@pytest.mark.parametrize("packing", ["grid_simple", "grid_ccsds", "grid_second_order"])
def test_packings_and_missing_values(decoder, tmp_path, sample, packing):
    if packing == "grid_ccsds" and sample == "GRIB1":
        pytest.skip("CCSDS is GRIB 2's")
    rng = np.random.default_rng(1)
    field = 280 + rng.normal(0, 5, 16 * 31).round(2)
    grid = {"Ni": 16, "Nj": 31, "bitsPerValue": 16, "packingType": packing}
    whole, holed = field.copy(), field.copy()
    holed[5:40] = np.nan
    given = [whole] if packing == "grid_second_order" else [whole, holed]
    messages = [
        grid | {"dataDate": 20200101 + day, "values": values.tolist()} for day, values in enumerate(given)
    ]
    path = write_grib(tmp_path / "packed.grib", messages, sample)
    for values, expected in zip(decode(decoder, path, found(decoder, path)), given, strict=True):
        assert values.dtype == np.float32
        assert np.allclose(values, expected, atol=2e-3, equal_nan=True)


VALUES_OF_ECCODES = """
import sys
import eccodes, numpy

with open(sys.argv[1], "rb") as file:
    number = 0
    while (message := eccodes.codes_grib_new_from_file(file)) is not None:
        kind = numpy.float32 if eccodes.codes_get(message, "bitsPerValue") <= 24 else float
        numpy.save(f"{sys.argv[2]}/{number}.npy", eccodes.codes_get_array(message, "values", kind))
        eccodes.codes_release(message)
        number += 1
"""


@pytest.mark.parametrize("sample", ["GRIB1", "GRIB2"])
def test_simply_packed_values_are_those_of_eccodes_bit_for_bit(decoder, tmp_path, sample):
    rng = np.random.default_rng(5)
    count = 257 * 129  # more than one block, and not a whole number of them
    messages = []
    for bits in (8, 12, 16, 24, 32, 0):
        for scale, middle in ((1e-12, 0), (0.3, 280), (5e4, -1e5), (1e20, 1e21)):
            values = middle + scale * rng.standard_normal(count)
            keys = {"Ni": 257, "Nj": 129, "bitsPerValue": bits, "dataDate": 20200101 + len(messages)}
            messages.append(keys | {"values": (values if bits else np.full(count, middle)).tolist()})
    messages += [
        keys | {"bitsPerValue": 0, "decimalPrecision": digits, "values": values.round(digits).tolist()}
        for digits, values in ((2, 280 + rng.standard_normal(count)), (0, 1000 * rng.standard_normal(count)))
    ]
    path = write_grib(tmp_path / "packed.grib", messages, sample)
    subprocess.run([sys.executable, "-c", VALUES_OF_ECCODES, path, tmp_path], check=True, timeout=60)
    decoded = decode(decoder, path, found(decoder, path))
    assert len(decoded) == len(messages)
    for number, values in enumerate(decoded):
        np.testing.assert_array_equal(values, np.load(tmp_path / f"{number}.npy"), err_msg=str(number))


def test_what_needs_more_digits_is_float64(decoder, tmp_path):
    values = 1 + np.arange(12 * 16) * 1e-9
    message = climate(20200101, values, bitsPerValue=40)
    path = write_grib(tmp_path / "precise.grib2", [message])
    (decoded,) = decode(decoder, path, found(decoder, path))
    assert decoded.dtype == np.float64
    assert np.allclose(decoded, values, atol=1e-12, rtol=0)


def damaged(earth_data, tmp_path, change):
    """Write four real messages after a change to their bytes; return the path and where they began."""
    content = (earth_data / "grib" / "healpix_H8_ring_pl.grib2").read_bytes()
    with (earth_data / "grib" / "healpix_H8_ring_pl.grib2").open("rb") as file:
        starts = [each.offset for each in scan(file)]
    path = tmp_path / "damaged.grib2"
    path.write_bytes(change(bytearray(content), starts))
    return path, starts


def test_a_file_that_is_cut_off_keeps_its_whole_messages(decoder, earth_data, tmp_path):
    path, starts = damaged(earth_data, tmp_path, lambda content, starts: content[: starts[3] + 700])
    answers = found(decoder, path)
    assert [each.offset for each in fields(answers)] == starts[:3]
    (aside,) = asides(answers)
    assert (aside.offset, aside.length) == (starts[3], 700)
    assert "cut off" in aside.reason


def test_a_message_that_is_cut_off_in_the_middle_takes_no_other_along(decoder, earth_data, tmp_path):
    def cut(content, starts):
        return content[: starts[1] + 600] + content[starts[2] :]

    path, starts = damaged(earth_data, tmp_path, cut)
    answers = found(decoder, path)
    gone = starts[2] - starts[1] - 600
    assert [each.offset for each in fields(answers)] == [starts[0], starts[2] - gone, starts[3] - gone]
    assert [(each.offset, each.length) for each in asides(answers)] == [(starts[1], 600)]


def test_junk_between_messages_is_told_and_padding_is_not(decoder, earth_data, tmp_path):
    def insert(content, starts):
        junk = b"\x93 this is no GRIB, but says GRIB \x07"
        return content[: starts[1]] + junk + content[starts[1] : starts[2]] + bytes(99) + content[starts[2] :]

    path, starts = damaged(earth_data, tmp_path, insert)
    answers = found(decoder, path)
    assert len(fields(answers)) == 4
    assert [(each.offset, each.length) for each in asides(answers)] == [(starts[1], 34)]


@pytest.mark.parametrize("place", [8, 16 + 3, 16 + 4, 40])
def test_flipped_bytes_of_a_header_cost_one_message_at_most(decoder, earth_data, tmp_path, place):
    def flip(content, starts):
        content[starts[1] + place] ^= 0xFF
        return content

    path, starts = damaged(earth_data, tmp_path, flip)
    answers = found(decoder, path)
    untouched = [each.offset for each in fields(answers) if each.offset != starts[1]]
    assert untouched == [starts[0], *starts[2:]]
    if asides(answers):
        assert asides(answers)[0].offset == starts[1]


def test_a_broken_data_section_is_set_aside_when_it_is_decoded(decoder, tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(280, 10, 12 * 1024)
    message = climate(20200101, values, 32, packingType="grid_ccsds", bitsPerValue=16)
    path = write_grib(tmp_path / "ccsds.grib2", [message])
    content = bytearray(path.read_bytes())
    start = len(content) - 12_000
    content[start : start + 10_000] = rng.bytes(10_000)
    path.write_bytes(content)
    (field,) = fields(found(decoder, path))
    wanted = Wanted(field.offset, field.length, "-1", 0, 12 * 1024, "float32")
    (answer,) = decoder.answers(DecodeTask(Source("grib", path=str(path)), [wanted]))
    if isinstance(answer, SetAside):
        assert answer.offset == 0
    else:
        assert answer.values == 12 * 1024  # no checksum: the code can be read, and means something else


def test_a_message_of_the_wrong_size_is_set_aside_when_it_is_decoded(decoder, tmp_path):
    path = write_grib(tmp_path / "two.grib2", [climate(20200101, np.arange(192), 4)])
    (field,) = fields(found(decoder, path))
    wanted = Wanted(field.offset, field.length, "-1", 0, 768, "float32")
    (answer,) = decoder.answers(DecodeTask(Source("grib", path=str(path)), [wanted]))
    assert isinstance(answer, SetAside)
    assert "192 values" in answer.reason


def test_grib_1_and_2_in_one_file(decoder, earth_data, tmp_path):
    path = tmp_path / "mixed.grib"
    names = ("tuv_pl.grib", "healpix_H8_ring_pl.grib2", "O32_global.grib2")
    path.write_bytes(b"".join((earth_data / "grib" / name).read_bytes() for name in names))
    answers = found(decoder, path)
    assert (len(fields(answers)), asides(answers)) == (18 + 4 + 1, [])


def test_several_fields_of_one_message_are_told_apart(decoder, tmp_path):
    one = write_grib(tmp_path / "one.grib2", [climate(20200101, np.arange(192), 4)]).read_bytes()
    other = write_grib(
        tmp_path / "two.grib2", [climate(20200101, np.arange(192)[::-1], 4, param=168)]
    ).read_bytes()

    def sections(content):
        position, parts = 16, {}
        while content[position : position + 4] != b"7777":
            length = struct.unpack(">I", content[position : position + 4])[0]
            parts[content[position + 4]] = content[position : position + length]
            position += length
        return parts

    first, second = sections(one), sections(other)
    body = b"".join(first[number] for number in sorted(first)) + b"".join(second[n] for n in (4, 5, 6, 7))
    path = tmp_path / "both.grib2"
    path.write_bytes(one[:8] + struct.pack(">Q", 16 + len(body) + 4) + body + b"7777")
    answers = found(decoder, path)
    assert [each.part for each in fields(answers)] == [0, 1]
    assert [each.variable["param"] for each in answers if isinstance(each, Kind)] == ["167", "168"]
    values = decode(decoder, path, answers)
    assert np.allclose(values[0], np.arange(192), atol=0.01)
    assert np.allclose(values[1], np.arange(192)[::-1], atol=0.01)


def test_a_grid_that_cannot_be_stored_is_named(decoder, tmp_path):
    message = {"gridType": "healpix", "Nside": 3, "orderingConvention": "ring", "values": [1.0] * 108}
    message["longitudeOfFirstGridPointInDegrees"] = 45
    path = write_grib(tmp_path / "odd.grib2", [message])
    (aside,) = asides(found(decoder, path))
    assert "powers of two" in aside.reason


def test_a_process_that_dies_at_a_message_is_started_again_behind_it(settings, earth_data):
    source = Source("grib", path=str(earth_data / "grib" / "pl_regular_ll.grib"))
    with Decoder(settings, "grib") as decoder:
        answers, killed = [], 0
        for answer in index(decoder, source):
            answers.append(answer)
            if len(fields(answers)) in (10, 100) and killed < 2 and isinstance(answer, FieldFound):
                killed += 1
                os.kill(decoder.pid, signal.SIGKILL)
        lost = [each for each in asides(answers) if "stopped at this message" in each.reason]
    # What was on its way before the process died has come; what it was at is set aside.
    assert killed == 2
    assert 1 <= len(lost) <= 2
    assert len(fields(answers)) + len(lost) == 240


def test_a_process_that_dies_between_tasks_is_started_again(settings, earth_data):
    source = Source("grib", path=str(earth_data / "grib" / "tuv_pl.grib"))
    with Decoder(settings, "grib") as decoder:
        assert len(fields(index(decoder, source))) == 18
        os.kill(decoder.pid, signal.SIGKILL)
        os.waitpid(decoder.pid, os.WNOHANG)
        assert len(fields(index(decoder, source))) >= 17


def test_a_stopped_process_is_given_up(settings, earth_data, monkeypatch):
    monkeypatch.setattr("geoscope.twins.ingest.decoders.ANSWER_TIMEOUT_S", 0.01)
    source = Source("grib", path=str(earth_data / "grib" / "tuv_pl.grib"))
    with Decoder(settings, "grib") as decoder:
        answers = decoder.answers(IndexTask(source))
        with pytest.raises(DecoderDiedError):
            list(answers)
        assert decoder.pid is None


def test_what_is_no_grib_is_one_damage(tmp_path):
    path = tmp_path / "no.grib"
    path.write_bytes(b"Once upon a time")
    with path.open("rb") as file:
        assert [type(each) for each in scan(file)] == [Damage]


def test_large_messages_of_grib_1_are_measured_in_units_of_120_bytes(tmp_path):
    # As ECMWF writes them: the length counts units, and the data section by how much the last is too long.
    product = (28).to_bytes(3) + bytes(4) + b"\0" + bytes(20)
    unused = 84
    total = 70_000 * 120 - unused + 4
    length = 70_000 | 0x800000
    data = total - 8 - len(product) - 4
    content = b"GRIB" + length.to_bytes(3) + b"\1" + product + unused.to_bytes(3) + bytes(data - 3) + b"7777"
    path = tmp_path / "large.grib"
    path.write_bytes(content + content)
    with path.open("rb") as file:
        assert list(scan(file)) == [Message(0, total), Message(total, total)]


def test_findings_of_many_fields_stay_small():
    findings = Findings()
    taker = findings.add_source(Source("grib", path="/x"))
    taker.take(GridFound("g", {"kind": "healpix", "level": 3}))
    taker.take(Kind(0, {"class": "od"}, {"name": "t", "param": "130"}, "", "g", "float32"))
    for number in range(1000):
        taker.take(FieldFound(number * 100, 100, 0, number * 3600, None))
    columns = findings.columns()
    assert len(findings) == 1000
    assert sum(column.nbytes for column in columns.values()) <= 1000 * 64


def test_libraries_of_grib_stay_out_of_the_process_that_ingests():
    loads = "import sys, geoscope.twins.ingest.ingesting"
    program = f"{loads}; print({{'eccodes', 'gribapi', 'h5netcdf'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("kind", ["grib", "gridded"])
def test_decoders_end_well(settings, earth_data, kind):
    path = earth_data / ("grib/tuv_pl.grib" if kind == "grib" else "netcdf/era5-levels-members.nc")
    source = Source("grib" if kind == "grib" else "netcdf", path=str(path))
    memory = os.memfd_create("test")
    process = subprocess.Popen(
        [sys.executable, "-m", "geoscope.twins.ingest.decoder", kind, str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[memory],
    )
    out, _ = process.communicate(msgspec.json.encode(IndexTask(source)) + b"\n", timeout=60)
    os.close(memory)
    assert out.endswith(b'["done"]\n')
    assert process.returncode == 0


def test_who_gives_up_looking_leaves_no_decoder_behind(settings, tmp_path):
    class GivenUpError(Exception):
        pass

    def give_up(_done, _total):
        raise GivenUpError

    path = write_grib(tmp_path / "one.grib2", [climate(20200101, np.arange(192.0))])
    sources = [Source("grib", path=str(path))] * 400
    with DecoderPool(settings, 2) as decoders, pytest.raises(GivenUpError):
        look_at(decoders, sources, give_up)
    mine = psutil.Process().children(recursive=True)
    assert not [each for each in mine if "geoscope.twins.ingest.decoder" in " ".join(each.cmdline())]
