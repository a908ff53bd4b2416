"""What a request comes to: which fields of which cubes, checked before any of them is read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.cubes.cube import Cube
from geoscope.errors import InvalidInputError, TooLargeError
from geoscope.holdings import SeenHoldings
from geoscope.mars.datasets import Instants, TwinDataset, TwinParameter
from geoscope.mars.matching import Match, find_datasets, select_levels, select_steps
from geoscope.mars.requests import MarsRequest, parse_request
from geoscope.settings import PolytopeSettings
from geoscope.twins.polytope.features import Feature, parse_feature
from geoscope.twins.vocabulary.existing import existing_datasets

FIELD_VALUE_BYTES = 4


@dataclass(frozen=True)
class Part:
    """What is wanted of one dataset.

    Attributes
    ----------
    dataset : TwinDataset
        What it is, in the words of MARS.
    cube : Cube
        Where it is read from.
    parameters : tuple of TwinParameter
        Which variables, in the order of the request.
    steps : ndarray of int64
        Which time steps of the cube, rising.
    instants : ndarray of datetime64[s]
        Their valid times, UTC.
    levels : ndarray of int64
        Which levels of the cube, in the order of the request; one for a surface.
    level_values : tuple of float
        Their values; 0 for a surface.
    """

    dataset: TwinDataset
    cube: Cube
    parameters: tuple[TwinParameter, ...]
    steps: NDArray[np.int64]
    instants: Instants
    levels: NDArray[np.int64]
    level_values: tuple[float, ...]

    @property
    def has_levels(self) -> bool:
        """Whether its parameters lie on levels."""
        return self.cube.variables[self.parameters[0].variable].levels is not None

    @property
    def hours(self) -> list[int]:
        """The forecast steps in hours; zeros for data without."""
        if self.dataset.base is None:
            return [0] * len(self.instants)
        return [int(step) for step in (self.instants - self.dataset.base) // np.timedelta64(1, "h")]

    @property
    def field_count(self) -> int:
        """How many fields it has."""
        return len(self.steps) * len(self.levels) * len(self.parameters)


@dataclass(frozen=True)
class Plan:
    """A request, compared with what there is.

    Attributes
    ----------
    parts : tuple of Part
        What is wanted, by dataset.
    feature : Feature or None
        What is cut out; None for whole fields.
    """

    parts: tuple[Part, ...]
    feature: Feature | None


async def make_plan(request: object, holdings: SeenHoldings, limits: PolytopeSettings) -> Plan:
    """Find out what a request comes to, and whether the asker may have it.

    Raises
    ------
    InvalidInputError
        Naming the value that is wrong, and what would fit.
    NotSignedInError, NotAllowedError
        If the data is not for the asker.
    TooLargeError
        If it comes to more than the service allows.
    """
    asked = parse_request(request)
    feature = parse_feature(asked.feature) if asked.feature is not None else None
    _check_output(asked, feature)
    asked = _with_choices(asked, feature)
    matches = find_datasets(asked, await existing_datasets(holdings))
    cubes = await asyncio.gather(
        *(holdings.cube(match.dataset.collection, match.dataset.item) for match in matches)
    )
    parts = tuple(_part(asked, *pair) for pair in zip(matches, cubes, strict=True))
    _check_size(parts, feature, limits)
    return Plan(parts, feature)


def _check_output(asked: MarsRequest, feature: Feature | None) -> None:
    for key in ("grid", "area", "interpolation"):
        if key in asked.output:
            raise InvalidInputError(
                f"{key}: fields are given on their own grid here, not on {asked.output[key][:50]!r}.",
                "Leave it away; earthkit-regrid interpolates, and a feature cuts out an area.",
            )
    wanted = asked.output.get("format", "").lower()
    fitting = ("", "covjson", "coveragejson") if feature else ("", "grib", "grib2")
    if wanted not in fitting:
        raise InvalidInputError(f"format: this is answered as {fitting[1]}, not {wanted[:50]!r}.")


def _with_choices(asked: MarsRequest, feature: Feature | None) -> MarsRequest:
    """Put what a feature chooses of other keys into the request."""
    own = feature.choices if feature else {}
    for key in own:
        if key in asked.choices:
            raise InvalidInputError(f"{key}: it is given by the feature already.", "Give it once.")
    return replace(asked, choices={**asked.choices, **own})


def _part(asked: MarsRequest, match: Match, cube: Cube) -> Part:
    dataset = match.dataset
    variables = [cube.variable(parameter.variable) for parameter in match.parameters]
    if cube.times is None:
        raise InvalidInputError(f"The dataset {dataset.item} has no time.")
    instants = cube.times.numbers.astype("datetime64[us]").astype("datetime64[s]")
    axes = [tuple(each.levels.values) if each.levels else () for each in variables]
    if len(set(axes)) > 1:
        raise InvalidInputError("param: these lie on different levels.", "Ask once for each.")
    steps = select_steps(asked, dataset, instants)
    levels = select_levels(asked, axes[0])
    return Part(
        dataset=dataset,
        cube=cube,
        parameters=match.parameters,
        steps=steps,
        instants=instants[steps],
        levels=levels,
        level_values=tuple(axes[0][index] for index in levels) if axes[0] else (0.0,),
    )


def _check_size(parts: Sequence[Part], feature: Feature | None, limits: PolytopeSettings) -> None:
    fields = sum(part.field_count for part in parts)
    if fields == 0:
        raise InvalidInputError("The request names no field.")
    if feature is None:
        size = sum(
            part.field_count * int(np.prod(part.cube.grid.shape)) * FIELD_VALUE_BYTES for part in parts
        )
        if size > limits.max_field_bytes:
            raise TooLargeError(
                f"These fields are {size / 1e9:.1f} GB; {limits.max_field_bytes / 1e9:.1f} GB are allowed.",
                "Ask for fewer dates, levels or parameters at once, or cut out a feature.",
            )
    elif feature.area is None:
        check_values(fields * len(feature.points), limits)


def check_values(count: int, limits: PolytopeSettings) -> None:
    """Refuse a cut of more values than the service allows.

    Raises
    ------
    TooLargeError
        Saying how many there are and may be.
    """
    if count > limits.max_values:
        raise TooLargeError(
            f"These are {count:,} values; {limits.max_values:,} are allowed in one request.",
            "Ask for a smaller area, or fewer dates, levels or parameters.",
        )


def read_metadata(part: Part) -> Mapping[str, Any]:
    """Return the keys of MARS that name a part, as answers repeat them."""
    keys: dict[str, Any] = dict(sorted(part.dataset.keys.items()))
    for name in ("realization", "number"):
        if keys.get(name, "").isdigit():
            keys[name] = int(keys[name])
    return {"number": 0, **keys}
