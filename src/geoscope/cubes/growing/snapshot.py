"""What a growing cube holds at one moment: its axes, and which fields are there."""

from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import Store

from geoscope.cubes.growing.outline import Levels, VariableOutline
from geoscope.cubes.growing.names import (
    FIELDS,
    GRID_DIGEST,
    GROWING,
    LATE,
    LAYOUT,
    LEVEL_COORDINATE,
    MAX_ERROR,
    PYRAMID,
    SERIES,
)
from geoscope.errors import InvalidInputError, NotFoundError

type Seconds = NDArray[np.int64]


class Snapshot:
    """A growing cube as one session of Icechunk shows it.

    Attributes
    ----------
    group : zarr.Group
        The root.
    times : ndarray of int64
        Seconds since 1970-01-01, rising.
    levels : Levels or None
        The level axis.
    settled : int
        For how many steps there are series.

    Raises
    ------
    NotFoundError
        If the repository is empty.
    InvalidInputError
        If it holds something else.
    """

    def __init__(self, store: Store, *, mode: Any = "r") -> None:  # noqa: ANN401 (zarr's own type of modes)
        try:
            self.group = zarr.open_group(store, mode=mode, zarr_format=3)
        except FileNotFoundError as error:
            raise NotFoundError("There is no cube in this storage yet.") from error
        if self.group.attrs.get(LAYOUT) != GROWING:
            raise InvalidInputError("The repository holds something else than a growing cube.")
        self.times: Seconds = np.asarray(self.array("time")[:], np.int64)
        self.settled = int(self.array(f"{SERIES}/time").shape[0])
        self.levels = self._levels()

    def array(self, path: str) -> zarr.Array[Any]:
        """Return an array by its path."""
        array = self.group[path]
        if not isinstance(array, zarr.Array):
            raise InvalidInputError(f"{path!r} is no array of the cube.")
        return array

    @property
    def grid_digest(self) -> str:
        """Digest of its grid's coordinates."""
        return str(self.group.attrs.get(GRID_DIGEST))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its variables."""
        fields = self.group.get(FIELDS)
        return tuple(sorted(fields.array_keys())) if isinstance(fields, zarr.Group) else ()

    def variable(self, name: str) -> VariableOutline:
        """Return a variable's outline."""
        array = self.array(name)
        attributes: dict[str, Any] = dict(array.attrs)
        pyramid, max_error = attributes.pop(PYRAMID), attributes.pop(MAX_ERROR, None)
        for reference in ("grid_mapping", "coordinates"):
            attributes.pop(reference, None)
        has_levels = self.array(f"{FIELDS}/{name}").ndim == 2
        return VariableOutline(name, attributes, has_levels, max_error, str(array.dtype), pyramid)

    def checksums(self, name: str) -> NDArray[np.uint64]:
        """Return the checksums of a variable's fields, (steps, levels or 1); `MISSING` if there is none."""
        found = np.asarray(self.array(f"{FIELDS}/{name}")[:], np.uint64)
        return found[:, None] if found.ndim == 1 else found

    def late(self, name: str) -> NDArray[np.bool_]:
        """Return which fields of the settled steps are newer than the series, (settled, levels or 1)."""
        found = np.asarray(self.array(f"{LATE}/{name}")[:], np.bool_)
        return found[:, None] if found.ndim == 1 else found

    def _levels(self) -> Levels | None:
        name = self.group.attrs.get(LEVEL_COORDINATE)
        if name is None:
            return None
        coordinate = self.array(str(name))
        return Levels(np.asarray(coordinate[:], np.float64), str(name), dict(coordinate.attrs))
