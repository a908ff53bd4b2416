"""A process that writes GRIB 2: `python -m geoscope.twins.polytope.grib_encoder`.

ecCodes has a process of its own because native libraries crash at exit when they meet. On its input comes,
for each field, a line of JSON that describes it and then its values (little-endian float32); on its output
goes a line of JSON with the length of the message, or with the problem, and then the message. It ends with
its input.
"""

import json
import os
import sys
from typing import Any, BinaryIO

import eccodes
import numpy as np

# Newer tables have the parameters of the twins.
TABLES_VERSION = 32
# "Destination Earth" and "research products" in code table 1.3.
DESTINATION_EARTH = 12
RESEARCH = 2
# Code tables 4.0 and 4.4.
ENSEMBLE_MEMBER = 1
HOURS = 1
MISSING = 9999.0
# As many as a float32 has: what packing loses is less than a step of the largest value.
BITS_PER_VALUE = 24
MOST_CODES = 256

# Keys of MARS in the order in which ecCodes wants them: the dataset decides which others there are.
KEYS = (
    "class",
    "activity",
    "experiment",
    "generation",
    "model",
    "realization",
    "resolution",
    "stream",
    "type",
    "expver",
)
# Those that a message of any dataset has.
KEYS_OF_ALL = ("class", "stream", "type", "expver")
TYPES_OF_LEVEL = {
    "sfc": "surface",
    "pl": "isobaricInhPa",
    "hl": "heightAboveGround",
    "ml": "hybrid",
    "pt": "theta",
    "pv": "potentialVorticity",
    "sol": "soilLayer",
    "o2d": "oceanSurface",
    "o3d": "oceanModelLayer",
}


def main() -> None:
    """Encode fields until the input ends."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    source = sys.stdin.buffer
    while line := source.readline():
        described = json.loads(line)
        values = np.frombuffer(_exactly(source, described["count"] * 4), "<f4")
        try:
            message = encode(described, values)
            answer: dict[str, Any] = {"bytes": len(message)}
        except (eccodes.CodesInternalError, ValueError, KeyError) as error:
            message, answer = b"", {"problem": str(error)[:300]}
        output.write(json.dumps(answer).encode() + b"\n" + message)
        output.flush()
    # At once: native libraries may crash when they are unloaded.
    os._exit(0)


def _exactly(source: BinaryIO, count: int) -> bytes:
    found = source.read(count)
    if len(found) != count:
        os._exit(0)  # nobody waits for the rest
    return found


def encode(described: dict[str, Any], values: "np.ndarray[Any, Any]") -> bytes:
    """Write one field as a GRIB 2 message.

    Parameters
    ----------
    described : dict
        `keys` of MARS, `param` (number), `levtype`, `level` or None, `date`, `time`, `step` (hours), `number`
        or None, `grid` (keys of the grid definition section).
    values : ndarray of float32
        In the grid's order; NaN where missing.

    Raises
    ------
    ValueError, CodesInternalError
        If ecCodes has no words for it.
    """
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    try:
        for key, value in described["grid"].items():
            if key == "pl":
                eccodes.codes_set(handle, "PLPresent", 1)
                eccodes.codes_set_array(handle, "pl", value)
            else:
                eccodes.codes_set(handle, key, value)
        _set_parameter(handle, described)
        _set_identity(handle, described)
        _set_values(handle, values)
        if eccodes.codes_get_long(handle, "paramId") != described["param"]:
            raise ValueError(f"GRIB 2 has no words for the parameter {described['param']} here")
        message: bytes = eccodes.codes_get_message(handle)
        return message
    finally:
        eccodes.codes_release(handle)


def _set_parameter(handle: int, described: dict[str, Any]) -> None:
    """Say what it is; before the dataset, which knows fewer of ECMWF's own parameters."""
    eccodes.codes_set(handle, "tablesVersion", TABLES_VERSION)
    eccodes.codes_set(handle, "centre", "ecmf")
    eccodes.codes_set(handle, "setLocalDefinition", 1)
    eccodes.codes_set(handle, "typeOfLevel", TYPES_OF_LEVEL.get(described["levtype"], "surface"))
    if described["number"] is not None:
        eccodes.codes_set(handle, "productDefinitionTemplateNumber", ENSEMBLE_MEMBER)
    eccodes.codes_set(handle, "paramId", described["param"])
    if described["number"] is not None:
        eccodes.codes_set(handle, "number", described["number"])
    if described["level"] is not None:
        level = described["level"]
        eccodes.codes_set(handle, "level", int(level) if float(level).is_integer() else level)


def _set_identity(handle: int, described: dict[str, Any]) -> None:
    keys = described["keys"]
    if "dataset" in keys and not _set_dataset(handle, keys["dataset"]):
        keys = {key: keys[key] for key in KEYS_OF_ALL if key in keys}
    for key in (each for each in KEYS if each in keys):
        try:
            _set_word(handle, key, keys[key])
        except eccodes.CodesInternalError:
            # `h64`, of fields that were brought to another grid, has no code: the grid's own section says it.
            if key != "resolution":
                raise
    eccodes.codes_set(handle, "dataDate", described["date"])
    eccodes.codes_set(handle, "dataTime", described["time"])
    eccodes.codes_set(handle, "stepUnits", HOURS)
    eccodes.codes_set(handle, "endStep", described["step"])


def _set_dataset(handle: int, dataset: str) -> bool:
    """Say of which dataset it is; False if GRIB has no code for it, as for the platform's own simulations."""
    eccodes.codes_set(handle, "productionStatusOfProcessedData", DESTINATION_EARTH)
    try:
        _set_word(handle, "dataset", dataset)
    except eccodes.CodesInternalError:
        eccodes.codes_set(handle, "productionStatusOfProcessedData", RESEARCH)
        return False
    return True


def _set_word(handle: int, key: str, word: str) -> None:
    """Set a key whose words have capitals that nobody remembers: `ScenarioMIP`."""
    if not eccodes.codes_is_defined(handle, key):
        return
    try:
        if word.isdigit() and key != "expver":
            eccodes.codes_set(handle, key, int(word))
        else:
            eccodes.codes_set(handle, key, word)
    except eccodes.CodesInternalError:
        for code in range(MOST_CODES):
            eccodes.codes_set(handle, key, code)
            if eccodes.codes_get_string(handle, key).lower() == word.lower():
                return
        raise


def _set_values(handle: int, values: "np.ndarray[Any, Any]") -> None:
    missing = np.isnan(values)
    plain = values.astype(np.float64)
    eccodes.codes_set(handle, "packingType", "grid_ccsds")
    eccodes.codes_set(handle, "bitsPerValue", BITS_PER_VALUE)
    if missing.any():
        eccodes.codes_set(handle, "missingValue", MISSING)
        eccodes.codes_set(handle, "bitmapPresent", 1)
        plain[missing] = MISSING
    eccodes.codes_set_values(handle, plain)


if __name__ == "__main__":
    main()
