"""GRIB files of our own making, encoded by ecCodes in a process of its own, as the platform never does it."""

import json
import subprocess
import sys

import numpy as np

ENCODE = """
import json, sys
import eccodes, numpy

for line in sys.stdin:
    task = json.loads(line)
    with open(task["path"], "wb") as file:
        for keys in task["messages"]:
            message = eccodes.codes_grib_new_from_samples(task["sample"])
            values = keys.pop("values")
            if values == "smooth":
                # At the places that ecCodes itself gives the cells, a rotated pole's turned back.
                grid = {key: value for key, value in keys.items() if key != "packingType"}
                for key, value in grid.items():
                    eccodes.codes_set(message, key, value)
                if eccodes.codes_get(message, "gridType") == "reduced_gg":
                    cells = eccodes.codes_get_long(message, "numberOfDataPoints")
                else:
                    cells = eccodes.codes_get_long(message, "Ni") * eccodes.codes_get_long(message, "Nj")
                eccodes.codes_set_values(message, numpy.zeros(cells))
                north = numpy.radians(eccodes.codes_get_array(message, "latitudes"))
                east = numpy.radians(eccodes.codes_get_array(message, "longitudes"))
                values = 280 + 10 * numpy.sin(north) + 5 * numpy.cos(north) * numpy.cos(east)
            values = numpy.array(values, dtype=float)
            missing = numpy.isnan(values)
            if missing.any():
                eccodes.codes_set(message, "bitmapPresent", 1)
                eccodes.codes_set(message, "missingValue", 9999.0)
                values[missing] = 9999.0
            packing = keys.pop("packingType", None)
            for key, value in keys.items():
                eccodes.codes_set(message, key, value)
            if packing:
                eccodes.codes_set(message, "packingType", packing)
            eccodes.codes_set_values(message, values)
            eccodes.codes_write(message, file)
            eccodes.codes_release(message)
"""

CLIMATE_DT = {
    "tablesVersion": 32,
    "centre": "ecmf",
    "setLocalDefinition": 1,
    "productionStatusOfProcessedData": 12,
    "dataset": "climate-dt",
    "class": "d1",
    "activity": "ScenarioMIP",
    "experiment": "SSP3-7.0",
    "generation": 1,
    "model": "IFS-NEMO",
    "realization": 1,
    "resolution": "high",
    "stream": "clte",
    "type": "fc",
    "expver": "0001",
}


def healpix(nside, order="nested"):
    """Keys of a HEALPix grid."""
    return {
        "gridType": "healpix",
        "Nside": nside,
        "orderingConvention": order,
        "longitudeOfFirstGridPointInDegrees": 45,
    }


def climate(date, values, nside=4, order="nested", param=167, time=0, **others):
    """Keys of a message of Climate DT."""
    return (
        CLIMATE_DT
        | {"paramId": param, "dataDate": date, "dataTime": time}
        | healpix(nside, order)
        | others
        | {"values": list(map(float, values))}
    )


def smooth(longitude, latitude):
    """Return what `values="smooth"` stands for, at any places in degrees."""
    east, north = np.radians(longitude), np.radians(latitude)
    return 280 + 10 * np.sin(north) + 5 * np.cos(north) * np.cos(east)


def write_grib(path, messages, sample="GRIB2"):
    """Write messages to a file."""
    task = json.dumps({"path": str(path), "messages": messages, "sample": sample})
    done = subprocess.run(
        [sys.executable, "-c", ENCODE], input=task, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return path
