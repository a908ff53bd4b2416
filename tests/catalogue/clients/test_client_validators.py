"""The field's validators, unmodified, find nothing wrong; `offline_schemas` gives them their schemas."""

import json

import httpx
import pytest
from catalogue_documents import rectangle

CLASSES = ("core", "collections", "features", "item-search", "filter", "children", "item-search#fields")


def test_stac_api_validator_finds_no_errors(scenes, run_client):
    ended = run_client(
        "stac-api-validator",
        *("--root-url", scenes),
        *(option for name in CLASSES for option in ("--conformance", name)),
        *("--collection", "scenes"),
        *("--geometry", json.dumps(rectangle(0, 40, 30, 41))),
        *("--fields-nested-property", "properties.platform"),
        "--validate-pagination",
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said[-5000:]
    assert "Errors: none" in said


def test_stac_api_validator_sees_what_is_wrong(scenes, run_client):
    """The schemas that it is given really judge: a landing page elsewhere is no STAC API."""
    ended = run_client("stac-api-validator", "--root-url", f"{scenes}/conformance", "--conformance", "core")
    assert ended.returncode != 0


@pytest.mark.parametrize("path", ["/collections/scenes", "/collections/scenes/items/scene-07"])
def test_stac_check_finds_documents_valid(scenes, run_client, path):
    ended = run_client("stac-check", f"{scenes}{path}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Valid" in ended.stdout
    assert "True" in ended.stdout.split("Valid", 1)[1][:200], ended.stdout


@pytest.mark.parametrize("path", ["", "/collections/scenes", "/collections/scenes/items/scene-07"])
def test_stac_validator_finds_documents_valid(scenes, run_client, path, tmp_path):
    ended = run_client("stac-validator", "validate", f"{scenes}{path}")
    [verdict] = json.loads(ended.stdout[ended.stdout.index("[") : ended.stdout.rindex("]") + 1])
    assert verdict["valid_stac"] is True, ended.stdout
    broken = httpx.get(f"{scenes}{path}").json() | {"links": "none"}
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    ended = run_client("stac-validator", "validate", tmp_path / "broken.json")
    assert '"valid_stac": false' in ended.stdout
