"""What somebody may ask the live twin for, and the names and keys that follow."""

import json
import subprocess
import sys

import numpy as np
import pytest

from geoscope.cli.twins_live import SHARED_WITH_CONTROL, _box
from geoscope.errors import InvalidInputError
from geoscope.inputs import parsed
from geoscope.twins.live.documents import mars_keys, repositories_of
from geoscope.twins.live.experiment import Experiment, VariableName
from geoscope.twins.live.model_process import in_area
from geoscope.twins.live.variables import VARIABLES


@pytest.mark.parametrize(
    ("inputs", "collection", "activity"),
    [
        ({}, "live-twin-control-r1", "control"),
        ({"sst_offset": 2}, "live-twin-sst-plus-2k-r1", "what-if"),
        ({"sst_offset": -0.5, "realization": 3}, "live-twin-sst-minus-0-5k-r3", "what-if"),
        ({"co2": 840}, "live-twin-co2-840ppm-r1", "what-if"),
        ({"co2": 840, "sst_offset": 4, "name": "warm-ocean"}, "live-twin-warm-ocean-r1", "what-if"),
        ({"name": "mine"}, "live-twin-mine-r1", "control"),
    ],
)
def test_names_say_what_is_changed(inputs, collection, activity):
    experiment = Experiment(**inputs)
    assert experiment.collection == collection
    assert mars_keys(experiment)["activity"] == activity


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"days": 0}, "days"),
        ({"sst_offset": 40}, "sst_offset"),
        ({"sst_offset": float("nan")}, "sst_offset"),
        ({"co2": 1}, "co2"),
        ({"name": "../../etc"}, "name"),
        ({"name": "Has Spaces"}, "name"),
        ({"variables": ["sst"]}, "variables"),
        ({"interval": 5}, "interval"),
        ({"start": "2149-12-31", "days": 3000}, "between 1850-01-01 and 2150-12-31"),
        ({"start": "1850-01-10", "spin_up": 30}, "between 1850-01-01 and 2150-12-31"),
        ({"sst_area": [0, -10, 20, 10]}, "no offset"),
        ({"sst_offset": 1, "sst_area": [0, 10, 20, -10]}, "has no extent"),
        ({"sst_offset": 1, "sst_area": [20, -10, 20, 10]}, "has no extent"),
        ({"policy": "nobody-knows"}, "policy"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_name(inputs, said):
    with pytest.raises(InvalidInputError, match=said):
        parsed(Experiment, inputs)


def test_only_what_decides_about_values_makes_another_simulation():
    plain = Experiment()
    for same in ({"days": 90}, {"title": "Mine"}, {"variables": ("2t",)}, {"policy": "public"}):
        assert plain.model_copy(update=same).identity == plain.identity
    for other in ({"realization": 2}, {"spin_up": 10}, {"co2": 421.0}, {"interval": 12}, {"level": 4}):
        assert plain.model_copy(update=other).identity != plain.identity


def test_variables_that_are_not_wanted_need_no_repository():
    (only,) = repositories_of(Experiment(variables=("2t",)))
    assert [each.name for each in only.variables.values()] == ["2t"]
    assert {each.item for each in repositories_of(Experiment())} == {"clte-sfc-standard", "clte-pl-standard"}
    assert set(VariableName.__value__.__args__) == {each.name for each in VARIABLES}


def test_a_control_has_all_of_its_what_if_but_what_is_changed():
    assert set(Experiment.model_fields) - set(SHARED_WITH_CONTROL) == {
        *("name", "title", "sst_offset", "sst_area", "co2")
    }


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "", "1;2;3;4"])
def test_an_area_that_is_none_is_refused_by_the_command_line(text):
    with pytest.raises(InvalidInputError, match="is no area"):
        _box(text)


@pytest.mark.parametrize(
    ("area", "longitudes"),
    [
        ([-180, -30, 180, 30], [0, 90, 180, 270]),
        ([0, -30, 360, 30], [0, 90, 180, 270]),
        ([170, -30, -80, 30], [180, 270]),
        ([-20, -30, 100, 30], [0, 90]),
        ([350, -30, 370, 30], [0]),
    ],
)
def test_an_area_goes_over_the_date_line_and_all_the_way_round(area, longitudes):
    inside = in_area(np.array([0.0, 90.0, 180.0, 270.0]), np.array([-60.0, 0.0, 60.0]), area)
    assert np.flatnonzero(inside[:, 1]).tolist() == [longitude // 90 for longitude in longitudes]
    assert not inside[:, [0, 2]].any()


def test_parameter_ids_are_those_of_eccodes():
    """Asked in a process of its own: ecCodes does not get on with other libraries."""
    script = """
import eccodes, json, sys
found = {}
for param in json.load(sys.stdin):
    message = eccodes.codes_grib_new_from_samples("GRIB2")
    eccodes.codes_set(message, "paramId", int(param))
    found[param] = [eccodes.codes_get(message, key) for key in ("shortName", "name", "cfName", "stepType")]
print(json.dumps(found))
"""
    params = json.dumps([each.param for each in VARIABLES])
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, input=params, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    for each in VARIABLES:
        short_name, name, standard_name, step_type = found[each.param]
        assert (short_name, name, step_type) == (each.name, each.title, each.step_type)
        assert standard_name in (each.standard_name, "unknown")
