"""What can still be chosen: queryables in ECMWF's words, narrowed by what is chosen already.

In the shapes that forms of the Data Lake read: `const` where one value is left, `enum` where one is chosen of
several, an array where several can be chosen together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from geoscope.errors import InvalidInputError
from geoscope.mars.datasets import TwinDataset
from geoscope.mars.keys import DATASET_KEYS, USUAL, bare_key, canonical
from geoscope.mars.requests import days, read_choice

PREFIX = "ecmwf:"
# Dates are listed one by one up to here; beyond they are said as a range.
MOST_DATES = 400

type Schema = dict[str, Any]
type Chosen = Mapping[str, Sequence[str]]


def chosen_values(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Divide a query into what is chosen in ECMWF's words (`ecmwf:KEY=value`), by key, and the rest."""
    chosen: dict[str, list[str]] = {}
    rest: list[tuple[str, str]] = []
    for name, value in pairs:
        if not name.removeprefix("properties.").startswith(PREFIX):
            rest.append((name, value))
        elif value:
            key = bare_key(name.removeprefix("properties."))
            chosen.setdefault(key, []).extend(canonical(key, each) for each in value.split("/"))
    return chosen, rest


def constrained_queryables(
    datasets: Iterable[TwinDataset], chosen: Chosen
) -> tuple[dict[str, Schema], list[str]]:
    """Return what can be chosen, by `ecmwf:KEY`, and the names of what has to be: several are left of it.

    Parameters
    ----------
    datasets : iterable of TwinDataset
        What there is.
    chosen : mapping of str to list of str
        What is chosen already, by key without prefix; several values of a key mean any of them.
    """
    left = [each for each in datasets if _fits(each, chosen)]
    properties: dict[str, Schema] = {}
    for key in DATASET_KEYS:
        values = list(dict.fromkeys(each.keys[key] for each in left if key in each.keys))
        if values:
            properties[key] = _one_of(key, sorted(values, key=_natural))
    properties |= _parameters(left, chosen) | _levels(left) | _times(left, chosen)
    required = [key for key, schema in properties.items() if _has_to_be_chosen(key, schema, left)]
    return {f"{PREFIX}{key}": schema for key, schema in properties.items()}, [
        f"{PREFIX}{k}" for k in required
    ]


def _fits(dataset: TwinDataset, chosen: Chosen) -> bool:
    for key, values in chosen.items():
        if key in DATASET_KEYS and dataset.keys.get(key) not in values:
            return False
        if key == "param" and not any(set(each.names) & set(values) for each in dataset.parameters):
            return False
        if key == "levelist" and not {_number(level) for level in dataset.levels} & set(values):
            return False
        if key == "date" and not _has_a_day(dataset, values):
            return False
    return True


def _has_a_day(dataset: TwinDataset, values: Sequence[str]) -> bool:
    """Tell whether something is there on one of the chosen days; of a forecast whether it began there."""
    try:
        wanted = days(read_choice("date", list(values)))
    except InvalidInputError:
        return False  # as any other value that nothing has
    if dataset.base is None and dataset.instants is None:
        first, last = (edge.astype("datetime64[D]") for edge in dataset.extent)
        return bool(((wanted >= first) & (wanted <= last)).any())
    there_are = _known_instants(dataset) if dataset.base is None else np.array([dataset.base])
    return bool(np.isin(there_are.astype("datetime64[D]"), wanted).any())


def _has_to_be_chosen(key: str, schema: Schema, datasets: list[TwinDataset]) -> bool:
    """Tell whether a request needs a key: clients refuse one that leaves out what is required."""
    if key == "time" or "const" in schema or "const" in schema.get("items", {}):
        return False
    if key == "levelist":
        return all(each.levels for each in datasets)
    return key != "step" or all(each.base is not None for each in datasets)


