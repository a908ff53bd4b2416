"""The manifest is checked whole; strangers cannot take what belongs to others."""

import pytest
from pydantic import ValidationError

from geoscope.errors import SetupError
from geoscope.manifests import check_manifest, core_manifests, discover, read_manifest
from geoscope.service import Manifest, is_below

HELLO = """
id = "hello"
title = "Hello"
summary = "Greets."
category = "see"
version = "1.0"
routes = ["/hello"]
upstream = "http://127.0.0.1:9000"
health = "/hello/health"
[provider]
name = "Somebody"
"""


@pytest.fixture
def manifest_file(tmp_path):
    def write(text=HELLO, name="hello.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_manifest_is_read_from_toml(manifest_file):
    manifest = read_manifest(manifest_file())
    assert (manifest.id, manifest.routes, manifest.access.policy) == ("hello", ("/hello",), "public")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("id = ", "idd = "), "idd"),
        (('"http://127.0.0.1:9000"', '"file:///etc/passwd"'), "upstream"),
        (('["/hello"]', '["/../admin"]'), "routes"),
        (('["/hello"]', '["/"]'), "routes"),
        (('health = "/hello/health"', 'health = "/elsewhere"'), "health"),
        (('category = "see"', 'category = "sell"'), "category"),
        (('upstream = "http://127.0.0.1:9000"', 'app = "os:system"'), "upstream"),
        (('upstream = "http://127.0.0.1:9000"', 'part = "portal"'), "upstream"),
        (('version = "1.0"', 'version = "1.0"\naccess = {policy = "public", roles = ["x"]}'), "access"),
        (("title", "title = \nx"), "cannot be read"),
    ],
)
def test_a_wrong_manifest_is_refused_and_the_field_named(manifest_file, change, named):
    with pytest.raises(SetupError, match=named):
        read_manifest(manifest_file(HELLO.replace(*change)))


@pytest.mark.parametrize("route", ["/stac", "/stac/extra", "/admin", "/realms", "/data/mine", "/services"])
def test_a_stranger_cannot_take_a_route_of_the_platform(manifest_file, route):
    text = HELLO.replace('["/hello"]', f'["{route}"]').replace("/hello/health", f"{route}/health")
    with pytest.raises(SetupError, match=route):
        check_manifest(read_manifest(manifest_file(text)), core_manifests())


def test_a_stranger_cannot_take_the_id_of_another(manifest_file):
    with pytest.raises(SetupError, match="belongs to a service"):
        check_manifest(
            read_manifest(manifest_file(HELLO.replace('"hello"', '"catalogue"'))), core_manifests()
        )


def test_discovery_keeps_the_good_files_and_says_why_the_others_are_left_out(manifest_file, tmp_path):
    manifest_file()
    bad = manifest_file("id = 1", "bad.toml")
    twin = manifest_file(name="twin.toml")
    manifests, problems = discover(tmp_path)
    assert "hello" in {manifest.id for manifest in manifests}
    assert set(problems) == {bad, twin}


def test_core_services_come_by_entry_points_and_are_valid_together():
    manifests = core_manifests()
    assert {"catalogue", "cuts", "objects", "portal", "viewer", "workflows"} <= {
        each.id for each in manifests
    }
    for manifest in manifests:
        check_others = [other for other in manifests if other is not manifest]
        taken = {route for other in check_others for route in other.routes}
        assert not taken & set(manifest.routes)


def test_is_below_does_not_take_a_longer_name_for_a_part_of_the_path():
    assert is_below("/stac/search", "/stac")
    assert is_below("/stac", "/stac")
    assert not is_below("/stacks", "/stac")


def test_a_manifest_says_one_way_to_run():
    with pytest.raises(ValidationError, match="exactly one"):
        Manifest(
            id="two-ways", title="x", summary="x", provider={"name": "x"}, category="find", version="1",
            routes=("/x",), health="/x/health", app="a.b:c", upstream="http://127.0.0.1:1",
        )  # fmt: skip
