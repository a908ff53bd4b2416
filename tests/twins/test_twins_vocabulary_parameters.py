"""The parameter table is that of ecCodes, kept in the data folder; this process never loads the library."""

import json
import subprocess
import sys

import pytest

from geoscope.twins.vocabulary.parameters import parameter_table, parse_definitions


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return parameter_table(tmp_path_factory.mktemp("data"))


def test_numbers_and_short_names_find_parameters(table):
    temperature = table.find("167")
    assert (temperature.short_name, temperature.name, temperature.unit, temperature.cf_name) == (
        "2t", "2 metre temperature", "K", "air_temperature",
    )  # fmt: skip
    assert table.find("2T") is table.find("167.128") is temperature
    assert table.find("avg_tos").id == 263101
    assert table.find("t").id == 130
    assert table.find("no such") is None
    assert table.find("999999999") is None


def test_of_several_with_one_short_name_that_of_the_dataset_is_meant(table):
    assert table.find("tp", among=[228]).unit == "m"
    assert table.find("tp", among=[228228]).unit == "kg m**-2"


@pytest.mark.parametrize("number", [167, 165, 151, 130, 260048, 263101, 263501, 140229, 228246, 3020, 228029])
def test_it_says_what_ec_codes_says(table, number):
    """Asked of ecCodes itself, in a process of its own."""
    script = (
        "import eccodes, json, sys\n"
        "handle = eccodes.codes_grib_new_from_samples('GRIB2')\n"
        "eccodes.codes_set(handle, 'tablesVersion', 32)\n"
        "eccodes.codes_set(handle, 'centre', 'ecmf')\n"
        "eccodes.codes_set(handle, 'setLocalDefinition', 1)\n"
        f"eccodes.codes_set(handle, 'paramId', {number})\n"
        "print(json.dumps([eccodes.codes_get(handle, key) for key in ('shortName', 'name', 'units')]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found = table.find(str(number))
    assert [found.short_name, found.name, found.unit] == json.loads(done.stdout)


def test_it_is_kept_and_read_again_without_the_library(tmp_path):
    parameter_table.cache_clear()
    table = parameter_table(tmp_path)
    (kept,) = (tmp_path / "twins").glob("parameters-*.json")
    kept.write_text(json.dumps(json.loads(kept.read_text())[:3]))
    parameter_table.cache_clear()
    assert len(parameter_table(tmp_path)) == 3
    kept.write_text("{broken")
    parameter_table.cache_clear()
    assert len(parameter_table(tmp_path)) == len(table) > 5000


def test_whoever_asks_for_it_does_not_load_the_library(tmp_path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from geoscope.twins.vocabulary.parameters import parameter_table\n"
        "print(parameter_table(Path(sys.argv[1])).find('167').short_name, 'eccodes' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2t", "False"]


def test_the_cf_name_with_most_conditions_counts():
    body = "{ a = 1 ; b = 2 ; }"
    texts = {"paramId": f"'7' = {body}", "shortName": f"'x' = {body}", "name": f"'X' = {body}"}
    texts |= {"units": f"'K' = {body}", "cfName": "'of_one' = { a = 1 ; }\n'of_both' = { a = 1 ; b = 2 ; }"}
    (found,) = parse_definitions(texts)
    assert found.cf_name == "of_both"
    texts["cfName"] = "'other' = { a = 3 ; }"
    assert parse_definitions(texts)[0].cf_name == ""