def _parameters(datasets: list[TwinDataset], chosen: Chosen) -> dict[str, Schema]:
    """Return the parameters by number where they have one, as forms of the Data Lake do."""
    wanted = set(chosen.get("param", ()))
    found = {
        (str(parameter.id) if parameter.id is not None else parameter.short_name): parameter
        for dataset in datasets
        for parameter in dataset.parameters
        if not wanted or wanted & set(parameter.names)
    }
    if not found:
        return {}
    schema = _several_of("param", sorted(found, key=_natural))
    labels = {name: " ".join(filter(None, (found[name].short_name, found[name].title))) for name in found}
    return {"param": schema | {"geoscope:labels": labels}}


def _levels(datasets: list[TwinDataset]) -> dict[str, Schema]:
    levels = sorted({level for each in datasets for level in each.levels}, reverse=True)
    return {"levelist": _several_of("levelist", [_number(level) for level in levels])} if levels else {}


def _times(datasets: list[TwinDataset], chosen: Chosen) -> dict[str, Schema]:
    forecasts = [each for each in datasets if each.base is not None]
    others = [each for each in datasets if each.base is None]
    found: dict[str, Schema] = {}
    if forecasts:
        bases = np.unique([each.base for each in forecasts])
        found["date"] = _one_of("date", sorted({str(base)[:10].replace("-", "") for base in bases}))
        found["time"] = _several_of("time", sorted({str(base)[11:16].replace(":", "") for base in bases}))
        steps = sorted({step for each in forecasts for step in each.steps or ()})
        if steps:
            found["step"] = _several_of("step", [str(step) for step in steps])
    if any(each.is_monthly for each in others) and all(each.is_monthly for each in others):
        return found | _months(others, chosen)
    if others:
        found |= _days(others)
    return found


def _months(datasets: list[TwinDataset], chosen: Chosen) -> dict[str, Schema]:
    months = np.unique(np.concatenate([_known_instants(each).astype("datetime64[M]") for each in datasets]))
    years = [str(month)[:4] for month in months]
    wanted = set(chosen.get("year", ()))
    of_year = {
        str(int(str(month)[5:7]))
        for month, year in zip(months, years, strict=True)
        if not wanted or year in wanted
    }
    return {
        "year": _several_of("year", sorted(set(years) & wanted if wanted else set(years))),
        "month": _several_of("month", sorted(of_year, key=int)),
    }


def _days(datasets: list[TwinDataset]) -> dict[str, Schema]:
    instants = np.unique(np.concatenate([_known_instants(each) for each in datasets]))
    of_day = np.unique(instants.astype("datetime64[D]"))
    first, last = (str(day).replace("-", "") for day in (of_day[0], of_day[-1]))
    if len(of_day) <= MOST_DATES:
        date = _one_of("date", [str(day).replace("-", "") for day in of_day])
    else:
        date = {
            "title": "date",
            "type": "string",
            "pattern": r"^\d{8}(/to/\d{8})?$",
            "default": f"{first}/to/{last}",
            "description": f"Days from {first} to {last}, one or a range.",
        }
    since_midnight = np.unique((instants - instants.astype("datetime64[D]")).astype(int) // 60)
    times = [f"{minute // 60:02}{minute % 60:02}" for minute in since_midnight.tolist()]
    return {"date": date, "time": _several_of("time", times)}


def _known_instants(dataset: TwinDataset) -> np.ndarray[Any, Any]:
    return np.array(dataset.extent) if dataset.instants is None else dataset.instants


def _one_of(key: str, values: list[str]) -> Schema:
    schema: Schema = {"title": key, "type": "string"}
    if len(values) == 1:
        return schema | {"const": values[0]}
    usual = USUAL.get(key, "")
    return schema | {"enum": values, "default": usual if usual in values else values[0]}


def _several_of(key: str, values: list[str]) -> Schema:
    items: Schema = {"type": "string"}
    items |= {"const": values[0]} if len(values) == 1 else {"enum": values}
    return {"title": key, "type": "array", "items": items}


def _number(value: float) -> str:
    return format(value, "g")


def _natural(text: str) -> tuple[int, float, str]:
    """Order numbers as such, before words."""
    return (0, float(text), "") if text.replace(".", "", 1).isdigit() else (1, 0.0, text)
