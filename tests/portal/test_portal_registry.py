from datetime import timedelta

import pytest

from geoscope.access import issue_token
from geoscope.manifests import core_manifests
from geoscope.portal.registry.models import ServiceHealth

MANIFEST = """\
id = "moon-phases"
title = "Moon phases"
summary = "Tells how the moon looks."
provider = {name = "Observatory"}
category = "see"
version = "1"
routes = ["/moon"]
upstream = "http://127.0.0.1:9"
health = "/moon/health"
"""


@pytest.fixture
def watch(settings):
    token = issue_token(settings, "service:watch", frozenset({"service-watch"}))
    return {"authorization": f"Bearer {token}"}


def report(browser, service, headers, **observation):
    return browser.put(
        f"/services/{service}/health", observation, content_type="application/json", headers=headers
    )


def test_every_core_service_is_listed_with_whole_addresses(browser):
    answer = browser.get("/services").json()
    assert {service["id"] for service in answer["services"]} == {each.id for each in core_manifests()}
    catalogue = next(service for service in answer["services"] if service["id"] == "catalogue")
    assert {
        "rel": "self",
        "href": "http://127.0.0.1/services/catalogue",
        "type": "application/json",
    } in catalogue["links"]
    assert "app" not in catalogue
    assert catalogue["health"]["status"] == "unknown"


def test_search_needs_every_word(browser):
    found = browser.get("/services", {"q": "STAC api"}).json()["services"]
    assert [service["id"] for service in found] == ["catalogue"]
    assert browser.get("/services", {"q": "stac zebra"}).json()["services"] == []


def test_unknown_service_is_a_problem_document(browser):
    answer = browser.get("/services/zebra")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "zebra" in answer.json()["detail"]


def test_stranger_appears_when_its_manifest_does(browser, settings):
    folder = settings.data_dir / "services"
    folder.mkdir(exist_ok=True)
    path = folder / "moon.toml"
    assert browser.get("/services/moon-phases").status_code == 404
    path.write_text(MANIFEST)
    try:
        assert browser.get("/services/moon-phases").json()["title"] == "Moon phases"
    finally:
        path.unlink()
    assert browser.get("/services/moon-phases").status_code == 404


def test_observation_is_kept_and_since_moves_only_with_the_status(browser, watch):
    first = report(browser, "viewer", watch, status="up", response_ms=1.5).json()
    second = report(browser, "viewer", watch, status="up", response_ms=2.5).json()
    assert (second["since"], second["response_ms"]) == (first["since"], 2.5)
    down = report(browser, "viewer", watch, status="down", detail="No answer.").json()
    assert down["since"] > first["since"]
    shown = browser.get("/services/viewer").json()["health"]
    assert (shown["status"], shown["detail"]) == ("down", "No answer.")


def test_old_observation_says_nothing_about_now(browser, watch):
    report(browser, "viewer", watch, status="up")
    kept = ServiceHealth.objects.get(pk="viewer")
    kept.checked -= timedelta(minutes=10)
    kept.save()
    assert browser.get("/services/viewer").json()["health"]["status"] == "unknown"


@pytest.mark.parametrize(
    ("observation", "named"),
    [
        ({"status": "fine"}, "status"),
        ({"status": "up", "response_ms": -1}, "response_ms"),
        ({"status": "up", "colour": "blue"}, "colour"),
        ({"status": "up", "detail": "x" * 501}, "detail"),
    ],
)
def test_bad_observation_is_refused_by_name(browser, watch, observation, named):
    answer = report(browser, "viewer", watch, **observation)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_only_the_watch_may_report(browser, settings, make_user):
    assert report(browser, "viewer", {}, status="up").status_code == 401
    other = {"authorization": f"Bearer {issue_token(settings, 'anna', frozenset({'reader'}))}"}
    assert report(browser, "viewer", other, status="up").status_code == 403
    assert report(browser, "viewer", {"authorization": "Bearer nonsense"}, status="up").status_code == 401
    browser.force_login(make_user(is_superuser=True))
    assert report(browser, "viewer", {}, status="up").status_code == 401


def test_large_body_is_refused(browser, watch):
    assert report(browser, "viewer", watch, status="up", detail="x" * 10_000).status_code == 413
