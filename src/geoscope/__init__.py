"""Geoscope: an open, self-hostable Earth digital-twin platform."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load `geoscope.open` when it is first used: it brings xarray and Zarr."""
    if name == "open":
        from geoscope.opening import open_item  # noqa: PLC0415

        return open_item
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
