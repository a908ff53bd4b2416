"""The model itself: it restarts exactly, answers to other conditions as air does, and ends in time."""

import numpy as np
import psutil
import pytest

from geoscope.errors import GeoscopeError, UnavailableError
from geoscope.settings import Settings
from geoscope.twins.live.model import PROGRAM, ModelProcess
from geoscope.twins.live.variables import PRESSURES_HPA, VARIABLES

WARMER_K = 2.0


def global_mean(values, latitudes):
    """Mean over (time, latitude, longitude) by area; one for each time."""
    weights = np.cos(np.radians(latitudes))
    return np.average(values.astype(np.float64).mean(axis=-1), axis=-1, weights=weights)


def is_model(process):
    try:
        return str(PROGRAM) in process.cmdline()
    except psutil.Error:
        return False


def test_values_have_all_variables_on_the_gaussian_grid_and_look_like_air(control):
    first, _, second, facts = control
    for values, days in ((first, 3), (second, 4)):
        assert {each.name for each in VARIABLES} <= set(values)
        for each in VARIABLES:
            levels = (len(PRESSURES_HPA),) if each.levtype == "pl" else ()
            assert values[each.name].shape == (days, *levels, 48, 96)
            assert values[each.name].dtype == np.float32
    times = np.concatenate([first["times"], second["times"]])
    assert np.array_equal(times, np.arange("2001-01-02", "2001-01-09", dtype="datetime64[D]"))
    assert np.all(np.diff(first["latitudes"]) > 0)
    latitudes = second["latitudes"]
    assert 280 < global_mean(second["2t"], latitudes)[-1] < 295
    assert 960e2 < global_mean(second["sp"], latitudes)[-1] < 1000e2
    assert 980e2 < global_mean(second["msl"], latitudes)[-1] < 1030e2
    assert 200 < -global_mean(second["avg_tnlwrf"], latitudes)[-1] < 400
    # It is January: the sun stands in the south.
    assert second["avg_tnswrf"][-1, 5].mean() > 10 * second["avg_tnswrf"][-1, -3].mean()
    # Geopotential falls with pressure, and is missing only below mountains.
    assert np.all(np.diff(np.nanmean(second["z"][-1], axis=(1, 2))) > 0)
    missing = np.isnan(second["t"][-1])
    assert 0 < missing[0].mean() < 0.15
    assert not missing[PRESSURES_HPA.index(300.0) :].any()
    assert facts["versions"]["jcm"] == "3.0.0"
    assert set(facts["inputs_sha256"]) == {"forcing.nc", "terrain.nc"}


def test_a_killed_model_can_be_asked_again_and_gives_bit_for_bit_what_an_uninterrupted_run_gives(
    control, simulate, plain, live_twin, tmp_path
):
    _, checkpoint, second, _ = control
    started = psutil.Process()

    def kill(event):
        if event is not None and event["done"] == 2:
            next(each for each in started.children(recursive=True) if is_model(each)).kill()

    settings = Settings(data_dir=tmp_path, live_twin=live_twin)
    with ModelProcess(settings, plain.configuration(0), tmp_path / "log") as model:
        with pytest.raises(UnavailableError, match="ended before it was done"):
            simulate(plain, 4, checkpoint=checkpoint, listen=kill, model=model)
        again, _, _ = simulate(plain, 4, checkpoint=checkpoint, model=model)
    for name in (each.name for each in VARIABLES):
        assert again[name].tobytes() == second[name].tobytes(), name
    assert not [each for each in started.children(recursive=True) if is_model(each)]


def test_a_listener_that_raises_ends_the_model(simulate, plain):
    def dismiss(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(plain, 1, listen=dismiss)
    assert not [each for each in psutil.Process().children(recursive=True) if is_model(each)]


def test_the_model_ends_with_the_process_that_started_it(simulate, plain, live_twin, tmp_path):
    settings = Settings(data_dir=tmp_path, live_twin=live_twin)
    with ModelProcess(settings, plain.configuration(0), tmp_path / "log") as model:
        process = model._started()
        process.stdin.close()  # as the kernel does at its end
        assert process.wait(timeout=60) == 0


def test_a_warmer_sea_warms_the_air_and_more_so_each_day(control, simulate, plain):
    first, _, _, _ = control
    warm, _, _ = simulate(plain.model_copy(update={"sst_offset": WARMER_K}), 3)
    member, _, _ = simulate(plain.model_copy(update={"realization": 2}), 3)
    latitudes = first["latitudes"]
    answer = global_mean(warm["2t"], latitudes) - global_mean(first["2t"], latitudes)
    chance = global_mean(member["2t"], latitudes) - global_mean(first["2t"], latitudes)
    # The surface of the open sea has exactly what was asked for.
    skin = warm["skt"].astype(np.float64) - first["skt"]
    open_sea = np.abs(skin - WARMER_K) < 1e-3
    assert 0.4 < open_sea.mean() < 0.75
    # The air above follows, not further than the sea, and by far more than two members differ.
    above = answer_above(warm, first, open_sea)
    assert np.all((above > 0.5) & (above < WARMER_K + 0.3))
    assert np.all(np.diff(answer) > 0)
    assert np.all(answer > 5 * np.abs(chance))
    assert np.abs(chance).max() > 0
    # And loses more heat to space.
    assert global_mean(warm["avg_tnlwrf"] - first["avg_tnlwrf"], latitudes)[-1] < -0.5


def answer_above(warm, first, where):
    difference = warm["2t"].astype(np.float64) - first["2t"]
    return np.array([day[here].mean() for day, here in zip(difference, where, strict=True)])


def test_the_sea_is_warmer_only_in_the_area_that_was_asked_for(control, simulate, plain):
    first, _, _, _ = control
    pacific = plain.model_copy(update={"sst_offset": 3.0, "sst_area": (170.0, -10.0, -110.0, 10.0)})
    values, _, _ = simulate(pacific, 1)
    skin = values["skt"][0].astype(np.float64) - first["skt"][0]
    longitude, latitude = np.meshgrid(first["longitudes"], first["latitudes"])
    inside = (np.abs(latitude) <= 10) & (longitude >= 170) & (longitude <= 250)
    assert np.allclose(skin[inside], 3.0, atol=1e-3)
    ocean = np.abs(latitude) < 30
    assert np.median(np.abs(skin[ocean & ~inside])) < 0.05


def test_carbon_dioxide_keeps_heat_from_leaving(control, simulate, plain):
    first, _, _, _ = control
    more, _, _ = simulate(plain.model_copy(update={"co2": 1680.0}), 3)
    kept = global_mean(more["avg_tnlwrf"] - first["avg_tnlwrf"], first["latitudes"])
    assert np.all(kept > 1)
    assert np.all(np.diff(kept) > 0)


def test_a_model_that_is_not_installed_says_what_to_do(tmp_path, plain):
    settings = Settings(data_dir=tmp_path)
    task = {"outputs": 1, "from": None, "checkpoint": "x", "values": None}
    with (
        ModelProcess(settings, plain.configuration(0), tmp_path / "log") as model,
        pytest.raises(GeoscopeError) as caught,
    ):
        model.run(task, print)
    assert "geoscope twins install-model" in caught.value.remedy
