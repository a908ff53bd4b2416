"""Finding what a request means among what there is; an error says which value is wrong and what would fit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError, NotFoundError
from geoscope.mars.datasets import Instants, TwinDataset, TwinParameter
from geoscope.mars.keys import DATASET_KEYS, SEVERAL, suggestion
from geoscope.mars.requests import Choice, Days, MarsRequest, days, minutes, numbers, steps, whole_numbers

ALL = ("all",)


@dataclass(frozen=True)
class Match:
    """A dataset that a request names, and the parameters that it wants of it, in its order."""

    dataset: TwinDataset
    parameters: tuple[TwinParameter, ...]


def find_datasets(request: MarsRequest, datasets: Iterable[TwinDataset]) -> list[Match]:
    """Return the datasets that a request names: one, or several of its dates, members or realizations.

    Raises
    ------
    InvalidInputError
        Naming the key that is missing, or whose value nothing has, and what there is.
    NotFoundError
        If there is no twin data at all.
    """
    left = list(datasets)
    if not left:
        raise NotFoundError("There is no twin data here yet.")
    for key in DATASET_KEYS:
        if choice := request.choices.get(key):
            left = _narrowed(key, choice, left)
    left = _with_bases(request, left)
    _refuse_foreign_keys(request, left)
    found = _with_parameters(request, left)
    _require_one(request, [match.dataset for match in found])
    return found


def _narrowed(key: str, choice: Choice, datasets: list[TwinDataset]) -> list[TwinDataset]:
    there_are = sorted({each.keys[key] for each in datasets if key in each.keys})
    if choice.values == ALL and key in SEVERAL:
        return datasets
    if choice.is_range:
        wanted = [str(number) for number in whole_numbers(key, choice)]
        wanted = [value for value in wanted if value in there_are] if choice.is_open else wanted
    else:
        wanted = list(choice.values)
    if len(wanted) > 1 and key not in SEVERAL:
        raise InvalidInputError(f"{key}: one request has one value, not {choice}.", "Ask once for each.")
    if not there_are:
        # What has only one member, or one georef, does not say so.
        if set(wanted) <= {"0", "1"} and key in ("number", "realization", "generation"):
            return datasets
        raise InvalidInputError(f"{key}: the data that the other keys name have none.", "Leave it away.")
    for value in wanted:
        if value not in there_are:
            raise InvalidInputError(
                f"{key}: there is no {value[:100]!r}.", suggestion(value, there_are, "There are")
            )
    if not wanted:
        raise InvalidInputError(
            f"{key}: nothing lies in {choice}.", f"There are: {', '.join(there_are[:12])}."
        )
    return [each for each in datasets if each.keys.get(key) in wanted]


def _with_bases(request: MarsRequest, datasets: list[TwinDataset]) -> list[TwinDataset]:
    """Keep, of forecasts, those of the dates and times that are asked for."""
    forecasts = [each for each in datasets if each.base is not None]
    if not forecasts or len(forecasts) < len(datasets):
        return datasets
    bases = np.unique([each.base for each in forecasts])
    if "date" not in request.choices:
        if len(bases) == 1:
            return datasets
        raise InvalidInputError("date: say of which forecast.", f"There are: {_instants_text(bases)}.")
    wanted = set(_selected(bases, request).tolist())
    return [each for each in forecasts if each.base is not None and each.base.item() in wanted]


def _refuse_foreign_keys(request: MarsRequest, datasets: Sequence[TwinDataset]) -> None:
    choices = request.choices
    if "step" in choices and all(each.base is None for each in datasets) and steps(choices["step"]) != [0]:
        raise InvalidInputError(
            f"step: these data have none but 0, not {choices['step']}.", "Ask for date and time."
        )
    if not any(each.is_monthly for each in datasets):
        for key in ("year", "month"):
            if key in choices:
                raise InvalidInputError(f"{key}: these data are no monthly means.", "Ask for date and time.")


def _with_parameters(request: MarsRequest, datasets: list[TwinDataset]) -> list[Match]:
    choice = request.choices.get("param")
    there_are = {name: None for each in datasets for one in each.parameters for name in (one.short_name,)}
    if choice is None:
        raise InvalidInputError("param: say which.", f"There are: {', '.join(there_are)[:600]}.")
    if choice.values == ALL:
        return [Match(each, each.parameters) for each in datasets]
    known = {name for each in datasets for one in each.parameters for name in one.names}
    for value in choice.values:
        if _parameter_name(value) not in known:
            labels = [
                *there_are,
                *(str(p.id) for each in datasets for p in each.parameters if p.id is not None),
            ]
            raise InvalidInputError(
                f"param: there is no {value[:100]!r}.",
                suggestion(value, list(dict.fromkeys(labels)), "There are", 40),
            )
    found = []
    for each in datasets:
        chosen = [_parameter(each, _parameter_name(value)) for value in choice.values]
        if all(chosen):
            found.append(Match(each, tuple(dict.fromkeys(one for one in chosen if one is not None))))
    if not found:
        raise InvalidInputError(
            f"param: no single dataset has all of {choice}.",
            "They differ in levtype or stream: ask once for each.",
        )
    return found


def _parameter_name(value: str) -> str:
    # MARS also writes 167.128: number and table.
    return value.removesuffix(".128") if value.removesuffix(".128").isdigit() else value


def _parameter(dataset: TwinDataset, name: str) -> TwinParameter | None:
    """Return the parameter of a number or name; a number is never taken for a name."""
    return next((one for one in dataset.parameters if name in one.names), None)


def _require_one(request: MarsRequest, datasets: list[TwinDataset]) -> None:
    """Refuse a request that leaves open which dataset it means."""
    for key in DATASET_KEYS:
        there_are = sorted({each.keys.get(key, "") for each in datasets})
        if len(there_are) > 1 and key not in request.choices:
            raise InvalidInputError(f"{key}: say which.", f"There are: {', '.join(filter(None, there_are))}.")
    named = [(*sorted(each.keys.items()), str(each.base)) for each in datasets]
    if len(set(named)) < len(named):
        items = ", ".join(each.item for each in datasets[:6])
        raise InvalidInputError(f"The same keys name several datasets: {items}.", "Their grids differ.")


def select_steps(request: MarsRequest, dataset: TwinDataset, instants: Instants) -> NDArray[np.int64]:
    """Return which time steps of a dataset a request wants, as indices, rising.

    Parameters
    ----------
    request : MarsRequest
        What is asked for.
    dataset : TwinDataset
        One that it names.
    instants : ndarray of datetime64[s]
        Valid times of the dataset's cube, rising.

    Raises
    ------
    InvalidInputError
        Naming the first date, time, month or step that is not there, and what there is.
    """
    choices = request.choices
    if dataset.base is not None:
        hours = ((instants - dataset.base) // np.timedelta64(1, "h")).astype(np.int64)
        return np.sort(_among("step", choices.get("step"), hours.tolist(), steps))
    if dataset.is_monthly and ("year" in choices or "month" in choices):
        return _of_months(request, instants)
    if "date" not in choices:
        if len(instants) == 1:
            return np.array([0])
        key = "year: say which, and month." if dataset.is_monthly else "date: say which."
        raise InvalidInputError(key, f"There is {instants[0]}Z to {instants[-1]}Z.")
    return np.flatnonzero(np.isin(instants, _selected(instants, request)))


def _selected(instants: Instants, request: MarsRequest) -> Instants:
    """Return the instants of the dates and times that are asked for."""
    chosen_days = request.choices["date"]
    wanted = days(chosen_days)
    of_day = instants.astype("datetime64[D]")
    _require_days(chosen_days, wanted, of_day)
    keep = np.isin(of_day, wanted)
    if chosen_times := request.choices.get("time"):
        since_midnight = ((instants - of_day) // np.timedelta64(1, "m")).astype(np.int64)
        asked = minutes(chosen_times)
        if chosen_times.is_open:
            keep &= (since_midnight >= asked[0]) & (since_midnight <= asked[1])
        else:
            for minute in asked:
                _require_time(minute, instants, of_day, keep & (since_midnight == minute), keep)
            keep &= np.isin(since_midnight, asked)
    found: Instants = instants[keep]
    if not len(found):
        raise InvalidInputError(
            f"date: nothing is there at {chosen_days}, time {request.choices.get('time', 'any')}.",
            f"There are: {_instants_text(instants)}.",
        )
    return found


def _require_days(choice: Choice, wanted: Days, there_are: Days) -> None:
    known = np.unique(there_are)
    if choice.is_open:
        # Between its ends a range takes what there is; the ends have to lie within.
        missing = wanted[[0, -1]][(wanted[[0, -1]] < known[0]) | (wanted[[0, -1]] > known[-1])]
    else:
        missing = wanted[~np.isin(wanted, known)]
    if len(missing):
        listed = f"There is {known[0]} to {known[-1]}" + (
            f", {len(known)} days." if len(known) > 12 else f": {', '.join(map(str, known))}."
        )
        raise InvalidInputError(f"date: there is no {missing[0]}.", listed)


def _require_time(
    minute: int, instants: Instants, of_day: Days, there: NDArray[np.bool_], among: NDArray[np.bool_]
) -> None:
    missing = np.setdiff1d(of_day[among], of_day[there])
    if len(missing):
        on_day = instants[of_day == missing[0]]
        listed = ", ".join(str(each)[11:16].replace(":", "") for each in on_day[:24])
        raise InvalidInputError(
            f"time: there is no {minute // 60:02}{minute % 60:02} on {missing[0]}.", f"There are: {listed}."
        )


def _of_months(request: MarsRequest, instants: Instants) -> NDArray[np.int64]:
    months = instants.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = (months - months.astype("datetime64[Y]")).astype(np.int64) + 1
    keep = np.ones(len(instants), np.bool_)
    for key, there_are in (("year", year), ("month", month)):
        if choice := request.choices.get(key):
            chosen = _among(key, choice, there_are.tolist(), partial(_whole, key))
            keep &= np.isin(np.arange(len(instants)), chosen)
    if not keep.any():
        raise InvalidInputError(
            "month: nothing is there in these months.", f"There is {months[0]} to {months[-1]}."
        )
    return np.flatnonzero(keep)


def _whole(key: str, choice: Choice) -> list[int]:
    return (
        [int(value) if value.isdigit() else -1 for value in choice.values]
        if choice.is_open
        else (whole_numbers(key, choice))
    )


def select_levels(request: MarsRequest, levels: Sequence[float]) -> NDArray[np.int64]:
    """Return which levels a request wants, as indices, in its order.

    Parameters
    ----------
    request : MarsRequest
        What is asked for.
    levels : sequence of float
        Those of the variable; none for a surface.

    Raises
    ------
    InvalidInputError
        Naming the level that is not there, and those that are.
    """
    choice = request.choices.get("levelist")
    if not len(levels):
        if choice is not None and not _holds_a_surface(choice):
            raise InvalidInputError(f"levelist: these data have no levels, not {choice}.", "Leave it away.")
        return np.array([0])
    return _among("levelist", choice, list(levels), lambda each: numbers("levelist", each))


def _holds_a_surface(choice: Choice) -> bool:
    wanted = numbers("levelist", choice)
    return min(wanted) <= 0 <= max(wanted) if choice.is_open else wanted in ([0], [1])


def _among[N: (int, float)](
    key: str, choice: Choice | None, there_are: list[N], read: Callable[[Choice], Sequence[float]]
) -> NDArray[np.int64]:
    """Return the places of the chosen values among those that there are."""
    listed = f"There are: {', '.join(format(each, 'g') for each in dict.fromkeys(there_are[:60]))}."
    known = np.array(there_are, np.float64)
    if choice is None:
        if len(np.unique(known)) == 1:
            return np.arange(len(known))
        raise InvalidInputError(f"{key}: say which.", listed)
    if choice.values == ALL:
        return np.arange(len(known))
    wanted = np.array(read(choice), np.float64)
    if choice.is_open:
        inside = np.flatnonzero((known >= wanted.min()) & (known <= wanted.max()))
        if not len(inside):
            raise InvalidInputError(f"{key}: nothing lies in {choice}.", listed)
        return inside
    missing = wanted[~np.isin(wanted, known)]
    if len(missing):
        raise InvalidInputError(f"{key}: there is no {missing[0]:g}.", listed)
    if len(np.unique(known)) < len(known):  # several steps in a year
        return np.flatnonzero(np.isin(known, wanted))
    order = np.argsort(known)
    places: NDArray[np.int64] = order[np.searchsorted(known, wanted, sorter=order)]
    return places


def _instants_text(instants: Instants, most: int = 8) -> str:
    listed = [str(each)[:16] + "Z" for each in instants]
    shown = listed if len(listed) <= most else [*listed[: most // 2], "...", *listed[-most // 2 :]]
    return ", ".join(shown)
