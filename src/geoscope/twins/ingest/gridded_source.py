"""NetCDF and Zarr by xarray: their variables as fields, step by step. Only for decoder processes."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from typing import Any, BinaryIO

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from zarr.storage import LocalStore, ObjectStore

from geoscope.cubes.conventions import data_variables, referenced_name, time_axis
from geoscope.cubes.detect import detect_grid
from geoscope.cubes.grid import Grid
from geoscope.errors import InvalidInputError
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from geoscope.twins.ingest.answers import Answer, FieldFound, GridFound, Kind, SetAside, Source

IDENTITY = "jobs"
# Coordinates travel as text to the process that writes.
MOST_COORDINATE_VALUES = 4_000_000
BLOCK_BYTES = 128 * 1024**2
GRID_ID = "grid"
MEMBERS = ("number", "member", "realization", "ensemble")
PRESSURE_IN_HPA = {"hPa": 1.0, "mbar": 1.0, "millibar": 1.0, "millibars": 1.0, "Pa": 0.01}

type Opener = Callable[[Source], AbstractContextManager[BinaryIO]]


@contextmanager
def opened(source: Source, open_file: Opener) -> Iterator[xr.Dataset]:
    """Open a NetCDF file or a Zarr group; nothing is loaded."""
    if source.kind == "zarr":
        if source.path:
            store: Any = LocalStore(source.path, read_only=True)
        else:
            settings = current_settings()
            bucket = open_bucket(settings, source.bucket, read_s3_keys(settings, IDENTITY), prefix=source.key)
            store = ObjectStore(bucket, read_only=True)
        with xr.open_zarr(store, chunks=None, decode_coords="all") as dataset:
            yield dataset
        return
    with open_file(source) as file:
        magic = file.read(4)
        file.seek(0)
        # NetCDF 3 has another engine, which wants a file of its own.
        engine = "scipy" if magic[:3] == b"CDF" else "h5netcdf"
        with xr.open_dataset(
            file, engine=engine, chunks=None, decode_coords="all", decode_timedelta=False
        ) as dataset:
            yield dataset


def index(dataset: xr.Dataset) -> Iterator[Answer]:
    """Yield the fields of a dataset: `offset` counts a variable's fields in C order of its other dimensions.

    Raises
    ------
    InvalidInputError
        If it has no recognisable grid or no time.
    """
    grid = detect_grid(dataset)
    times = _times(dataset)
    yield GridFound(GRID_ID, _description(dataset, grid))
    number = 0
    for name, variable in data_variables(dataset, grid.dimensions).items():
        try:
            axes = _axes(variable, grid, dataset, times)
        except InvalidInputError as error:
            yield SetAside(0, 0, f"{name}: {error}")
            continue
        cells = math.prod(variable.sizes[dimension] for dimension in grid.dimensions)
        for member in axes.members:
            yield Kind(
                number + axes.members.index(member),
                _mars(dataset, variable, axes, member),
                _variable(name, variable),
                axes.level_type,
                GRID_ID,
                _dtype(variable),
                name,
            )
        for offset, choice in enumerate(product(*(range(variable.sizes[each]) for each in axes.others))):
            at = dict(zip(axes.others, choice, strict=True))
            yield FieldFound(
                offset,
                cells * variable.dtype.itemsize,
                number + at.get(axes.member_dimension, 0),
                time=int(axes.times[at.get(axes.time_dimension, 0)]),
                level=float(axes.levels[at.get(axes.level_dimension, 0)]) if axes.levels else None,
            )
        number += len(axes.members)


class BlockReader:
    """Reads fields one after the other, a block of steps at once where the file keeps them together.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `opened` gives it.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset
        self._grid = detect_grid(dataset).dimensions
        self._block: tuple[str, int, NDArray[Any]] | None = None

    def read(self, name: str, offset: int, target: NDArray[np.floating]) -> None:
        """Write one field to an array of its cells; missing values are NaN."""
        if self._block is None or self._block[0] != name or not self._holds(offset):
            self._load(name, offset)
        assert self._block is not None  # noqa: S101 (loaded above)
        _, start, values = self._block
        np.copyto(target, values[offset - start].reshape(-1), casting="same_kind")

    def _holds(self, offset: int) -> bool:
        return self._block is not None and self._block[1] <= offset < self._block[1] + len(self._block[2])

    def _load(self, name: str, offset: int) -> None:
        variable = self._dataset[name]
        others = [str(each) for each in variable.dims if each not in self._grid]
        variable = variable.transpose(*others, *self._grid)
        if not others:
            self._block = name, 0, variable.values[np.newaxis]
            return
        sizes = [variable.sizes[each] for each in others]
        field_bytes = math.prod(variable.sizes[each] for each in self._grid) * variable.dtype.itemsize
        at = [int(each) for each in np.unravel_index(offset, sizes)]
        # Fields that follow each other along the last of the other dimensions, up to a bound of memory.
        count = min(max(1, BLOCK_BYTES // field_bytes), sizes[-1] - at[-1], self._together(variable, others))
        chosen = dict(zip(others[:-1], at[:-1], strict=True)) | {others[-1]: slice(at[-1], at[-1] + count)}
        self._block = name, offset, variable.isel(chosen).values

    @staticmethod
    def _together(variable: xr.DataArray, others: list[str]) -> int:
        chunks = variable.encoding.get("preferred_chunks") or {}
        return int(chunks.get(others[-1], 1))


class _Axes:
    """The dimensions of a variable beside its grid."""

    def __init__(self) -> None:
        self.others: list[str] = []
        self.time_dimension = self.level_dimension = self.member_dimension = ""
        self.times: NDArray[np.int64] = np.empty(0, np.int64)
        self.levels: list[float] = []
        self.level_type = ""
        self.members: list[str] = [""]


def _axes(variable: xr.DataArray, grid: Grid, dataset: xr.Dataset, times: NDArray[np.int64]) -> _Axes:
    axes = _Axes()
    axes.others = [str(each) for each in variable.dims if each not in grid.dimensions]
    axes.times = times
    axis = time_axis(dataset)
    for name in axes.others:
        if axis is not None and name == axis.dimension:
            axes.time_dimension = name
        elif name in MEMBERS and name in dataset.coords:
            axes.member_dimension = name
            axes.members = [str(int(each)) for each in dataset[name].values]
        elif not axes.level_dimension and name in dataset.coords and dataset[name].dtype.kind in "iuf":
            axes.level_dimension = name
            axes.level_type, axes.levels = _levels(dataset[name])
        else:
            raise InvalidInputError(f"Its dimension {name!r} is neither time, level nor member.")
    if axis is not None and axis.dimension is not None and not axes.time_dimension:
        raise InvalidInputError("It has no time.")
    return axes


def _times(dataset: xr.Dataset) -> NDArray[np.int64]:
    axis = time_axis(dataset)
    if axis is None:
        raise InvalidInputError(
            "The dataset has no time.", "Expected a CF time coordinate; a scalar one is enough."
        )
    if axis.calendar not in ("standard", "gregorian", "proleptic_gregorian"):
        raise InvalidInputError(f"Its calendar is {axis.calendar}: twins have the everyday one.")
    labels = np.array([label.rstrip("Z") for label in axis.labels], "datetime64[s]")
    return labels.astype(np.int64)


def _levels(coordinate: xr.DataArray) -> tuple[str, list[float]]:
    unit = str(coordinate.attrs.get("units", ""))
    values = coordinate.values.astype(np.float64)
    if unit in PRESSURE_IN_HPA:
        return "isobaricInhPa", (values * PRESSURE_IN_HPA[unit]).tolist()
    return str(coordinate.name), values.tolist()


def _mars(dataset: xr.Dataset, variable: xr.DataArray, axes: _Axes, member: str) -> dict[str, str]:
    """Return MARS keys as our own stores (`mars:KEY`) and cfgrib (`GRIB_dataType`) write them."""
    said = {**dataset.attrs, **variable.attrs}
    mars = {key.removeprefix("mars:"): str(value) for key, value in said.items() if key.startswith("mars:")}
    mars.pop("param", None)
    for key, attribute in {"centre": "GRIB_centre", "type": "GRIB_dataType"}.items():
        if attribute in said:
            mars.setdefault(key, str(said[attribute]))
    pressure = axes.level_type == "isobaricInhPa"
    mars.setdefault("levtype", "pl" if pressure else axes.level_type[:20] if axes.level_type else "sfc")
    if member:
        mars["number"] = member
    return mars


def _variable(name: str, variable: xr.DataArray) -> dict[str, str]:
    said = variable.attrs
    return {
        "name": str(said.get("GRIB_shortName", name)),
        "param": str(said.get("mars:param", said.get("GRIB_paramId", ""))),
        "title": str(said.get("long_name", said.get("GRIB_name", name))),
        "unit": str(said.get("units", "")),
        "standard_name": str(said.get("standard_name", "")),
        "step_type": str(said.get("GRIB_stepType", "")),
        "cell_methods": str(said.get("cell_methods", "")),
        "categories": "yes" if {"flag_values", "flag_masks"} & {*said} else "",
    }


def _dtype(variable: xr.DataArray) -> str:
    return "float32" if np.result_type(variable.dtype, np.float32) == np.float32 else "float64"


def _description(dataset: xr.Dataset, grid: Grid) -> dict[str, Any]:
    """Return the coordinates of the grid as they stand, with their attributes."""
    variable = next(iter(data_variables(dataset, grid.dimensions).values()), None)
    if variable is None:
        raise InvalidInputError("It has no variable on its grid.")
    mapping = referenced_name(variable, "grid_mapping")
    kept: dict[str, Any] = {}
    for name, coordinate in dataset[list(dataset.variables)].variables.items():
        is_horizontal = coordinate.dims and set(coordinate.dims) <= set(grid.dimensions)
        is_named = str(name) == mapping
        if is_named or (is_horizontal and (str(name) in dataset.coords or str(name) in grid.dimensions)):
            if coordinate.size > MOST_COORDINATE_VALUES:
                raise InvalidInputError(f"Its coordinate {name!r} has {coordinate.size:,} values.")
            values = [] if is_named else coordinate.values.astype(np.float64).reshape(-1).tolist()
            attributes = {key: _plain(value) for key, value in coordinate.attrs.items() if key != "bounds"}
            dtype = "int64" if coordinate.dtype.kind in "iu" else "float64"
            kept[str(name)] = {
                "dims": list(coordinate.dims),
                "shape": list(coordinate.shape),
                "values": values,
                "dtype": dtype,
                "attributes": attributes,
            }
    return {
        "kind": "cf",
        "dimensions": list(grid.dimensions),
        "shape": list(grid.shape),
        "mapping": mapping or "",
        "coordinates": kept,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 (attributes are anything)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
