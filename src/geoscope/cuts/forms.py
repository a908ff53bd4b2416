"""The forms of an answer, and which one a client would like."""

from enum import Enum
from typing import Self

from geoscope.errors import InvalidInputError


class Form(Enum):
    """Forms of answer; the value is the name that `f` takes."""

    COVERAGE_JSON = "CoverageJSON"
    NETCDF = "NetCDF4"
    ZARR = "Zarr"
    CSV = "CSV"
    PARQUET = "Parquet"

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        return _MEDIA_TYPES[self][0]

    @property
    def suffix(self) -> str:
        """What the name of a file ends with."""
        return _SUFFIXES[self]

    @classmethod
    def choose(cls, f: str | None, accept: str = "") -> Self:
        """Choose the form from the parameter `f`, else from the Accept header.

        Raises
        ------
        InvalidInputError
            If `f` names none of them.
        """
        if f is None:
            return cls._accepted(accept)
        wanted = f.strip().casefold()
        for form in cls:
            if wanted in (form.value.casefold(), *_OTHER_NAMES[form], *_MEDIA_TYPES[form]):
                return form
        names = ", ".join(form.value for form in cls)
        raise InvalidInputError(f"f={f[:40]!r} is no form of answer.", f"Expected one of: {names}.")

    @classmethod
    def _accepted(cls, accept: str) -> Self:
        """Return the form that is liked best (RFC 9110, section 12.5.1); CoverageJSON where none is named."""
        best, best_quality = cls(Form.COVERAGE_JSON), 0.0
        for entry in accept.lower().split(","):
            media_type, _, parameters = entry.partition(";")
            form = next((each for each in cls if media_type.strip() in _ACCEPTED[each]), None)
            if form is not None and (quality := _quality(parameters)) > best_quality:
                best, best_quality = form, quality
        return best


_MEDIA_TYPES = {
    Form.COVERAGE_JSON: ("application/prs.coverage+json",),
    Form.NETCDF: ("application/x-netcdf",),
    Form.ZARR: ("application/zip",),
    Form.CSV: ("text/csv; charset=utf-8",),
    Form.PARQUET: ("application/vnd.apache.parquet",),
}
_ACCEPTED = {
    Form.COVERAGE_JSON: ("application/prs.coverage+json", "application/json", "*/*", "application/*"),
    Form.NETCDF: ("application/x-netcdf", "application/netcdf"),
    Form.ZARR: ("application/zip", "application/vnd.zarr"),
    Form.CSV: ("text/csv", "text/*"),
    Form.PARQUET: ("application/vnd.apache.parquet", "application/x-parquet"),
}
_OTHER_NAMES = {
    Form.COVERAGE_JSON: ("covjson", "json"),
    Form.NETCDF: ("netcdf", "netcdf-4", "nc"),
    Form.ZARR: ("zarr3",),
    Form.CSV: ("text/csv",),
    Form.PARQUET: ("geoparquet",),
}
_SUFFIXES = {
    Form.COVERAGE_JSON: ".covjson",
    Form.NETCDF: ".nc",
    Form.ZARR: ".zarr.zip",
    Form.CSV: ".csv",
    Form.PARQUET: ".parquet",
}


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
