"""Names of groups and attributes in the store of a growing cube.

/                  maps: an array per variable, a chunk holds one step; the truth
/levels/N          the same for HEALPix level N, coarser than the cube's own
/series            the same values in chunks of many steps and few cells; as far as it goes
/fields/VARIABLE   checksum of each field that is there, by step (and level)
/late/VARIABLE     fields that were stored after `series` had passed their step
"""

SERIES = "series"
LEVELS = "levels"
FIELDS = "fields"
LATE = "late"

LAYOUT = "geoscope:layout"
GROWING = "growing"
LEVEL_COORDINATE = "geoscope:level_coordinate"
GRID_DIGEST = "geoscope:grid"
MAX_ERROR = "geoscope:max_error"
PYRAMID = "geoscope:pyramid"
LATE_COUNT = "geoscope:late_fields"


def level_path(level: int) -> str:
    """Return the path of the group of a coarser HEALPix level."""
    return f"{LEVELS}/{level}"
