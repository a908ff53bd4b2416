"""Twin data without a platform: HEALPix cubes in a folder, documents as ingest makes them, a real server."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import uvicorn
import xarray as xr
from zarr.storage import LocalStore

from geoscope.access import Principal, issue_token_for
from geoscope.cubes.describe import describe
from geoscope.cubes.grid_coordinates import grid_coordinates
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.writing import write_cube
from geoscope.secrets import ensure_secrets
from geoscope.settings import Settings
from geoscope.twins import api
from local_holdings import LocalHoldings

LEVEL = 4
CLIMATE = "EO.ECMWF.DAT.D1.DT_CLIMATE.G1.SCENARIOMIP_SSP3-7.0_IFS-NEMO.R1"
EXTREMES = "extremes-dt"
CLIMATE_KEYS = {
    "class": "d1",
    "dataset": "climate-dt",
    "activity": "ScenarioMIP",
    "experiment": "SSP3-7.0",
    "generation": "1",
    "model": "IFS-NEMO",
    "realization": "1",
    "expver": "0001",
    "stream": "clte",
    "type": "fc",
    "resolution": "standard",
}
EXTREMES_KEYS = {"class": "d1", "dataset": "extremes-dt", "expver": "0001", "stream": "oper", "type": "fc"}
PARAMETERS = {
    "2t": (167, "K"),
    "10u": (165, "m s**-1"),
    "tp": (228, "m"),
    "t": (130, "K"),
    "u": (131, "m s**-1"),
}
PRESSURES = (1000.0, 850.0, 500.0, 250.0)


def fields(names, times, levels=None):
    """Fields of smooth values that differ in place, time, level and parameter; the first cell is missing."""
    grid = HealpixGrid(LEVEL)
    coordinates = grid_coordinates(grid)
    longitude, latitude = grid.cell_centre(np.arange(grid.shape[0]))
    hours = (times - times[0]) / np.timedelta64(1, "h")
    data = {}
    for index, name in enumerate(names):
        values = 250 + index * 10 + latitude / 3 + np.sin(np.radians(longitude)) + hours[:, None] / 7
        dimensions = ["time", *grid.dimensions]
        if levels is not None:
            values = values[:, None, :] + np.array(levels)[None, :, None] / 50
            dimensions.insert(1, "level")
        values = values.astype(np.float32)
        values[..., 0] = np.nan
        number, unit = PARAMETERS[name]
        attributes = {"units": unit, "long_name": name, "mars:param": number, "grid_mapping": "crs"}
        data[name] = (dimensions, values, attributes)
    dataset = xr.Dataset(data, {"time": ("time", times)}).assign_coords(coordinates.coords)
    if levels is not None:
        attributes = {"units": "hPa", "positive": "down", "axis": "Z", "standard_name": "air_pressure"}
        dataset = dataset.assign_coords(level=("level", np.array(levels), attributes))
    return dataset


def hours_from(first, count, every=1):
    return np.datetime64(first, "ns") + np.arange(count) * np.timedelta64(every, "h")


def datasets():
    """Every dataset by collection and item: keys of MARS, and what it holds."""
    climate = {
        "clte-sfc": ({"levtype": "sfc"}, fields(("2t", "10u"), hours_from("2020-12-31", 24 * 40))),
        "clte-pl": ({"levtype": "pl"}, fields(("t", "u"), hours_from("2021-01-01", 8, 6), PRESSURES)),
    }
    monthly = np.arange("2020-01", "2021-03", dtype="datetime64[M]").astype("datetime64[ns]")
    climate["clmn-sfc"] = ({"levtype": "sfc", "stream": "clmn"}, fields(("2t",), monthly))
    extremes = {
        f"oper-sfc-{day}t0000": (
            {"levtype": "sfc", "date": day, "time": "0000"},
            fields(("2t", "tp"), hours_from(f"{day[:4]}-{day[4:6]}-{day[6:]}", 25)),
        )
        for day in ("20260513", "20260514")
    }
    return {
        CLIMATE: {name: (CLIMATE_KEYS | keys, data) for name, (keys, data) in climate.items()},
        EXTREMES: {name: (EXTREMES_KEYS | keys, data) for name, (keys, data) in extremes.items()},
    }


def write_store(folder):
    """Write every dataset below a folder; return the catalogue's documents by path, and the datasets."""
    documents, held = {}, datasets()
    for collection, items in held.items():
        found = []
        for name, (keys, data) in items.items():
            write_cube(data, LocalStore(folder / collection / f"{name}.zarr"))
            described = describe(data)
            properties = {f"mars:{key}": value for key, value in keys.items()}
            properties |= {"cube:dimensions": described.dimensions, "cube:variables": described.variables}
            asset = {"type": "application/vnd.zarr; version=3", "href": f"s3://demo/{collection}/{name}.zarr"}
            found.append(
                {
                    "type": "Feature",
                    "id": name,
                    "collection": collection,
                    "properties": properties | {"updated": "2026-01-01T00:00:00Z"},
                    "assets": {"cube": asset},
                }
            )
        path = f"/collections/{collection}"
        documents[path] = {"type": "Collection", "id": collection, "cube:variables": {}}
        documents |= {f"{path}/items/{item['id']}": item for item in found}
        documents[f"{path}/items"] = {"type": "FeatureCollection", "features": found, "links": []}
    collections = [documents[f"/collections/{collection}"] for collection in held]
    documents["/collections"] = {"collections": collections, "links": []}
    return documents, held


class TwinServer:
    """The twins service on a port of its own, over a folder of cubes; it can be ended and started again."""

    def __init__(self, data_dir, folder, documents):
        self.settings = Settings(data_dir=data_dir)
        ensure_secrets(self.settings)
        self.folder, self.documents = folder, documents

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self):
        return f"{self.url}/polytope"

    def token(self, subject="ada", *roles):
        return issue_token_for(self.settings, Principal(subject, frozenset(roles)))

    def headers(self, subject="ada", *roles):
        return {"Authorization": f"Bearer {self.token(subject, *roles)}"}

    @contextmanager
    def running(self, monkeypatch):
        def holdings(settings):
            made = LocalHoldings(self.folder, self.documents)
            made.settings = settings
            return made

        monkeypatch.setattr(api, "Holdings", holdings)
        monkeypatch.setattr(api, "current_settings", lambda: self.settings)
        monkeypatch.setattr("geoscope.twins.polytope.routes.current_settings", lambda: self.settings)
        monkeypatch.setattr("geoscope.holdings.current_settings", lambda: self.settings)
        config = uvicorn.Config(api.create_application(), port=0, log_level="warning", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(20)
