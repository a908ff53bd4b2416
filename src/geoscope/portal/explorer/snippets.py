"""Code that a visitor copies: each piece runs as it is shown."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from geoscope.cube_items import is_growing
from geoscope.portal.explorer.datasets import Collection, Item
from geoscope.portal.explorer.layers import Layer

type Point = tuple[float, float]

_CURL_HEADER = '  --header "Authorization: Bearer $GEOSCOPE_TOKEN" \\\n'
_PANDAS_HEADERS = """, storage_options={"Authorization": f"Bearer {os.environ['GEOSCOPE_TOKEN']}"}"""


@dataclass(frozen=True)
class Snippet:
    """A piece of code under its title."""

    title: str
    code: str
    note: str = ""


def item_snippets(item: Item, base: str, variable: str, point: Point | None) -> list[Snippet]:
    """Return the ways to open an item: xarray over HTTPS and S3, pystac-client, curl.

    Parameters
    ----------
    item : Item
        The item; its asset `data` is a Zarr store, or its cube grows and is served as one.
    base : str
        The platform's address.
    variable : str
        The variable in the examples.
    point : tuple of float, optional
        Longitude and latitude in the examples, degrees.
    """
    asset = next((asset for asset in item.assets if asset["key"] == "data"), None)
    snippets = []
    grows = any(is_growing(asset) for asset in item.assets)
    if grows:
        # Items that were written before they had the asset `data` are served at the same address.
        asset = {"href": f"{base}/twins/zarr/{item.collection_id}/{item.id}"}
    is_limited = item.policy is not None
    if asset:
        note = _token_note() if is_limited else ""
        code = _xarray_with_token if is_limited else _xarray_https
        snippets.append(Snippet("Python", code(asset["href"], variable), note))
        if grows:
            snippets.append(
                Snippet(f"Python · {_('Time series')}", code(asset["href"], variable, "series"), note)
            )
        if s3 := (asset.get("alternate") or {}).get("s3"):
            snippets.append(Snippet("Python · S3", _xarray_s3(s3["href"], _s3_endpoint(item), variable)))
    if not is_limited and any(asset["key"] == "data" for asset in item.assets):
        snippets.append(Snippet("Python · STAC", _pystac(item, base)))
    snippets.append(Snippet("curl", _curl_item(item, base, variable, point)))
    return snippets


def series_snippets(base: str, collection: Collection, query: dict[str, str]) -> list[Snippet]:
    """Return the ways to get the series of a point."""
    address = f"{base}/edr/collections/{collection.id}/position"
    url = f"{address}?{urlencode(query | {'f': 'CSV'})}"
    is_limited = collection.policy is not None
    environment, headers = ("import os\n\n", _PANDAS_HEADERS) if is_limited else ("", "")
    python = f"""\
# pip install pandas
{environment}import pandas

series = pandas.read_csv("{url}"{headers})
print(series)
"""
    options = "\n".join(f'  --data-urlencode "{name}={value}" \\' for name, value in query.items())
    curl = f"""\
curl --get "{address}" \\
{_CURL_HEADER if is_limited else ""}{options}
  --data-urlencode "f=CSV"
"""
    note = _token_note() if is_limited else ""
    return [Snippet("Python", python, note), Snippet("curl", curl, note)]


def qgis_snippet(layer: Layer, base: str) -> Snippet:
    """Return the address that QGIS takes as a tile layer."""
    url = layer.tile_url if layer.tile_url.startswith("http") else base + layer.tile_url
    return Snippet("QGIS", url, _("In QGIS: Layer, Add Layer, Add XYZ Layer, New; paste this as URL."))


def _token_note() -> str:
    return _("GEOSCOPE_TOKEN holds your access token; the command “geoscope token” prints it.")


def _xarray_https(href: str, variable: str, group: str = "") -> str:
    return f"""\
# pip install xarray zarr aiohttp fsspec
import xarray

dataset = xarray.open_zarr("{href}"{_group(group)})
print(dataset["{variable}"])
"""


def _xarray_with_token(href: str, variable: str, group: str = "") -> str:
    return f"""\
# pip install xarray zarr aiohttp fsspec
import os

import xarray

headers = {{"Authorization": f"Bearer {{os.environ['GEOSCOPE_TOKEN']}}"}}
options = {{"client_kwargs": {{"headers": headers}}}}
dataset = xarray.open_zarr("{href}"{_group(group)}, storage_options=options)
print(dataset["{variable}"])
"""


def _group(name: str) -> str:
    return f', group="{name}"' if name else ""


def _xarray_s3(href: str, endpoint: str, variable: str) -> str:
    return f"""\
# pip install xarray zarr s3fs
# The keys: geoscope keys; s3fs reads them from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
import xarray

dataset = xarray.open_zarr("{href}", storage_options={{"endpoint_url": "{endpoint}"}})
print(dataset["{variable}"])
"""


def _pystac(item: Item, base: str) -> str:
    return f"""\
# pip install pystac-client xarray zarr aiohttp fsspec
import xarray
from pystac_client import Client

catalogue = Client.open("{base}/stac")
item = catalogue.get_collection("{item.collection_id}").get_item("{item.id}")
dataset = xarray.open_zarr(item.assets["data"].href)
"""


def _curl_item(item: Item, base: str, variable: str, point: Point | None) -> str:
    describe = f'curl "{base}/stac/collections/{item.collection_id}/items/{item.id}"\n'
    if point is None:
        return describe
    longitude, latitude = point
    token = _CURL_HEADER if item.policy else ""
    return f"""\
# What it is
{describe}
# The values at one point, as CSV
curl --get "{base}/edr/collections/{item.collection_id}/instances/{item.id}/position" \\
{token}  --data-urlencode "coords=POINT({longitude:.10g} {latitude:.10g})" \\
  --data-urlencode "parameter-name={variable}" \\
  --data-urlencode "f=CSV"
"""


def _s3_endpoint(item: Item) -> str:
    """Return the S3 endpoint's address (STAC storage extension 2)."""
    schemes = item.fields.get("storage:schemes") or {}
    return str((schemes.get("s3") or {}).get("platform") or "")
