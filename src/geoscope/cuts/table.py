"""Cuts as tables: a row for each instance, time, level and cell; as CSV (RFC 4180) or Parquet."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
import shapely
from numpy.typing import NDArray

from geoscope.cubes.times import GREGORIAN
from geoscope.cuts.cutting import Cut

# Rows that are written at once, however large a block is.
ROWS_AT_ONCE = 256 * 1024


@dataclass(frozen=True)
class Rows:
    """Some rows of a table, by column.

    Attributes
    ----------
    times : list of str
        What `time` counts.
    time : ndarray of int64
        Which of `times` each row has; empty for a cube without time.
    level : ndarray of float64 or None
        None without levels.
    values : dict of str to ndarray of float32
        By name of variable.
    """

    cut: Cut
    times: Sequence[str]
    time: NDArray[np.int64]
    level: NDArray[np.float64] | None
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    values: dict[str, NDArray[np.float32]]

    def part(self, start: int, stop: int) -> "Rows":
        """Return some of the rows."""
        return Rows(
            self.cut,
            self.times,
            self.time[start:stop],
            None if self.level is None else self.level[start:stop],
            self.longitude[start:stop],
            self.latitude[start:stop],
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


async def rows_of(cuts: Sequence[Cut]) -> AsyncIterator[Rows]:
    """Yield the rows of all cuts, some at a time: by instance, set of levels, time, level and cell."""
    for cut in cuts:
        for block in cut.blocks(len(cut.variables)):
            values = [await cut.read(variable, block) for variable in cut.variables]
            whole = _rows(cut, block, values)
            for start in range(0, len(whole.longitude), ROWS_AT_ONCE):
                yield whole.part(start, start + ROWS_AT_ONCE)


async def csv_table(cuts: Sequence[Cut]) -> AsyncIterator[bytes]:
    """Yield CSV: instance, time (UTC), level if there are any, longitude, latitude, then each variable.

    Longitude and latitude are those of the cell's centre, in degrees; missing values are left empty.
    """
    columns = Columns.of_cuts(cuts)
    levels = [_heading("level", columns.level_unit)] if columns.has_levels else []
    names = (_heading(*column) for column in columns.units.items())
    yield _csv([["instance", "time", *levels, "longitude", "latitude", *names]])
    async for rows in rows_of(cuts):
        yield await asyncio.to_thread(_csv_rows, rows, columns)


async def write_parquet(cuts: Sequence[Cut], path: Path) -> None:
    """Write GeoParquet 1.1: the same columns, each place as a point too, a row group for each block."""
    columns = Columns.of_cuts(cuts)
    schema = _schema(columns)
    with pa.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        async for rows in rows_of(cuts):
            table = await asyncio.to_thread(_arrow_table, rows, columns, schema)
            await _ended(asyncio.create_task(asyncio.to_thread(writer.write_table, table)))


async def _ended(work: asyncio.Task[None]) -> None:
    """Wait for work in a thread, also when cancelled: a writer closed meanwhile ends the process."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise


def _rows(cut: Cut, block: slice, values: list[NDArray[np.float32]]) -> Rows:
    steps, levels, cells = values[0].shape
    count = steps * levels * cells
    longitude, latitude = cut.selection.longitude, cut.selection.latitude
    times = cut.times
    if not times:
        time = np.empty(0, np.int64)
    elif cut.own_steps is not None:
        time = np.tile(np.arange(cells), levels)
    else:
        time = np.repeat(np.arange(block.start, block.stop) - cut.steps.start, levels * cells)
    level = None
    if cut.heights is not None:
        one_step = cut.heights if cut.own_levels is not None else np.repeat(cut.heights, cells)
        level = np.tile(one_step, steps)
    return Rows(
        cut,
        times,
        time,
        level,
        np.tile(longitude, count // cells),
        np.tile(latitude, count // cells),
        {variable.name: part.ravel() for variable, part in zip(cut.variables, values, strict=True)},
    )


def _csv_rows(rows: Rows, columns: Columns) -> bytes:
    count = len(rows.longitude)
    nothing = [""] * count
    found: list[Sequence[str]] = [
        [rows.cut.instance] * count,
        [rows.times[number] for number in rows.time.tolist()] if len(rows.time) else nothing,
    ]
    if columns.has_levels:
        found.append(nothing if rows.level is None else _decimals(rows.level))
    found += [_decimals(rows.longitude), _decimals(rows.latitude)]
    found += [_decimals(rows.values[name]) if name in rows.values else nothing for name in columns.units]
    return _csv(zip(*found, strict=True))


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _heading(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _decimals(values: NDArray[Any]) -> list[str]:
    """Return the shortest decimals that give back each value; empty for one that is missing."""
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return ["" if number == "null" else number for number in text[1:-1].split(",")]


def _schema(columns: Columns) -> pa.Schema:
    # A 360-day year has days that no timestamp can say.
    time = pa.timestamp("us", tz="UTC") if columns.is_gregorian else pa.string()
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
        *(pa.field(name, pa.float32(), metadata={"unit": unit}) for name, unit in columns.units.items()),
        pa.field("geometry", pa.binary()),
    ]
    geometry = {"encoding": "WKB", "geometry_types": ["Point"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    return pa.schema(fields, metadata={"geo": orjson.dumps(geo)})


def _arrow_table(rows: Rows, columns: Columns, schema: pa.Schema) -> pa.Table:
    count = len(rows.longitude)
    nothing = np.full(count, np.nan, np.float32)
    arrays: dict[str, Any] = {
        "instance": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [rows.cut.instance]),
        "time": _arrow_times(rows, schema.field("time").type),
        "longitude": rows.longitude,
        "latitude": rows.latitude,
        "geometry": shapely.to_wkb(shapely.points(rows.longitude, rows.latitude)),
    }
    if columns.has_levels:
        arrays["level"] = pa.nulls(count, pa.float64()) if rows.level is None else rows.level
    for name in columns.units:
        arrays[name] = pa.array(rows.values.get(name, nothing), from_pandas=True)
    return pa.table({name: arrays[name] for name in schema.names}, schema=schema)


def _arrow_times(rows: Rows, type_: pa.DataType) -> pa.Array:
    if not len(rows.time):
        return pa.nulls(len(rows.longitude), type_)
    axis = rows.cut.cube.times
    if pa.types.is_string(type_) or axis is None:
        return pa.array([rows.times[number] for number in rows.time.tolist()])
    steps = (
        rows.cut.own_steps
        if rows.cut.own_steps is not None
        else np.arange(rows.cut.steps.start, rows.cut.steps.stop)
    )
    return pa.array(axis.numbers[steps][rows.time]).cast(pa.timestamp("us")).cast(type_)
