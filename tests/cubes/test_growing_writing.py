"""A growing cube keeps what was written, whatever the order, and tells what became of each field."""

import dataclasses

import icechunk
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geoscope.cubes.detect import detect_grid
from geoscope.cubes.growing.checksums import field_checksum
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field, FieldKey
from geoscope.cubes.growing.history import open_version
from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.projected import ProjectedGrid
from geoscope.cubes.pyramid import pyramid
from geoscope.errors import InvalidInputError, NotFoundError
from growing_cubes import PRESSURES, TEMPERATURE, WIND, day, fields_on, grids, opened, outline_on, values_on

GRID = HealpixGrid(2)


@pytest.fixture(params=grids())
def grid(request):
    return grids()[request.param]


def assert_holds(dataset, fields):
    """Whoever opens a cube with xarray finds these fields."""
    for field in fields:
        place = {"time": field.time} | ({} if field.level is None else {"pressure": field.level})
        found = dataset[field.variable].sel(place).values
        np.testing.assert_array_equal(found, field.values.reshape(found.shape))


def test_every_kind_of_grid_is_written_and_described_for_anybody(storage, grid):
    cube = GrowingCube.open_or_create(storage, outline_on(grid))
    fields = list(fields_on(grid, range(5)))
    report = cube.write(fields, message="five days", metadata={"source": "a test"})
    assert sorted(report.stored) == sorted(field.key for field in fields)
    assert [*report.duplicates, *report.conflicts, *report.refused] == []
    assert cube.times.tolist() == [day(number).tolist() for number in range(5)]
    assert cube.settled == 4
    store = open_version(storage)
    for group in (None, "series"):
        dataset = opened(store, group)
        assert detect_grid(dataset).shape == grid.shape
        assert dataset["time"].attrs["standard_name"] == "time"
        assert dataset["u"].dims == ("time", "pressure", *grid.dimensions)
        assert dataset["pressure"].attrs["positive"] == "down"
        assert dataset["2t"].attrs["units"] == "K"
        held = [field for field in fields if group is None or field.time < day(4)]
        assert dataset.sizes["time"] == len({field.time for field in held})
        assert_holds(dataset, held)
    assert opened(store).attrs["title"] == "A small cube"


def test_coarser_levels_are_those_of_the_pyramid(storage):
    grid = HealpixGrid(7)
    cube = GrowingCube.open_or_create(storage, outline_on(grid, variables=(TEMPERATURE,), levels=None))
    values = values_on(grid, 1)
    cube.write([Field("2t", day(0), None, values)], message="one day")
    for coarse, expected in pyramid(values, grid, down_to=5):
        dataset = opened(open_version(storage), f"levels/{coarse.level}")
        found = detect_grid(dataset)
        assert isinstance(found, HealpixGrid)
        assert found.level == coarse.level
        np.testing.assert_array_equal(dataset["2t"].values[0], expected)


def test_fields_may_come_in_any_order_and_from_any_batch(storage):
    fields = list(fields_on(GRID, range(12)))
    order = np.random.default_rng(2).permutation(len(fields))
    shuffled = [fields[index] for index in order if fields[index].time < day(9)]
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    assert len(cube.write(shuffled, message="nine days, mixed").stored) == 36
    # The tenth day comes before the eleventh, with a day that is known between them.
    rest = [field for field in reversed(fields) if field.time >= day(8)]
    report = cube.write(rest, message="the rest, backwards")
    assert len(report.stored) == 12
    assert len(report.duplicates) == 4
    assert cube.settled == 12
    for group in (None, "series"):
        dataset = opened(open_version(storage), group)
        assert (np.diff(dataset["time"].values) == np.timedelta64(1, "D")).all()
        assert_holds(dataset, fields)


