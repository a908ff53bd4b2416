"""A request in the words of MARS, as polytope-client, eodag and people write it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError
from geoscope.mars.keys import IGNORED_KEYS, SEVERAL, bare_key, canonical, check_key
from geoscope.mars.texts import read_yaml

# No request names more values of one key than this: ten times the days of a century.
MOST_VALUES = 400_000
MOST_LENGTH = 1_000_000

type Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Choice:
    """The values of a key: a list, or a range from one to another.

    Attributes
    ----------
    values : tuple of str
        As written, in lower case; of a range its two ends.
    is_range : bool
        Whether they are the ends of a range.
    by : str or None
        The stride of a range. A range without means whatever there is between its ends.
    """

    values: tuple[str, ...]
    is_range: bool = False
    by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it asks for whatever there is between two ends."""
        return self.is_range and self.by is None

    def __str__(self) -> str:
        return (
            "/to/".join(self.values) + (f"/by/{self.by}" if self.by else "")
            if self.is_range
            else ("/".join(self.values))
        )


@dataclass(frozen=True)
class MarsRequest:
    """A request, read but not yet compared with what there is.

    Attributes
    ----------
    choices : mapping of str to Choice
        By key, without what says how the answer is made.
    feature : mapping or None
        The shape that is to be cut out; None for whole fields.
    output : mapping of str to str
        `grid`, `area`, `interpolation`, `format`, where they were given.
    """

    choices: Mapping[str, Choice]
    feature: Mapping[str, Any] | None
    output: Mapping[str, str]


def parse_request(request: object) -> MarsRequest:
    """Read a request: YAML or JSON text, or an object.

    Raises
    ------
    InvalidInputError
        Naming the key or value that is wrong.
    """
    asked = read_yaml(request) if isinstance(request, str) else request
    if isinstance(asked, list) and len(asked) == 1:
        asked = asked[0]
    if not isinstance(asked, Mapping) or not asked:
        raise InvalidInputError(
            "The request is no object of keys and values.", "Expected one, such as class: d1."
        )
    choices: dict[str, Choice] = {}
    output: dict[str, str] = {}
    feature: Mapping[str, Any] | None = None
    for word, value in asked.items():
        key = bare_key(str(word))
        check_key(key)
        if key == "feature":
            if not isinstance(value, Mapping):
                raise InvalidInputError("feature: this is no object.", "Expected type, points and so on.")
            feature = value
        elif key in ("grid", "area", "interpolation", "format"):
            output[key] = "/".join(map(str, value)) if isinstance(value, list) else str(value)
        elif key not in IGNORED_KEYS:
            if key in choices:
                raise InvalidInputError(f"{key}: it is given twice.")
            choices[key] = read_choice(key, value)
    return MarsRequest(choices, feature, output)


def read_choice(key: str, value: object) -> Choice:
    """Read the values of a key: `a/b/c`, `a/to/b`, `a/to/b/by/n`, a list, one value.

    Raises
    ------
    InvalidInputError
        Naming the key.
    """
    texts = [_text(key, each) for each in value] if isinstance(value, (list, tuple)) else [_text(key, value)]
    if len(texts) > MOST_VALUES or sum(map(len, texts)) > MOST_LENGTH:
        raise InvalidInputError(f"{key}: too many values.", f"At most {MOST_VALUES:,}.")
    words = [word.strip().lower() for text in texts for word in text.split("/")]
    if not all(words):
        raise InvalidInputError(f"{key}: {'/'.join(texts)[:100]!r} has an empty value.")
    if "to" in words or "by" in words:
        by = words[4] if len(words) == 5 and words[3] == "by" else None
        if len(words) not in (3, 5) or words[1] != "to" or (len(words) == 5 and by is None):
            raise InvalidInputError(
                f"{key}: {'/'.join(words)[:100]!r} is no range.", "Expected A/to/B or A/to/B/by/N."
            )
        if key not in SEVERAL or key == "param":
            raise InvalidInputError(f"{key}: a range has no meaning here.", "Name the values: A/B.")
        return Choice((words[0], words[2]), is_range=True, by=by)
    return Choice(tuple(dict.fromkeys(canonical(key, word) for word in words)))


def _text(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, date)):
        raise InvalidInputError(
            f"{key}: {str(value)[:100]!r} is no value.", "Expected text, a number, or a list."
        )
    if isinstance(value, datetime):
        return value.strftime("%Y%m%d")
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return format(value, ".15g") if isinstance(value, float) else str(value)


