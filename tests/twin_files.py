"""GRIB files with the keys of the climate twin, encoded in a process of its own."""

import json
import subprocess
import sys

ENCODE = """
import json, sys
import eccodes
import numpy as np

told = json.loads(sys.argv[2])
header = {
    "tablesVersion": 32, "centre": "ecmf", "setLocalDefinition": 1, "productionStatusOfProcessedData": 12,
    "dataset": "climate-dt", "class": "d1", "activity": "ScenarioMIP", "experiment": "SSP3-7.0",
    "generation": 1, "model": told["model"], "realization": 1, "resolution": "standard", "stream": "clte",
    "type": "fc", "expver": "0001", "gridType": "healpix", "Nside": told["nside"],
    "orderingConvention": "nested", "longitudeOfFirstGridPointInDegrees": 45,
    "packingType": "grid_ccsds", "bitsPerValue": 24,
}
cells = np.arange(12.0 * told["nside"] ** 2)
decoded = []
with open(sys.argv[1], "wb") as file:
    for day_number, day in enumerate(told["days"]):
        for time in told["times"]:
            for number, name in told["parameters"]:
                message = eccodes.codes_grib_new_from_samples("GRIB2")
                for key, value in header.items():
                    eccodes.codes_set(message, key, value)
                eccodes.codes_set(message, "dataDate", int(day))
                eccodes.codes_set(message, "dataTime", time)
                eccodes.codes_set(message, "paramId", number)
                values = 280 + day_number + time / 1200 + number / 1000 + 5 * np.sin(cells / 40)
                eccodes.codes_set_values(message, values)
                decoded.append([day, time, name, eccodes.codes_get_values(message).tolist()])
                eccodes.codes_write(message, file)
                eccodes.codes_release(message)
print(json.dumps(decoded))
"""


def encode_climate_twin(
    file, days, times=(0,), *, parameters=((167, "2t"), (165, "10u")), nside=8, model="ICON"
):
    """Write a file; return the values of its fields by day, time and short name."""
    told = {"days": days, "times": times, "parameters": parameters, "nside": nside, "model": model}
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, file, json.dumps(told)], capture_output=True, text=True, check=True
    )
    return {(day, time, name): values for day, time, name, values in json.loads(done.stdout)}
