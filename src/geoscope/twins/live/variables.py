"""What the model gives: names, units and parameter ids of its variables, where ECMWF's truly match."""

from typing import Literal, NamedTuple

# Where the fields of the upper air are given; every one lies well inside the model's eight layers.
PRESSURES_HPA = (850.0, 700.0, 500.0, 300.0, 200.0, 100.0, 50.0)


class TwinVariable(NamedTuple):
    """A variable of the live twin.

    Attributes
    ----------
    name : str
        ECMWF's short name.
    param : str
        ECMWF's parameter id.
    title, unit, standard_name : str
        As CF wants them; no standard name where CF has none.
    levtype : str
        `sfc`, or `pl` for pressures.
    step_type : str
        `instant`, or `avg` for means over the interval that ends with the time.
    comment : str
        What the model really computes.
    """

    name: str
    param: str
    title: str
    unit: str
    standard_name: str
    levtype: Literal["sfc", "pl"]
    step_type: Literal["instant", "avg"] = "instant"
    comment: str = ""


_NEAR_SURFACE = "Extrapolated from the lowest model layer to the surface, as SPEEDY does it."
_REDUCED = "From the lowest model layer, through air that warms by 6.5 K a kilometre downwards."
_INTERPOLATED = "Linear in the logarithm of pressure; missing where it lies below the lowest model layer."

VARIABLES = (
    TwinVariable("2t", "167", "2 metre temperature", "K", "air_temperature", "sfc", comment=_NEAR_SURFACE),
    TwinVariable(
        "10u", "165", "10 metre U wind component", "m s-1", "eastward_wind", "sfc", comment=_NEAR_SURFACE
    ),
    TwinVariable(
        "10v", "166", "10 metre V wind component", "m s-1", "northward_wind", "sfc", comment=_NEAR_SURFACE
    ),
    TwinVariable("skt", "235", "Skin temperature", "K", "surface_temperature", "sfc"),
    TwinVariable("sp", "134", "Surface pressure", "Pa", "surface_air_pressure", "sfc"),
    TwinVariable(
        "msl",
        "151",
        "Mean sea level pressure",
        "Pa",
        "air_pressure_at_mean_sea_level",
        "sfc",
        comment=_REDUCED,
    ),
    TwinVariable("tcc", "164", "Total cloud cover", "1", "cloud_area_fraction", "sfc"),
    TwinVariable(
        "avg_tprate",
        "235055",
        "Time-mean total precipitation rate",
        "kg m-2 s-1",
        "precipitation_flux",
        "sfc",
        "avg",
    ),
    TwinVariable(
        "avg_tnswrf",
        "235039",
        "Time-mean top net short-wave radiation flux",
        "W m-2",
        "toa_net_downward_shortwave_flux",
        "sfc",
        "avg",
        "Of the sun averaged over the day: SPEEDY has no daily cycle.",
    ),
    TwinVariable(
        "avg_tnlwrf",
        "235040",
        "Time-mean top net long-wave radiation flux",
        "W m-2",
        "",
        "sfc",
        "avg",
        "Downward; the outgoing long-wave radiation with its sign changed.",
    ),
    TwinVariable("t", "130", "Temperature", "K", "air_temperature", "pl", comment=_INTERPOLATED),
    TwinVariable("u", "131", "U component of wind", "m s-1", "eastward_wind", "pl", comment=_INTERPOLATED),
    TwinVariable("v", "132", "V component of wind", "m s-1", "northward_wind", "pl", comment=_INTERPOLATED),
    TwinVariable(
        "q", "133", "Specific humidity", "kg kg-1", "specific_humidity", "pl", comment=_INTERPOLATED
    ),
    TwinVariable("z", "129", "Geopotential", "m2 s-2", "geopotential", "pl", comment=_INTERPOLATED),
)
