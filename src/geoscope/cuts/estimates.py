"""How large a cut would be and how long it would take, known before anything is read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.cuts.cutting import Cut
from geoscope.cuts.forms import Form
from geoscope.errors import TooLargeError

# Decoded bytes a second and values written a second, as long as nothing was measured.
_FIRST_READ_RATE = 150e6
_FIRST_WRITE_RATE = 10e6
# How much the last cut counts against all before.
_WEIGHT = 0.2
# Cuts shorter than this are mostly waiting, and say little of a rate.
_LEAST_BYTES = 4 * 1024**2

# About so many bytes a value in each form; a table has the place and time with each row, too.
_VALUE_BYTES = {Form.COVERAGE_JSON: 10.0, Form.NETCDF: 3.0, Form.ZARR: 3.0, Form.CSV: 10.0, Form.PARQUET: 4.0}
_ROW_BYTES = {Form.CSV: 50.0, Form.PARQUET: 1.0}
_HEAD_BYTES = 2000


@dataclass(frozen=True)
class Estimate:
    """What a cut would be.

    Attributes
    ----------
    values : int
        Number of values: exact.
    values_to_read : int
        Number of values that are read for them, exact: more if the cells of a region are aggregated.
    bytes_to_read : int
        Size, decoded, of the chunks that hold them: exact, but for what is kept in memory already.
    answer_bytes : int
        Size of the answer, roughly.
    seconds : float
        From what was measured last on this machine.
    """

    form: Form
    values: int
    values_to_read: int
    bytes_to_read: int
    answer_bytes: int
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "values": self.values,
            "valuesToRead": self.values_to_read,
            "bytesToRead": self.bytes_to_read,
            "answerBytes": self.answer_bytes,
            "seconds": round(self.seconds, 3),
            "f": self.form.value,
        }


class Pace:
    """How quickly this process reads, learnt from what it read."""

    def __init__(self) -> None:
        self._rate = _FIRST_READ_RATE

    @property
    def bytes_per_second(self) -> float:
        """Decoded bytes, reading and writing together."""
        return self._rate

    def learn(self, cuts: Sequence[Cut], started: float) -> None:
        """Take in a cut that was answered whole, begun at `time.monotonic()` = `started`."""
        size = sum(cut.bytes_to_read for cut in cuts)
        if size >= _LEAST_BYTES:
            rate = size / max(time.monotonic() - started, 1e-3)
            self._rate += _WEIGHT * (rate - self._rate)


PACE = Pace()


class CutTooLargeError(TooLargeError):
    """The cut has more values than one answer may hold; it carries an estimate, and how to get a job."""

    def __init__(self, problem: str, remedy: str, members: dict[str, Any]) -> None:
        super().__init__(problem, remedy)
        self.members = members


def estimate(cuts: Sequence[Cut], form: Form, pace: Pace = PACE) -> Estimate:
    """Return what cuts would be together in a form."""
    values = sum(cut.value_count for cut in cuts)
    rows = sum(cut.value_count // len(cut.variables) for cut in cuts)
    to_read = sum(cut.bytes_to_read for cut in cuts)
    answer = _HEAD_BYTES + values * _VALUE_BYTES[form] + rows * _ROW_BYTES.get(form, 0.0)
    seconds = to_read / pace.bytes_per_second + values / _FIRST_WRITE_RATE
    read = sum(cut.read_count for cut in cuts)
    return Estimate(form, values, read, to_read, int(answer), seconds)
