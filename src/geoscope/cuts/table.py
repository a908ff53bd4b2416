"""Cuts as tables: a row for each instance, time, level and cell; as CSV (RFC 4180) or Parquet."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import shapely
from numpy.typing import NDArray

from geoscope.cubes.grid import Degrees
from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.cutting import Cut

# Rows of a row group of Parquet, and of a piece of CSV, however large a block is.
ROWS_AT_ONCE = 256 * 1024
CSV_ROWS_AT_ONCE = 32 * 1024


@dataclass(frozen=True)
class Rows:
    """Some rows of a table, by column: most hold numbers into what a cut has once.

    Attributes
    ----------
    time : ndarray of int64
        Which of the cut's times each row has; empty for a cube without time.
    level : ndarray of int64 or None
        Which of its heights; None without levels.
    place : ndarray of int64
        Which of its places.
    values : dict of str to ndarray of float32
        By name of variable.
    """

    cut: Cut
    time: NDArray[np.int64]
    level: NDArray[np.int64] | None
    place: NDArray[np.int64]
    values: dict[str, NDArray[np.float32]]

    def part(self, start: int, stop: int) -> "Rows":
        """Return some of the rows."""
        return Rows(
            self.cut,
            self.time[start:stop],
            None if self.level is None else self.level[start:stop],
            self.place[start:stop],
            {name: values[start:stop] for name, values in self.values.items()},
        )


@dataclass(frozen=True)
class Columns:
    """The columns that a table of several cuts has."""

    units: dict[str, str]
    level_unit: str
    has_levels: bool
    is_gregorian: bool

    @classmethod
    def of_cuts(cls, cuts: Sequence[Cut]) -> "Columns":
        """Return those that all cuts together need."""
        axes = [cut.axis for cut in cuts if cut.axis is not None]
        level_units = {axis.unit for axis in axes}
        return cls(
            units={variable.name: variable.unit for cut in cuts for variable in cut.variables},
            level_unit=level_units.pop() if len(level_units) == 1 else "",
            has_levels=bool(axes),
            is_gregorian=all(cut.calendar == GREGORIAN for cut in cuts),
        )


class OfPlaces:
    """What is made of each place of a cut once, and taken for each row that is there.

    Where places are more than the rows that are written at once, it is made of these rows' places instead.
    """

    def __init__(self, cut: Cut, make: Callable[[Degrees, Degrees], pa.Array], at_once: int) -> None:
        self._longitude, self._latitude, self._make = cut.selection.longitude, cut.selection.latitude, make
        few = len(self._longitude) <= at_once
        self._kept: pa.Array | None = make(self._longitude, self._latitude) if few else None

    def take(self, place: NDArray[np.int64]) -> pa.Array:
        """Return it for rows, by the numbers of their places."""
        if self._kept is not None:
            return self._kept.take(pa.array(place))
        return self._make(self._longitude[place], self._latitude[place])


async def rows_of(cut: Cut, at_once: int) -> AsyncIterator[Rows]:
    """Yield the rows of a cut, some at a time: by set of levels, time, level and cell."""
    for block in cut.blocks(len(cut.variables)):
        values = [await cut.read(variable, block) for variable in cut.variables]
        whole = _rows(cut, block, values)
        for start in range(0, len(whole.place), at_once):
            yield whole.part(start, start + at_once)


async def csv_table(cuts: Sequence[Cut]) -> AsyncIterator[bytes]:
    """Yield CSV: instance, time (UTC), level if there are any, longitude, latitude, then each variable.

    Longitude and latitude are those of the cell's centre, in degrees; missing values are left empty.
    """
    columns = Columns.of_cuts(cuts)
    levels = [_heading("level", columns.level_unit)] if columns.has_levels else []
    names = (_heading(*column) for column in columns.units.items())
    yield _csv_line(["instance", "time", *levels, "longitude", "latitude", *names])
    for cut in cuts:
        fields = await asyncio.to_thread(CsvFields.of_cut, cut, columns)
        async for rows in rows_of(cut, CSV_ROWS_AT_ONCE):
            yield await asyncio.to_thread(fields.write, rows)


async def write_parquet(cuts: Sequence[Cut], target: Path | BinaryIO) -> None:
    """Write GeoParquet 1.1: the same columns, each place as a point too, a row group for each block."""
    columns = Columns.of_cuts(cuts)
    schema = _schema(columns, cuts)
    # Measured values hardly ever come twice: a dictionary of them would only cost time and room.
    encoded = {
        "use_dictionary": [name for name in schema.names if name not in columns.units],
        "use_byte_stream_split": list(columns.units),
    }
    loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(1, "parquet")
    writer = pa.parquet.ParquetWriter(target, schema, compression="zstd", **encoded)
    try:
        for cut in cuts:
            points = await asyncio.to_thread(OfPlaces, cut, _points, ROWS_AT_ONCE)
            async for rows in rows_of(cut, ROWS_AT_ONCE):
                table = await asyncio.to_thread(_arrow_table, rows, columns, schema, points)
                await loop.run_in_executor(pool, writer.write_table, table)
    finally:
        # In the same thread, behind what is being written there when somebody leaves: a writer that is
        # closed at work ends the process.
        closed = pool.submit(writer.close)
        pool.shutdown(wait=False)
    await asyncio.wrap_future(closed)


def _rows(cut: Cut, block: slice, values: list[NDArray[np.float32]]) -> Rows:
    steps, levels, cells = values[0].shape
    count = steps * levels * cells
    if not cut.times:
        time = np.empty(0, np.int64)
    elif cut.own_steps is not None:
        time = np.tile(np.arange(cells), levels)
    else:
        time = np.repeat(np.arange(block.start, block.stop) - cut.steps.start, levels * cells)
    level = None
    if cut.heights is not None:
        one_step = np.arange(cells) if cut.own_levels is not None else np.repeat(np.arange(levels), cells)
        level = np.tile(one_step, steps)
    place = np.tile(np.arange(cells), count // cells)
    named = zip(cut.variables, values, strict=True)
    return Rows(cut, time, level, place, {variable.name: part.ravel() for variable, part in named})


@dataclass(frozen=True)
class CsvFields:
    """The fields of CSV that come again and again, each written once, with the commas between them.

    Rows are then put together by Arrow: one long text, without an object for each row.

    Attributes
    ----------
    times : StringArray
        Instance and time; only the instance for a cube without time.
    levels : StringArray or None
        None for a table without levels.
    places : OfPlaces
        Longitude and latitude.
    names : tuple of str
        Of the variables that the table has.
    """

    times: pa.StringArray
    levels: pa.StringArray | None
    places: OfPlaces
    names: tuple[str, ...]

    @classmethod
    def of_cut(cls, cut: Cut, columns: Columns) -> Self:
        """Write the fields of a cut."""
        instance = _csv_line([cut.instance])[:-2].decode()
        levels = None
        if columns.has_levels:
            levels = pa.array([","]) if cut.heights is None else _decimals(cut.heights)
        return cls(
            times=pa.array([f"{instance},{time}" for time in cut.times or ("",)]),
            levels=levels,
            places=OfPlaces(cut, _coordinates, CSV_ROWS_AT_ONCE),
            names=tuple(columns.units),
        )

    def write(self, rows: Rows) -> bytes:
        """Return rows as CSV."""
        fields = [self.times.take(pa.array(rows.time)) if len(rows.time) else self.times[0]]
        if self.levels is not None:
            fields.append(self.levels[0] if rows.level is None else self.levels.take(pa.array(rows.level)))
        fields.append(self.places.take(rows.place))
        fields += [_decimals(rows.values[name]) if name in rows.values else "," for name in self.names]
        lines = _joined(*fields, "\r\n")
        end = int(np.frombuffer(lines.buffers()[1], np.int32)[len(lines)])
        return bytes(memoryview(lines.buffers()[2])[:end])


def _coordinates(longitude: Degrees, latitude: Degrees) -> pa.StringArray:
    return _joined(_decimals(longitude), _decimals(latitude))


def _points(longitude: Degrees, latitude: Degrees) -> pa.BinaryArray:
    return pa.array(shapely.to_wkb(shapely.points(longitude, latitude)))


def _joined(*fields: pa.StringArray | pa.StringScalar | str) -> pa.StringArray:
    return pa.compute.binary_join_element_wise(*fields, "")


def _decimals(values: NDArray[Any]) -> pa.StringArray:
    """Return a comma and the shortest decimals that give back each value; nothing for one that is missing."""
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    fields = b"," + text[1:-1]
    starts = np.flatnonzero(np.frombuffer(fields, np.uint8) == ord(","))
    offsets = np.append(starts, len(fields)).astype(np.int32)
    found = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(fields))
    return pa.compute.replace_substring(found, "null", "") if b"null" in fields else found


def _csv_line(fields: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode()


def _heading(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _schema(columns: Columns, cuts: Sequence[Cut]) -> pa.Schema:
    # A 360-day year has days that no timestamp can say.
    time = pa.timestamp("us", tz="UTC") if columns.is_gregorian else pa.string()
    methods = {
        variable.name: {"cell_methods": said} if (said := cut.cell_methods(variable)) else {}
        for cut in cuts
        for variable in cut.variables
    }
    fields = [
        pa.field("instance", pa.dictionary(pa.int32(), pa.string())),
        pa.field("time", time),
        *(
            [pa.field("level", pa.float64(), metadata={"unit": columns.level_unit})]
            if columns.has_levels
            else []
        ),
        pa.field("longitude", pa.float64()),
        pa.field("latitude", pa.float64()),
        *(
            pa.field(name, pa.float32(), metadata={"unit": unit, **methods[name]})
            for name, unit in columns.units.items()
        ),
        pa.field("geometry", pa.binary()),
    ]
    geometry = {"encoding": "WKB", "geometry_types": ["Point"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    return pa.schema(fields, metadata={"geo": orjson.dumps(geo)})


def _arrow_table(rows: Rows, columns: Columns, schema: pa.Schema, points: OfPlaces) -> pa.Table:
    count, selection = len(rows.place), rows.cut.selection
    nothing = np.full(count, np.nan, np.float32)
    arrays: dict[str, Any] = {
        "instance": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [rows.cut.instance]),
        "time": _arrow_times(rows, schema.field("time").type),
        "longitude": selection.longitude[rows.place],
        "latitude": selection.latitude[rows.place],
        "geometry": points.take(rows.place),
    }
    if columns.has_levels:
        heights = rows.cut.heights
        if rows.level is None or heights is None:
            arrays["level"] = pa.nulls(count, pa.float64())
        else:
            arrays["level"] = heights[rows.level]
    for name in columns.units:
        arrays[name] = pa.array(rows.values.get(name, nothing), from_pandas=True)
    return pa.table({name: arrays[name] for name in schema.names}, schema=schema)


def _arrow_times(rows: Rows, type_: pa.DataType) -> pa.Array:
    if not len(rows.time):
        return pa.nulls(len(rows.place), type_)
    cut = rows.cut
    axis = cut.cube.times
    if pa.types.is_string(type_) or axis is None:
        return pa.array(cut.times).take(pa.array(rows.time))
    steps = cut.own_steps if cut.own_steps is not None else np.arange(cut.steps.start, cut.steps.stop)
    return pa.array(axis.numbers[steps][rows.time]).cast(pa.timestamp("us")).cast(type_)
