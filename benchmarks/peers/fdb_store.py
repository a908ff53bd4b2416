"""Runs in an environment of its own: an FDB with daily fields, read by gribjump and by polytope-mars.

    python fdb_store.py fill FOLDER NSIDE DAYS
    python fdb_store.py series FOLDER NSIDE DAYS ROUNDS CELL [CELL ...]
    python fdb_store.py polygon FOLDER NSIDE DAYS ROUNDS RING.json

Each prints one line of JSON. It ends without unloading the libraries, which crash then.
"""

import copy
import json
import os
import sys
import time
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2020, 1, 1)
SCHEMA = """
class: First3;
date: Date;
time: Time;
levelist: Double;
param: Param;
expver: Expver;
[ class, dataset, activity, experiment, generation, model, realization, expver, stream
  [ resolution, type, levtype
    [ date, time, levelist?, param ]]]
"""
KEYS = {
    "class": "d1",
    "dataset": "climate-dt",
    "activity": "scenariomip",
    "experiment": "ssp3-7.0",
    "generation": "1",
    "model": "ifs-nemo",
    "realization": "1",
    "expver": "0001",
    "stream": "clte",
    "resolution": "standard",
    "type": "fc",
    "levtype": "sfc",
    "time": "0000",
    "param": "167",
}
HEADER = {
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
    "resolution": "standard",
    "stream": "clte",
    "type": "fc",
    "expver": "0001",
    "gridType": "healpix",
    "orderingConvention": "nested",
    "longitudeOfFirstGridPointInDegrees": 45,
    "packingType": "grid_ccsds",
    "bitsPerValue": 16,
    "dataTime": 0,
}


def main() -> None:
    work, folder = sys.argv[1], Path(sys.argv[2])
    configuration = _configure(folder)
    numbers = [int(text) for text in sys.argv[3:] if text.isdigit()]
    if work == "fill":
        answer = _fill(folder, configuration, *numbers)
    elif work == "series":
        nside, days, rounds, *cells = numbers
        answer = _series(folder, days, rounds, cells)
    else:
        nside, days, rounds = numbers
        answer = _polygon(folder, nside, days, rounds, json.loads(Path(sys.argv[6]).read_text()))
    print(json.dumps(answer), flush=True)
    os._exit(0)


def _configure(folder: Path) -> dict[str, object]:
    root = folder / "fields"
    root.mkdir(parents=True, exist_ok=True)
    (folder / "schema").write_text(SCHEMA)
    configuration = {
        "type": "local",
        "engine": "toc",
        "schema": str(folder / "schema"),
        "spaces": [{"handler": "Default", "roots": [{"path": str(root)}]}],
    }
    os.environ["FDB5_CONFIG"] = json.dumps(configuration)
    return configuration


def _fill(folder: Path, configuration: dict[str, object], nside: int, days: int) -> dict[str, object]:
    import eccodes  # noqa: PLC0415 (a library for each task: together they crash)
    import pyfdb  # noqa: PLC0415 (a library for each task: together they crash)
    from fields import daily_field  # noqa: PLC0415 (a library for each task: together they crash)

    done = folder / "filled.json"
    if not done.exists():
        fdb = pyfdb.FDB(configuration)
        started = time.perf_counter()
        for day in range(days):
            message = eccodes.codes_grib_new_from_samples("GRIB2")
            for key, value in HEADER.items():
                eccodes.codes_set(message, key, value)
            eccodes.codes_set(message, "Nside", nside)
            eccodes.codes_set(message, "dataDate", int((FIRST_DAY + timedelta(day)).strftime("%Y%m%d")))
            eccodes.codes_set(message, "paramId", 167)
            eccodes.codes_set_values(message, daily_field(nside, day).astype("float64"))
            grid_hash = eccodes.codes_get(message, "md5GridSection")
            fdb.archive(eccodes.codes_get_message(message))
            eccodes.codes_release(message)
        fdb.flush()
        took = time.perf_counter() - started
        done.write_text(json.dumps({"grid_hash": grid_hash, "seconds": took}))
    return json.loads(done.read_text())


def _series(folder: Path, days: int, rounds: int, cells: list[int]) -> dict[str, object]:
    import pygribjump  # noqa: PLC0415 (a library for each task: together they crash)

    grid_hash = json.loads((folder / "filled.json").read_text())["grid_hash"]
    jump = pygribjump.GribJump()
    seconds, values = [], []
    for number in range(rounds):
        cell = cells[number % len(cells)]
        started = time.perf_counter()
        requests = [
            pygribjump.ExtractionRequest(
                KEYS | {"date": (FIRST_DAY + timedelta(day)).strftime("%Y%m%d")},
                [(cell, cell + 1)],
                grid_hash,
            )
            for day in range(days)
        ]
        read = [float(result[0][0]) for result in jump.extract(requests).dump_values()]
        seconds.append(time.perf_counter() - started)
        values.append({"cell": cell, "values": read[:5], "count": len(read)})
    return {"seconds": seconds, "values": values}


def _polygon(
    folder: Path,
    nside: int,
    days: int,
    rounds: int,
    ring: list[list[float]],
) -> dict[str, object]:
    from polytope_mars.api import PolytopeMars  # noqa: PLC0415 (a library for each task: together they crash)

    grid_hash = json.loads((folder / "filled.json").read_text())["grid_hash"]
    options = {
        "axis_config": [
            {"axis_name": "date", "transformations": [{"name": "type_change", "type": "date"}]},
            {"axis_name": "time", "transformations": [{"name": "type_change", "type": "time"}]},
            {
                "axis_name": "values",
                "transformations": [
                    {
                        "name": "mapper",
                        "type": "healpix_nested",
                        "resolution": nside,
                        "axes": ["latitude", "longitude"],
                        "md5_hash": grid_hash,
                    }
                ],
            },
            {"axis_name": "latitude", "transformations": [{"name": "reverse", "is_reverse": True}]},
            {"axis_name": "longitude", "transformations": [{"name": "cyclic", "range": [0, 360]}]},
        ],
        "compressed_axes_config": [
            *("longitude", "latitude", "levtype", "levelist", "date", "time", "domain", "expver", "param"),
            *("class", "stream", "type", "dataset", "activity", "experiment", "generation", "model"),
            *("realization", "resolution"),
        ],
        "pre_path": {key: KEYS[key] for key in KEYS if key not in ("time", "param")},
    }  # fmt: skip
    last = (FIRST_DAY + timedelta(days - 1)).strftime("%Y%m%d")
    request = KEYS | {
        "date": f"{FIRST_DAY:%Y%m%d}/to/{last}",
        "feature": {"type": "polygon", "shape": ring},
        "format": "covjson",
    }
    settings = {
        "datacube": {"type": "gribjump"},
        "options": options,
        "polygonrules": {"max_points": 100_000},
    }
    seconds, coverages = [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        found = PolytopeMars(settings).extract(copy.deepcopy(request))  # (it takes it apart)
        seconds.append(time.perf_counter() - started)
        coverages = len(found["coverages"])
    first = found["coverages"][0]
    points = len(first["domain"]["axes"]["composite"]["values"])
    return {"seconds": seconds, "coverages": coverages, "points": points}


if __name__ == "__main__":
    main()
