"""GRIB 1 and 2 by ecCodes alone: what each message says, and its values. Only for decoder processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import eccodes
import gribapi.bindings as native
import numpy as np
from gribapi.gribapi import GRIB_CHECK, get_handle

from geoscope.errors import InvalidInputError
from geoscope.twins.ingest.answers import Answer, FieldFound, GridFound, Kind, SetAside, Wanted
from geoscope.twins.ingest.grib_grids import Values, describe_grid, grid_id, order_of, put_in_order
from geoscope.twins.ingest.messages import Damage, header_bytes, message_bytes, scan
from geoscope.twins.ingest.simple_packing import read_simply_packed

UNKNOWN = ("unknown", "~", "")
# What differs from field to field of one dataset.
OF_THE_FIELD = ("date", "time", "step", "param", "levelist", "domain", "verify")
MISSING = 9e20
# float32 holds any packed number of so many bits beside the rounding that decoding does anyway.
FLOAT32_BITS = 24


def index(file: BinaryIO, start: int, *, skip_first: bool) -> Iterator[Answer]:
    """Yield what the messages of a file say of themselves, and what cannot be read.

    Parameters
    ----------
    file : binary file
        Seekable.
    start : int
        Offset to begin at.
    skip_first : bool
        Whether the first message there is the one at which another process died.
    """
    kinds = _Kinds()
    for found in scan(file, start):
        if isinstance(found, Damage):
            yield SetAside(found.offset, found.length, found.reason)
        elif skip_first:
            skip_first = False
            yield SetAside(found.offset, found.length, "The program that reads GRIB stopped at this message.")
        else:
            try:
                with _opened(header_bytes(file, found)) as message:
                    new, field = kinds.field(message)
            except Exception as error:  # noqa: BLE001 (ecCodes and its binding raise anything at a broken one)
                yield SetAside(found.offset, found.length, _words(error))
                continue
            yield from new
            field.offset, field.length, field.part = found.offset, found.length, found.part
            yield field


def decode(file: BinaryIO, wanted: Wanted, target: Values) -> None:
    """Decode one field.

    Parameters
    ----------
    file : binary file
        The same as was indexed.
    wanted : Wanted
        Which.
    target : ndarray, shape (cells,)
        Takes the values, float32 or float64, as the grid's description orders them; missing ones are NaN.

    Raises
    ------
    InvalidInputError
        If its values cannot be read.
    """
    try:
        with _opened(message_bytes(file, wanted.offset, wanted.length, int(wanted.part))) as message:
            order = order_of(message)
            values = target if order.is_canonical else np.empty_like(target)
            _read_values(message, values)
            if values is not target:
                put_in_order(values, order, target)
    except InvalidInputError:
        raise
    except Exception as error:
        raise InvalidInputError(_words(error)) from error


def _read_values(message: int, values: Values) -> None:
    """Fill an array with the message's values, without a copy."""
    has_bitmap = bool(eccodes.codes_get_long(message, "bitmapPresent"))
    if has_bitmap:
        eccodes.codes_set_double(message, "missingValue", MISSING)
    if (count := eccodes.codes_get_size(message, "values")) != values.size:
        raise InvalidInputError(f"It holds {count:,} values, and its grid has {values.size:,} cells.")
    if not read_simply_packed(message, values):
        _read_by_eccodes(message, values)
    if has_bitmap:
        values[values == values.dtype.type(MISSING)] = np.nan


def _read_by_eccodes(message: int, values: Values) -> None:
    length = native.ffi.new("size_t *", values.size)
    is_single = values.dtype == np.float32
    read = native.lib.grib_get_float_array if is_single else native.lib.grib_get_double_array
    pointer = native.ffi.cast("float *" if is_single else "double *", native.ffi.from_buffer(values))
    GRIB_CHECK(read(get_handle(message), b"values", pointer, length))


class _Kinds:
    """The kinds of fields and the grids that were told of."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._grids: dict[str, str] = {}

    def field(self, message: int) -> tuple[list[Answer], FieldFound]:
        """Return what has to be told before a field, and the field; its place is still to be filled in."""
        mars = _namespace(message, "mars")
        grid = grid_id(message)
        new: list[Answer] = []
        if grid not in self._grids:
            problem = ""
            try:
                description = describe_grid(message)
                order_of(message)
                new.append(GridFound(grid, description))
            except InvalidInputError as error:
                problem = str(error)
            self._grids[grid] = problem
        if problem := self._grids[grid]:
            raise InvalidInputError(problem)
        has_level = "levelist" in mars
        bits = int(eccodes.codes_get_long(message, "bitsPerValue"))
        dtype = "float32" if bits <= FLOAT32_BITS else "float64"
        shared = {key: value for key, value in mars.items() if key not in OF_THE_FIELD}
        shared.setdefault("centre", _text(message, "centre"))
        level_type = _text(message, "typeOfLevel") if has_level else ""
        param = _text(message, "paramId")
        key = (tuple(shared.items()), param, _text(message, "shortName"), level_type, grid, dtype)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            kind = Kind(self._numbers[key], shared, _variable(message), level_type, grid, dtype)
            new.append(kind)
        base = _moment(message, "dataDate", "dataTime") if "step" in mars else 0
        field = FieldFound(
            0,
            0,
            self._numbers[key],
            time=_moment(message, "validityDate", "validityTime"),
            level=_level(message) if has_level else None,
            base=base,
        )
        return new, field


def _variable(message: int) -> dict[str, str]:
    return {
        "name": _text(message, "shortName"),
        "param": _text(message, "paramId"),
        "title": _text(message, "name"),
        "unit": _text(message, "units"),
        "standard_name": _text(message, "cfName"),
        "step_type": _text(message, "stepType"),
    }


def _level(message: int) -> float:
    level = float(eccodes.codes_get_double(message, "level"))
    # MARS counts pressure levels in hPa.
    return level / 100 if _text(message, "typeOfLevel") == "isobaricInPa" else level


def _moment(message: int, date_key: str, time_key: str) -> int:
    date = int(eccodes.codes_get_long(message, date_key))
    time = int(eccodes.codes_get_long(message, time_key))
    try:
        moment = datetime(date // 10_000, date // 100 % 100, date % 100, time // 100, time % 100, tzinfo=UTC)
    except ValueError as error:
        raise InvalidInputError(f"It says the date {date} and the time {time}.") from error
    return int(moment.timestamp())


def _namespace(message: int, namespace: str) -> dict[str, str]:
    iterator = eccodes.codes_keys_iterator_new(message, namespace)
    found: dict[str, str] = {}
    try:
        while eccodes.codes_keys_iterator_next(iterator):
            name = eccodes.codes_keys_iterator_get_name(iterator)
            value = str(eccodes.codes_get_string(message, name))
            if value not in UNKNOWN:
                found[name] = value
    finally:
        eccodes.codes_keys_iterator_delete(iterator)
    return found


def _text(message: int, key: str) -> str:
    if not eccodes.codes_is_defined(message, key):
        return ""
    value = str(eccodes.codes_get_string(message, key))
    return "" if value in UNKNOWN else value


@contextmanager
def _opened(content: bytes) -> Iterator[int]:
    message = eccodes.codes_new_from_message(content)
    del content  # ecCodes has a copy
    try:
        yield message
    finally:
        eccodes.codes_release(message)


def _words(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text + "." if isinstance(error, InvalidInputError) else f"ecCodes cannot read it: {text[:200]}."
