"""From an outline to a cube: it is made, or found to fit and given what it lacks."""

from typing import Any

import icechunk
import numpy as np
from pyproj import CRS

from geoscope.cubes.conventions import is_grid_mapping
from geoscope.cubes.growing.names import FIELDS, LATE
from geoscope.cubes.growing.outline import CubeOutline, Levels, VariableOutline
from geoscope.cubes.growing.places import without_places
from geoscope.cubes.growing.skeleton import (
    create_groups,
    create_levels,
    create_variable,
    grid_digest,
    layers,
    plain,
)
from geoscope.cubes.growing.snapshot import Snapshot
from geoscope.cubes.healpix import HealpixGrid
from geoscope.errors import InvalidInputError, NotFoundError

# What attributes begin with that say what a cube is.
IDENTITY = ("mars:", "geoscope:regridded_")


def create_or_join(session: icechunk.Session, outline: CubeOutline) -> str:
    """Make a cube in a session, or give it the variables and levels that it has not.

    Returns
    -------
    str
        What was done; empty if nothing.

    Raises
    ------
    InvalidInputError
        If the cube that is there is another one.
    """
    try:
        snapshot = Snapshot(session.store, mode="r+")
    except NotFoundError:
        create_groups(session.store, outline)
        return "Created"
    _check_identity(snapshot, outline)
    done = []
    if outline.levels is not None and (added := _join_levels(session, snapshot, outline, outline.levels)):
        done.append("levels " + ", ".join(f"{value:g}" for value in added))
    for variable in outline.variables:
        if variable.name not in snapshot.names:
            create_variable(session.store, outline, variable)
            done.append(f"variable {variable.name}")
        else:
            _check_variable(snapshot.variable(variable.name), variable)
    return f"Added {'; '.join(done)}" if done else ""


def _check_identity(snapshot: Snapshot, outline: CubeOutline) -> None:
    there, wanted = dict(snapshot.group.attrs), plain(outline.attributes)
    for key in sorted({*there, *wanted}):
        if key.startswith(IDENTITY) and there.get(key) != wanted.get(key):
            raise InvalidInputError(
                f"The cube that is there has {key} {there.get(key)!r}, not {wanted.get(key)!r}."
            )
    if not _on_same_grid(snapshot, outline):
        raise InvalidInputError("The cube that is there is on another grid.")


def _on_same_grid(snapshot: Snapshot, outline: CubeOutline) -> bool:
    # Cubes of before may have the places of HEALPix's cells in their digest.
    return any(
        snapshot.grid_digest == grid_digest(coordinates)
        for coordinates in (without_places(outline), outline.grid_coordinates)
    ) and _on_same_projection(snapshot, outline)


def _on_same_projection(snapshot: Snapshot, outline: CubeOutline) -> bool:
    """Compare what the digest of a grid leaves out: the same x and y may be in two zones of UTM."""
    coordinates = outline.grid_coordinates.variables
    return all(
        CRS.from_cf(dict(snapshot.array(str(name)).attrs)) == CRS.from_cf(variable.attrs)
        for name, variable in coordinates.items()
        if is_grid_mapping(variable) and not isinstance(outline.grid, HealpixGrid)
    )


def _check_variable(there: VariableOutline, wanted: VariableOutline) -> None:
    for what, found, expected in (
        ("units", there.attributes.get("units"), wanted.attributes.get("units")),
        ("type", there.dtype, wanted.dtype),
        ("levels", there.has_levels, wanted.has_levels),
        ("largest error", there.max_error, wanted.max_error),
        ("pyramid", there.pyramid, wanted.pyramid),
    ):
        if found != expected:
            raise InvalidInputError(
                f"The variable {there.name!r} of the cube has the {what} {found!r}, not {expected!r}."
            )


def _join_levels(
    session: icechunk.Session, snapshot: Snapshot, outline: CubeOutline, wanted: Levels
) -> list[float]:
    """Put levels that the cube has not in their place; return them."""
    there = snapshot.levels
    if there is None:
        create_levels(session.store, outline, wanted)
        return list(wanted.values.tolist())
    if there.name != wanted.name or there.attributes.get("units") != wanted.attributes.get("units"):
        raise InvalidInputError(
            f"The levels of the cube are {there.name!r} in {there.attributes.get('units')!r}, "
            f"not {wanted.name!r} in {wanted.attributes.get('units')!r}."
        )
    added = np.setdiff1d(wanted.values, there.values)
    if not len(added):
        return []
    joined = there.joined(wanted.values)
    places = {index: int(np.flatnonzero(joined == value)[0]) for index, value in enumerate(there.values)}
    for name in snapshot.names:
        if snapshot.variable(name).has_levels:
            _spread_maps(session, snapshot, outline, name, places, len(joined))
            _spread_marks(snapshot, name, places, len(joined))
    create_levels(session.store, outline, Levels(joined, there.name, there.attributes))
    return list(added.tolist())


def _spread_maps(
    session: icechunk.Session,
    snapshot: Snapshot,
    outline: CubeOutline,
    name: str,
    places: dict[int, int],
    count: int,
) -> None:
    """Make room in a variable's arrays for levels between others: only references of chunks change."""
    level_at = {place: level for level, place in places.items()}

    def forward(index: Any) -> Any:  # noqa: ANN401 (as Icechunk has it)
        step, level, *cells = index
        return [step, places[level], *cells]

    def backward(index: Any) -> Any:  # noqa: ANN401
        step, level, *cells = index
        return [step, level_at[level], *cells] if level in level_at else None

    for layer in layers(outline):
        array = snapshot.array(layer.array_path(name))
        array.resize((array.shape[0], count, *array.shape[2:]))
        if any(level != place for level, place in places.items()):
            session.reindex_array(f"/{layer.array_path(name)}", forward, backward)


def _spread_marks(snapshot: Snapshot, name: str, places: dict[int, int], count: int) -> None:
    for path in (f"{FIELDS}/{name}", f"{LATE}/{name}"):
        array = snapshot.array(path)
        before = np.asarray(array[:])
        after = np.zeros((before.shape[0], count), before.dtype)
        after[:, list(places.values())] = before[:, list(places)]
        array.resize(after.shape)
        array[:] = after
