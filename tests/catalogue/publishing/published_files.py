"""Files as users have them, written by the libraries that write such files."""

import numpy as np
import rasterio
import xarray as xr
from rasterio.shutil import copy as copy_raster
from rasterio.transform import from_origin


def write_cog(
    path, *, crs="EPSG:32633", transform=None, shape=(600, 500), nodata=None, values=None, tags=None, count=1
):
    """Write a cloud-optimized GeoTIFF."""
    transform = transform or from_origin(300_000, 4_650_000, 30, 30)
    if values is None:
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        values = (np.hypot(rows - shape[0] / 2, columns) % 200 + 1).astype("uint8")
    plain = path.with_suffix(".plain")
    profile = {
        "driver": "GTiff",
        "height": shape[0],
        "width": shape[1],
        "count": count,
        "dtype": values.dtype,
    }
    with rasterio.open(plain, "w", crs=crs, transform=transform, nodata=nodata, **profile) as raster:
        for band in range(1, count + 1):
            raster.write(values, band)
        raster.update_tags(**(tags or {}))
    copy_raster(plain, path, driver="COG")
    plain.unlink()
    return path


def gridded(longitudes=None, times=("2024-01-01", "2024-01-02"), name="height"):
    """A small global field over time with CF attributes."""
    longitudes = np.arange(-180, 180, 5.0) if longitudes is None else longitudes
    latitudes = np.arange(-87.5, 90, 5.0)
    shape = (len(times), len(latitudes), len(longitudes))
    values = np.random.default_rng(7).normal(size=shape).astype("float32")
    return xr.Dataset(
        {name: (("time", "lat", "lon"), values, {"units": "m", "long_name": "Height of waves"})},
        {
            "time": np.array(times, "datetime64[ns]"),
            "lat": ("lat", latitudes, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", longitudes, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        {"title": "Waves"},
    )


def write_netcdf(path, *, engine="h5netcdf", **about):
    gridded(**about).to_netcdf(path, engine=engine)
    return path


def write_zarr(path, *, zarr_format=3, **about):
    gridded(**about).to_zarr(path, zarr_format=zarr_format, consolidated=True)
    return path


def write_grib(path, *, sample="regular_ll_sfc_grib2", times=((20240301, 0), (20240301, 1200)), changes=None):
    """Write a GRIB file of one message for each time."""
    import eccodes  # noqa: PLC0415 (not in the process that writes GeoTIFF unless it must be)

    with path.open("wb") as file:
        for date, time in times:
            message = eccodes.codes_grib_new_from_samples(sample)
            eccodes.codes_set(message, "date", date)
            eccodes.codes_set(message, "time", time)
            for key, value in (changes or {}).items():
                eccodes.codes_set(message, key, value)
            points = eccodes.codes_get(message, "numberOfDataPoints")
            eccodes.codes_set_values(message, np.linspace(250.0, 300.0, points))
            eccodes.codes_write(message, file)
            eccodes.codes_release(message)
    return path
