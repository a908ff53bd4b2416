"""Reference systems in well-known text (OGC 18-010r7), as EDR's documents name them."""

import re

from geoscope.cubes.times import GREGORIAN

CRS84_WKT = (
    'GEOGCRS["WGS 84 (CRS84)",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'CS[ellipsoidal,2],AXIS["geodetic longitude (Lon)",east],AXIS["geodetic latitude (Lat)",north],'
    'ANGLEUNIT["degree",0.0174532925199433],ID["OGC","CRS84"]]'
)
EPSG_4326_WKT = (
    'GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'CS[ellipsoidal,2],AXIS["geodetic latitude (Lat)",north],AXIS["geodetic longitude (Lon)",east],'
    'ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",4326]]'
)


def vertical_system(name: str, unit: str | None) -> str:
    """Return the system of a vertical axis, by its name and unit: a length, or such as pressure."""
    safe = re.sub(r'["\\]', "", name)
    if unit == "m":
        return (
            f'VERTCRS["{safe}",VDATUM["{safe}"],CS[vertical,1],AXIS["{safe} (Z)",up],LENGTHUNIT["metre",1]]'
        )
    units = {"Pa": ("pascal", 1, "down"), "hPa": ("hectopascal", 100, "down")}
    measured, factor, direction = units.get(unit or "", ("unity", 1, "unspecified"))
    return (
        f'PARAMETRICCRS["{safe}",PDATUM["{safe}"],CS[parametric,1],AXIS["{safe} (Z)",{direction}],'
        f'PARAMETRICUNIT["{measured}",{factor}]]'
    )


def time_system(calendar: str) -> str:
    """Return the system of times in a calendar, by its CF name (section 14)."""
    name = "proleptic Gregorian" if calendar == GREGORIAN else calendar
    return f'TIMECRS["Time",TDATUM["Time",CALENDAR["{name}"]],CS[TemporalDateTime,1],AXIS["Time (T)",future]]'