def test_gaps_in_a_mixed_batch_stay_gaps(storage):
    """Chunks change places when a batch is put in order: an empty place must not keep another's values."""
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    days = {number: list(fields_on(GRID, [number])) for number in range(6)}
    batch = [days[5][0], *days[3][1:], days[1][0], *days[0], days[2][2]]
    cube.write(batch, message="days with gaps, mixed")
    dataset = opened(open_version(storage))
    assert_holds(dataset, batch)
    there = {field.key for field in batch}
    for index, time in enumerate(dataset["time"].values.astype("datetime64[s]")):
        assert FieldKey("2t", time, None) in there or np.isnan(dataset["2t"].values[index]).all()
        for level in PRESSURES.values.tolist():
            values = dataset["u"].sel(pressure=level).values[index]
            assert FieldKey("u", time, level) in there or np.isnan(values).all()


def test_each_field_that_does_not_fit_is_set_aside_with_the_reason(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    cube.write(fields_on(GRID, [2]), message="a day")
    values = values_on(GRID, 0)
    refused = {
        "no variable 'q'": Field("q", day(2), None, values),
        "before the last step": Field("2t", day(1), None, values),
        "no time": Field("2t", np.datetime64("NaT"), None, values),
        "no level": Field("u", day(2), None, values),
        "it has a level": Field("2t", day(2), 500.0, values),
        "no level 300": Field("u", day(2), 300.0, values),
        "191 values": Field("2t", day(2), None, values[1:]),
        "values are float64": Field("2t", day(3), None, values.astype("float64")),
    }
    changed = Field("2t", day(2), None, values)
    same = next(iter(fields_on(GRID, [2])))
    new = Field("2t", day(4), None, values)
    report = cube.write([*refused.values(), changed, same, new, new, changed], message="odd ones")
    assert [reason for _, reason in report.refused if not any(part in reason for part in refused)] == []
    assert len(report.refused) == len(refused)
    assert [key for key, _ in report.conflicts] == [changed.key, changed.key]
    assert report.duplicates == [same.key, new.key]
    assert report.stored == [new.key]
    dataset = opened(open_version(storage))
    assert_holds(dataset, [same, new])
    assert dataset.sizes["time"] == 2


def test_replacing_makes_a_new_version_and_the_old_one_stays(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    before = list(fields_on(GRID, range(4)))
    first = cube.write(before, message="first").version
    changed = Field("2t", day(1), None, values_on(GRID, 99))
    report = cube.write([changed], message="corrected", metadata={"why": "a bug"}, replace=True)
    assert report.stored == [changed.key]
    assert_holds(opened(open_version(storage, first)), before)
    assert_holds(opened(open_version(storage)), [changed])
    newest, *_, oldest = cube.versions()
    assert (newest.id, newest.message, newest.metadata, newest.steps) == (
        report.version,
        "corrected",
        {"why": "a bug"},
        4,
    )
    assert (oldest.message, oldest.steps) == ("Created", 0)
    # The series have the old values until they are made anew; readers are told so.
    assert opened(open_version(storage), "series")["2t"].values[1].tobytes() == before[4].values.tobytes()
    cube.settle(everything=True)
    assert_holds(opened(open_version(storage), "series"), [changed])


def test_nothing_new_makes_no_version(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    cube.write(fields_on(GRID, range(3)), message="three days")
    there = cube.versions()
    report = cube.write(fields_on(GRID, range(3)), message="again")
    assert (len(report.duplicates), report.stored, report.version) == (12, [], there[0].id)
    assert cube.versions() == there
    assert cube.settle() is None


def test_checksums_tell_what_is_there(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    fields = list(fields_on(GRID, range(2)))
    cube.write(fields[1:], message="all but one")
    for again in (cube, GrowingCube.open(storage)):
        assert again.checksums("2t") == {(day(1), None): field_checksum(fields[4].values)}
        expected = {(field.time, field.level): field_checksum(field.values) for field in fields[1:]}
        assert again.checksums("u") == {key: sum_ for key, sum_ in expected.items() if key[1] is not None}
        assert again.checksums("q") == {}


def test_checksums_depend_on_values_and_not_on_how_they_lie_or_are_missing():
    values = values_on(GRID, 5)
    odd_nan = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    assert field_checksum(np.where(np.isnan(values), odd_nan, values)) == field_checksum(values)
    assert field_checksum(np.asfortranarray(values.reshape(12, 16))) == field_checksum(values)
    assert field_checksum(-values) != field_checksum(values)
    assert field_checksum(np.zeros(3, "f4")) != field_checksum(-np.zeros(3, "f4"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_keeps_its_bound_and_the_checksum_is_of_what_was_given(storage, dtype):
    precise = VariableOutline("2t", {"units": "K"}, max_error=0.01, dtype=dtype)
    outline = outline_on(GRID, variables=(precise,), levels=None)
    cube = GrowingCube.open_or_create(storage, outline)
    values = values_on(GRID, 7).astype(dtype)
    values[:4] = [np.inf, 1e30, -1e-30, np.nan]
    field = Field("2t", day(0), None, values)
    cube.write([field], message="rounded")
    assert cube.write([field], message="again").duplicates == [field.key]
    dataset = opened(open_version(storage))
    found = dataset["2t"].values[0]
    assert found.dtype == dtype
    assert dataset["2t"].attrs["geoscope:max_error"] == 0.01
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_array_equal(found[:2], values[:2])
    with np.errstate(invalid="ignore"):
        moved = np.abs(found.astype("float64") - values)[2:]
    assert 0 < np.nanmax(moved) <= 0.01
    # What was rounded has fewer different values, so that it compresses.
    assert len(np.unique(found)) < len(np.unique(values))


def test_new_variables_and_levels_find_their_place(storage):
    cube = GrowingCube.open_or_create(storage, outline_on(GRID, variables=(WIND,)))
    fields = [field for field in fields_on(GRID, range(5)) if field.variable == "u"]
    cube.write(fields, message="wind")
    more = Levels(np.array([1000.0, 925.0, 500.0, 100.0]), PRESSURES.name, PRESSURES.attributes)
    cube = GrowingCube.open_or_create(storage, outline_on(GRID, levels=more))
    assert cube.levels.values.tolist() == [1000.0, 925.0, 850.0, 500.0, 100.0]
    assert [variable.name for variable in cube.variables] == ["2t", "u"]
    later = list(fields_on(GRID, range(6), levels=more))
    report = cube.write(later, message="more")
    assert len(report.duplicates) == 10
    cube.settle(everything=True)
    for group in (None, "series"):
        dataset = opened(open_version(storage), group)
        assert_holds(dataset, [*fields, *later])
        assert np.isnan(dataset["u"].sel(pressure=850.0).values[5]).all()
    # And again with nothing new.
    there = cube.versions()
    GrowingCube.open_or_create(storage, outline_on(GRID, levels=more))
    assert cube.versions() == there


def test_another_cube_cannot_be_joined(storage):
    GrowingCube.open_or_create(storage, outline_on(GRID))
    other_unit = dataclasses.replace(TEMPERATURE, attributes={"units": "degC"})
    rounded = dataclasses.replace(TEMPERATURE, max_error=0.1)
    in_pascal = Levels(PRESSURES.values, "pressure", {"units": "Pa"})
    for outline, problem in (
        (outline_on(GRID, attributes={"mars:class": "od"}), "mars:class 'd1', not 'od'"),
        (outline_on(HealpixGrid(3)), "another grid"),
        (outline_on(GRID, variables=(other_unit, WIND)), "units 'K', not 'degC'"),
        (outline_on(GRID, variables=(rounded, WIND)), "largest error None, not 0.1"),
        (outline_on(GRID, levels=in_pascal), "'pressure' in 'hPa'"),
    ):
        with pytest.raises(InvalidInputError, match=problem):
            GrowingCube.open_or_create(storage, outline)


# CF has a name for the first of them, and none for the others.
@pytest.mark.parametrize("code", [32633, 3857, 8857, 28992])
def test_a_projection_is_kept_and_another_one_is_another_grid(code):
    storage = icechunk.in_memory_storage()
    x, y = np.arange(3e5, 7e5, 1e5), np.arange(1e6, 0, -1e5)
    grid = ProjectedGrid(x, y, CRS(code), ("y", "x"))
    cube = GrowingCube.open_or_create(storage, outline_on(grid))
    cube.write(fields_on(grid, range(2)), message="two days")
    again = GrowingCube.open_or_create(storage, outline_on(grid)).grid
    cells = np.arange(40)
    np.testing.assert_allclose(again.cell_centre(cells), grid.cell_centre(cells), atol=1e-9)
    assert opened(open_version(storage))["u"].attrs["grid_mapping"] == "crs"
    with pytest.raises(InvalidInputError, match="another grid"):
        GrowingCube.open_or_create(storage, outline_on(ProjectedGrid(x, y, CRS(32634), ("y", "x"))))


def test_outlines_that_cannot_be_stored_are_refused(storage):
    for name in ("../escape", "a/b", "", "series", "time", ".hidden", "x" * 200, "cell_ids"):
        with pytest.raises(InvalidInputError, match=r"cannot be the name|used twice"):
            GrowingCube.open_or_create(storage, outline_on(GRID, variables=(VariableOutline(name, {}),)))
    unsorted = Levels(np.array([1000.0, 500.0, 850.0]), "pressure")
    for outline in (
        outline_on(GRID, levels=unsorted),
        outline_on(GRID, levels=None),
        outline_on(GRID, variables=(VariableOutline("t", {}, max_error=-1.0),)),
        outline_on(GRID, variables=(VariableOutline("t", {}, dtype="int16"),)),
    ):
        with pytest.raises(InvalidInputError):
            GrowingCube.open_or_create(storage, outline)
    with pytest.raises(NotFoundError):
        GrowingCube.open(storage)


def test_xdggs_decodes_what_was_written(storage):
    import xdggs  # noqa: PLC0415 (takes seconds to import)

    cube = GrowingCube.open_or_create(storage, outline_on(GRID))
    cube.write(fields_on(GRID, range(4)), message="four days")
    for group in (None, "series"):
        decoded = opened(open_version(storage), group).pipe(xdggs.decode)
        assert decoded.dggs.grid_info.level == 2
        assert decoded.dggs.grid_info.indexing_scheme == "nested"


# --- Against a dictionary ---

KEYS = st.tuples(st.integers(0, 9), st.sampled_from([None, *PRESSURES.values.tolist()]), st.integers(0, 1))
BATCHES = st.lists(
    st.tuples(st.lists(KEYS, max_size=12), st.booleans(), st.sampled_from(["", "settle", "everything"])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(batches=BATCHES)
def test_random_batches_leave_what_a_dictionary_would_hold(batches):
    storage, grid = icechunk.in_memory_storage(), HealpixGrid(0)
    cube = GrowingCube.open_or_create(storage, outline_on(grid))
    held, last = {}, -1
    for keys, replace, then in batches:
        fields, known = [], dict(held)
        fits = {number for number, _, _ in known} | set(range(last + 1, 99))
        stored = set()
        for number, level, seed in keys:
            field = Field("2t" if level is None else "u", day(number), level, values_on(grid, [number, seed]))
            fields.append(field)
            if number not in fits:
                continue
            place = number, field.variable, level
            if place not in held or (
                replace and not np.array_equal(held[place], field.values, equal_nan=True)
            ):
                held[place] = field.values
                stored.add(field.key)
        report = cube.write(iter(fields), message="a batch", replace=replace)
        assert set(report.stored) == stored
        last = max((number for number, _, _ in held), default=-1)
        if then:
            cube.settle(everything=then == "everything")
    assert_dataset_is(opened(open_version(storage)), held)
    cube.settle(everything=True)
    assert_dataset_is(opened(open_version(storage), "series"), held)


def assert_dataset_is(dataset, held):
    times = sorted({number for number, _, _ in held})
    assert dataset["time"].values.astype("datetime64[s]").tolist() == [day(t).tolist() for t in times]
    nothing = np.full(12, np.nan, "float32")
    for step, number in enumerate(times):
        expected = held.get((number, "2t", None), nothing)
        np.testing.assert_array_equal(dataset["2t"].values[step], expected)
        for index, level in enumerate(PRESSURES.values.tolist()):
            expected = held.get((number, "u", level), nothing)
            np.testing.assert_array_equal(dataset["u"].values[step, index], expected)


def test_a_cube_of_one_variable_needs_no_levels(storage):
    outline = CubeOutline(GRID, xr.Dataset(), (TEMPERATURE,), None, {})
    cube = GrowingCube.open_or_create(storage, outline)
    assert cube.levels is None
