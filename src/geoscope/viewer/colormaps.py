"""The colour maps on offer: perceptually uniform ones only, so that a step in colour is a step in the data.

Thyng et al. 2016 (cmocean), doi:10.5670/oceanog.2016.66; Crameri et al. 2020, doi:10.1038/s41467-020-19160-7.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cmap
import numpy as np
from numpy.typing import NDArray

from geoscope.errors import InvalidInputError

DEFAULT = "crameri:batlow"
REVERSED = "_r"
STOPS = 11

# One index of the palette is kept for what is missing.
COLOURS = 255
TRANSPARENT = 255

_OFFERED = {
    "crameri": (
        "batlow batlowK batlowW acton bamako bilbao buda davos devon glasgow grayC hawaii imola lajolla "
        "lapaz lipari navia nuuk oslo tokyo turku bam berlin broc cork lisbon managua roma tofino vanimo vik "
        "brocO corkO romaO vikO"
    ),
    "cmocean": (
        "thermal haline solar ice deep dense algae matter turbid speed amp tempo rain balance delta "
        "curl diff tarn phase"
    ),
    "": "viridis cividis inferno magma plasma",
}
NAMES = tuple(
    f"{source}:{name}" if source else name for source, names in _OFFERED.items() for name in names.split()
)


@dataclass(frozen=True)
class Colormap:
    """A colour map, ready to draw with.

    Attributes
    ----------
    name : str
        As it is asked for.
    colours : ndarray of uint8, shape (COLOURS, 3)
        Red, green, blue from the lowest value to the highest.
    """

    name: str
    colours: NDArray[np.uint8]

    def hex_colour(self, fraction: float) -> str:
        """Return the colour (`#rrggbb`) at a fraction of the range."""
        red, green, blue = self.colours[round(fraction * (COLOURS - 1))].tolist()
        return f"#{red:02x}{green:02x}{blue:02x}"

    def palette(self) -> bytes:
        """Return the palette of a picture: the colours, then black for the transparent index."""
        return self.colours.tobytes() + bytes(3)


@lru_cache(maxsize=256)
def find_colormap(name: str) -> Colormap:
    """Return a colour map by name; `_r` at its end turns it round.

    Raises
    ------
    InvalidInputError
        If it is not on offer.
    """
    forward = name.removesuffix(REVERSED)
    if forward not in NAMES:
        some = ", ".join((*NAMES[:3], "cmocean:thermal", "cmocean:balance", "viridis"))
        raise InvalidInputError(
            f"There is no colormap {name[:60]!r}.",
            f"There are {len(NAMES)}, such as {some}; {REVERSED!r} reverses one. See /tiles/colormaps.",
        )
    rgba = np.asarray(cmap.Colormap(forward)(np.linspace(0, 1, COLOURS)))
    colours = np.round(rgba[:, :3] * 255).astype(np.uint8)
    return Colormap(name, colours if name == forward else np.ascontiguousarray(colours[::-1]))


@lru_cache(maxsize=1)
def offered_colormaps() -> list[dict[str, Any]]:
    """Describe all colour maps on offer, for a menu."""
    offered = []
    for name in NAMES:
        source, _, short = name.rpartition(":")
        colormap = find_colormap(name)
        stops = [colormap.hex_colour(step / (STOPS - 1)) for step in range(STOPS)]
        kind = str(cmap.Colormap(name).category or "")
        title = f"{short} ({source})" if source else short
        offered.append({"name": name, "title": title, "category": kind, "stops": stops})
    return offered
