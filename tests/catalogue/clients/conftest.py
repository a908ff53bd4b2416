"""A catalogue as real clients meet it: two collections, and items like a satellite's scenes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue_documents import make_collection, make_item

OFFLINE_SCHEMAS = Path(__file__).parent / "offline_schemas"
SCENES = 30


def scene(n):
    return make_item(
        f"scene-{n:02}",
        (n, 40.0, n + 1, 41.0),
        f"2026-{n % 12 + 1:02}-01T10:30:00Z",
        properties={
            "title": f"Scene {n}",
            "eo:cloud_cover": n * 3,
            "platform": "sentinel-2a" if n % 2 else "sentinel-2b",
            "instruments": ["msi"],
            "gsd": 10,
        },
    )


@pytest.fixture
def scenes(address, editor):
    """Address of a STAC API with a collection of scenes and an empty one."""
    for collection in (make_collection("scenes", title="Scenes"), make_collection("empty", title="Empty")):
        editor.post("/stac/collections", json=collection).raise_for_status()
    body = {"items": {f"scene-{n:02}": scene(n) for n in range(SCENES)}, "method": "insert"}
    editor.post("/stac/collections/scenes/bulk_items", json=body).raise_for_status()
    return f"{address}/stac"


@pytest.fixture
def run_client():
    """Run a client as its users do, with the schemas of STAC at hand; return what it ended with."""

    def run(name, *arguments, timeout_s=240):
        command = [str(Path(sys.executable).with_name(name)), *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(OFFLINE_SCHEMAS)}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment
        )

    return run
