"""Gives validators the schemas of STAC 1.1 and GeoJSON from the files of pystac, without a network.

Python imports this at its start where the folder is on PYTHONPATH. Validators themselves stay as they are:
only the two hosts of the schemas are answered here, and any other request goes its way.
"""

import importlib.util
import io
import urllib.request
import urllib.response
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import requests

HOSTS = {"schemas.stacspec.org": "stac-spec/v1.1.0", "geojson.org": "geojson"}
SCHEMAS = Path(importlib.util.find_spec("pystac").origin).parent / "validation" / "jsonschemas"


def schema(url):
    """Return the bytes of a schema, or None for an address of another host."""
    parts = urlsplit(url)
    if parts.hostname not in HOSTS:
        return None
    return (SCHEMAS / HOSTS[parts.hostname] / Path(parts.path).name).read_bytes()


class _SchemaHandler(urllib.request.HTTPSHandler):
    def https_open(self, request):
        body = schema(request.full_url)
        if body is None:
            return super().https_open(request)
        return urllib.response.addinfourl(io.BytesIO(body), Message(), request.full_url, 200)


urllib.request.install_opener(urllib.request.build_opener(_SchemaHandler()))


def _answer_requests():
    send = requests.adapters.HTTPAdapter.send

    def send_or_read(self, request, **options):
        body = schema(request.url)
        if body is None:
            return send(self, request, **options)
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response.raw = io.BytesIO(body)
        return response

    requests.adapters.HTTPAdapter.send = send_or_read


_answer_requests()
