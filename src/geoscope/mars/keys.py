"""The keys of MARS: which there are, and how their values are written in one way only."""

import re
from difflib import get_close_matches

from geoscope.errors import InvalidInputError

# What names a dataset, in the order in which it narrows; one value each, except where several are asked for.
DATASET_KEYS = (
    "class",
    "dataset",
    "activity",
    "experiment",
    "generation",
    "model",
    "realization",
    "expver",
    "stream",
    "type",
    "resolution",
    "georef",
    "levtype",
    "number",
)
# What names the fields inside of it.
FIELD_KEYS = ("date", "time", "year", "month", "step", "levelist", "param")
# How the answer is to be made.
OUTPUT_KEYS = ("feature", "grid", "area", "interpolation", "format")
KEYS = (*DATASET_KEYS, *FIELD_KEYS, *OUTPUT_KEYS)

# MARS's own directions, which change nothing here.
IGNORED_KEYS = ("target", "expect", "padding", "use", "verb", "accuracy", "packing", "padding")

# Of these a request may name several values at once.
SEVERAL = (*FIELD_KEYS, "number", "realization")

# What is meant where several values are left and none was chosen; else the first.
USUAL = {"levtype": "sfc", "resolution": "standard", "stream": "clte"}

_NUMBERED = ("generation", "realization", "number", "year", "month")
_PREFIXES = ("mars:", "ecmwf:")


def bare_key(key: str) -> str:
    """Return a key without a catalogue's prefix, in lower case."""
    key = key.strip().lower()
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key


def canonical(key: str, value: object) -> str:
    """Return a value of a key in the one way that values are compared: `ssp3-7.0`, `0001`.

    Parameters
    ----------
    key : str
        Without prefix.
    value : str or number
        As somebody wrote it.
    """
    text = str(value).strip().lower()
    if key == "expver" and text.isdigit():
        return text.zfill(4)
    if key == "time":
        return canonical_time(text)
    if key in _NUMBERED and text.isdigit():
        return str(int(text))
    return text


def canonical_time(text: str) -> str:
    """Return a time of day as HHMM: `0`, `06`, `600`, `06:00` and `06:00:00` are all understood.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    match = re.fullmatch(r"(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?", text)
    if text.isdigit() and len(text) == 3:
        match = re.fullmatch(r"(\d)(\d{2})()", text)
    hour, minute = (int(match[1]), int(match[2] or 0)) if match else (24, 0)
    if hour > 23 or minute > 59:
        raise InvalidInputError(
            f"time: {text[:50]!r} is no time of day.", "Expected HHMM or HH:MM, such as 0600."
        )
    return f"{hour:02}{minute:02}"


def check_key(key: str) -> None:
    """Refuse a word that is no key, with the key that may be meant.

    Raises
    ------
    InvalidInputError
        Naming it.
    """
    if key not in KEYS and key not in IGNORED_KEYS:
        raise InvalidInputError(f"{key[:50]!r} is no key of a request.", suggestion(key, KEYS, "There are"))


def suggestion(word: str, there_are: tuple[str, ...] | list[str], otherwise: str, most: int = 12) -> str:
    """Say what would fit instead of a word: what looks like it, else what there is."""
    close = get_close_matches(word, there_are, n=3, cutoff=0.6)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    shown = ", ".join(there_are[:most])
    more = f" and {len(there_are) - most} more" if len(there_are) > most else ""
    return f"{meant}{otherwise}: {shown}{more}."
