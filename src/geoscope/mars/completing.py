"""A request of which only a part was chosen, made whole: what the order of a field needs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from geoscope.errors import NotFoundError
from geoscope.mars.datasets import TwinDataset
from geoscope.mars.keys import DATASET_KEYS, USUAL
from geoscope.mars.matching import Match, find_datasets, select_levels, select_steps
from geoscope.mars.requests import Choice, MarsRequest

type Body = dict[str, str | list[str]]


class CompleteRequest(NamedTuple):
    """A request that names its fields one by one.

    Attributes
    ----------
    body : dict
        In ECMWF's words, without prefix; where a request may name several values they are a list.
    start, end : datetime64
        First and last of the times, UTC.
    """

    body: Body
    start: np.datetime64
    end: np.datetime64


def complete(request: MarsRequest, datasets: Sequence[TwinDataset]) -> CompleteRequest:
    """Fill in what was not chosen: the one value that is left, else a usual one, else the first.

    Raises
    ------
    InvalidInputError
        If a chosen value is not there; saying what would fit.
    NotFoundError
        If there is no twin data.
    """
    if not datasets:
        raise NotFoundError("There is no twin data here yet.")
    choices = dict(request.choices)
    left = list(datasets)
    for key in DATASET_KEYS:
        there_are = sorted({each.keys[key] for each in left if key in each.keys})
        if key not in choices and len(there_are) > 1:
            usual = USUAL.get(key, "")
            choices[key] = Choice((usual if usual in there_are else there_are[0],))
        if key in choices and there_are:
            wanted = choices[key].values
            left = [each for each in left if each.keys.get(key) in wanted] or left
    first = left[0]
    choices.setdefault("param", Choice((_name(first),)))
    with_dates = MarsRequest(_with_time(choices, first), request.feature, request.output)
    match = find_datasets(with_dates, datasets)[0]
    return _spelt(with_dates, match)


def _name(dataset: TwinDataset) -> str:
    parameter = dataset.parameters[0]
    return parameter.short_name if parameter.id is None else str(parameter.id)


def _with_time(choices: Mapping[str, Choice], dataset: TwinDataset) -> dict[str, Choice]:
    """Choose the first date, and of it the first time, where nothing was chosen."""
    chosen = dict(choices)
    if dataset.is_monthly and chosen.keys() & {"year", "month"}:
        return chosen
    start = dataset.extent[0] if dataset.base is None else dataset.base
    chosen.setdefault("date", Choice((str(start)[:10].replace("-", ""),)))
    if dataset.base is not None and "step" not in chosen:
        steps = dataset.steps or [0]
        chosen["step"] = Choice((str(steps[0]),))
    if "time" not in chosen and not dataset.is_monthly:
        chosen["time"] = Choice((str(start)[11:16].replace(":", ""),))
    return chosen


def _spelt(request: MarsRequest, match: Match) -> CompleteRequest:
    dataset, choices = match.dataset, request.choices
    body: Body = {key: dataset.written[key] for key in DATASET_KEYS if key in dataset.written}
    for key, choice in choices.items():
        if key == "date":
            days = choice.values if choice.is_range or len(choice.values) > 1 else choice.values * 2
            body[key] = f"{days[0]}/to/{days[-1]}" if choice.is_range or days[0] == days[-1] else list(days)
        elif key not in DATASET_KEYS or len(choice.values) > 1:
            body[key] = str(choice) if choice.is_range else list(choice.values)
    if any(parameter.has_levels for parameter in match.parameters):
        levels = dataset.levels
        if "levelist" not in choices:
            body["levelist"] = [f"{levels[0]:g}"]
        else:
            body["levelist"] = [f"{levels[index]:g}" for index in select_levels(request, levels)]
    if dataset.instants is None:
        return CompleteRequest(body, *dataset.extent)
    instants = dataset.instants[select_steps(request, dataset, dataset.instants)]
    return CompleteRequest(body, instants[0], instants[-1])
