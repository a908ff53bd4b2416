"""A tile that xpublish-tiles draws."""

import os
import subprocess
import sys

# A process of its own, as for all that brings many native libraries.
TILE = """
import sys, xarray, xpublish
from fastapi.testclient import TestClient
from geoscope.cubes.growing.history import open_version
from geoscope.objects import Place, icechunk_storage
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings
from xpublish_tiles.xpublish.tiles.plugin import TilesPlugin

address, variable = sys.argv[1:]
if address.startswith("s3://"):
    settings = current_settings()
    store = open_version(
        icechunk_storage(settings, Place.parse(address), read_s3_keys(settings, "data-apis"))
    )
    dataset = xarray.open_zarr(store, chunks=None, consolidated=False)
else:
    dataset = xarray.open_zarr(address, chunks=None)
application = xpublish.Rest({"twin": dataset}, plugins={"tiles": TilesPlugin()}).app
query = {"variables": variable, "style": "polygons/viridis", "width": 256, "height": 256, "f": "png"}
query |= {"colorscalerange": "270,290", "time": "2020-01-01"}
answer = TestClient(application).get("/datasets/twin/tiles/WebMercatorQuad/1/0/1", params=query)
assert answer.status_code == 200, answer.text
sys.stdout.buffer.write(answer.content)
"""


def drawn(address, variable, **environment):
    """Draw a variable on the first of January 2020 between 270 and 290; what is said instead is an error.

    The address is a folder of Zarr, or `s3://BUCKET/KEY` of the platform that the environment names.
    """
    command = [sys.executable, "-c", TILE, str(address), variable]
    answer = subprocess.run(
        command, capture_output=True, timeout=240, env=os.environ | environment, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()[-2000:]
    return answer.stdout