def days(choice: Choice, today: date | None = None) -> Days:
    """Return the days of a choice of dates, all between the ends of a range.

    Parameters
    ----------
    choice : Choice
        Dates as YYYYMMDD or YYYY-MM-DD, or relative to today: 0, -1.
    today : date, optional
        In UTC; by default that.

    Returns
    -------
    ndarray of datetime64[D]
        Rising, each once.
    """
    today = today or datetime.now(UTC).date()
    ends = [_day(word, today) for word in choice.values]
    if not choice.is_range:
        return np.unique(np.array(ends, "datetime64[D]"))
    stride = _count("date", choice.by or "1")
    if ends[1] < ends[0]:
        raise InvalidInputError(f"date: {choice} ends before it begins.")
    if (ends[1] - ends[0]).astype(int) // stride > MOST_VALUES:
        raise InvalidInputError(f"date: {choice} has too many days.")
    return np.arange(ends[0], ends[1] + np.timedelta64(1, "D"), np.timedelta64(stride, "D"))


def _day(word: str, today: date) -> np.datetime64:
    if re.fullmatch(r"-\d{1,5}|0", word):
        return np.datetime64(today, "D") + np.timedelta64(int(word), "D")
    match = re.fullmatch(r"(\d{4})(-?)(\d{2})\2(\d{2})", word)
    try:
        return np.datetime64(f"{match[1]}-{match[3]}-{match[4]}" if match else "none", "D")
    except ValueError:
        raise InvalidInputError(
            f"date: {word[:50]!r} is no date.", "Expected YYYYMMDD, YYYY-MM-DD, or days before today: -1."
        ) from None


def minutes(choice: Choice) -> list[int]:
    """Return the times of day of a choice, in minutes; of an open range its two ends."""
    ends = [_minute(canonical("time", word)) for word in choice.values]
    if not choice.is_range or choice.by is None:
        return ends
    # Hours, as MARS counts them; also written as a time.
    stride = (
        int(choice.by) * 60 if re.fullmatch(r"\d{1,2}", choice.by) else _minute(canonical("time", choice.by))
    )
    if stride < 1:
        raise InvalidInputError(f"time: {choice} has no stride.")
    return list(range(ends[0], ends[1] + 1, stride))


def _minute(time: str) -> int:
    return int(time[:2]) * 60 + int(time[2:])


def whole_numbers(key: str, choice: Choice) -> list[int]:
    """Return the whole numbers of a choice, all between the ends of a range."""
    ends = [_count(key, word, least=0) for word in choice.values]
    if not choice.is_range:
        return ends
    found = range(ends[0], ends[1] + 1, _count(key, choice.by or "1"))
    if len(found) > MOST_VALUES:
        raise InvalidInputError(f"{key}: {choice} has too many values.")
    return list(found)


def _count(key: str, word: str, least: int = 1) -> int:
    if not re.fullmatch(r"\d{1,9}", word) or int(word) < least:
        raise InvalidInputError(f"{key}: {word[:50]!r} is no whole number.")
    return int(word)


def steps(choice: Choice) -> list[int]:
    """Return forecast steps in hours, of accumulations (`0-6`) their ends; of an open range its two ends."""
    plain = Choice(tuple(_step_end(word) for word in choice.values), choice.is_range, choice.by)
    return whole_numbers("step", plain) if not plain.is_open else [_count("step", w, 0) for w in plain.values]


def _step_end(word: str) -> str:
    match = re.fullmatch(r"(?:\d+-)?(\d+)h?", word)
    return match[1] if match else word


def numbers(key: str, choice: Choice) -> list[float]:
    """Return the numbers of a choice such as levels; of an open range its two ends."""
    try:
        ends = [float(word) for word in choice.values]
        stride = float(choice.by) if choice.by else 0.0
    except ValueError:
        raise InvalidInputError(f"{key}: {str(choice)[:100]!r} are no numbers.") from None
    if not all(np.isfinite(ends)) or (choice.by and not 0 < stride < np.inf):
        raise InvalidInputError(f"{key}: {str(choice)[:100]!r} are no numbers.")
    if not choice.is_range or choice.by is None:
        return ends
    low, high = min(ends), max(ends)
    if (high - low) / stride > MOST_VALUES:
        raise InvalidInputError(f"{key}: {choice} has too many values.")
    found = np.arange(low, high + stride / 2, stride).tolist()
    return found if ends[0] <= ends[1] else found[::-1]
