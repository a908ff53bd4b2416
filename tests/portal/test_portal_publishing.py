"""The pages of those who publish, before the real catalogue; the publishing itself is a journey's matter."""

from html import unescape

import pytest

from geoscope.access import issue_token
from geoscope.portal.publishing.forms import PublishForm

PUBLISHER = "collection-publisher"
FORM = {
    "source": "s3://home-anna/ndvi",
    "collection": "ndvi",
    "licence": "CC-BY-4.0",
    "visibility": "private",
}


def words_of(answer):
    return unescape(answer.content.decode())


@pytest.fixture
def anna(browser, make_user):
    browser.force_login(make_user("anna", roles=[PUBLISHER]))
    return browser


@pytest.fixture
def own_collection(data_half, settings):
    """A collection that anna has published."""
    document = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "ndvi",
        "title": "Vegetation index",
        "description": "Own work.",
        "license": "other",
        "links": [],
        "extent": {"spatial": {"bbox": [[0, 0, 60, 60]]}, "temporal": {"interval": [[None, None]]}},
    }
    headers = {"Authorization": f"Bearer {issue_token(settings, 'anna', frozenset({PUBLISHER}))}"}
    data_half.post("/stac/collections", json=document, headers=headers).raise_for_status()
    yield "ndvi"
    data_half.delete("/stac/collections/ndvi", headers=headers).raise_for_status()


def test_publishing_is_for_those_who_may(browser, make_user):
    assert browser.get("/publish").status_code == 401
    browser.force_login(make_user("otto"))
    assert browser.get("/publish").status_code == 403
    assert 'href="/publish"' not in words_of(browser.get("/account"))


@pytest.mark.usefixtures("data_half")
def test_publisher_sees_folders_and_own_collections(anna):
    page = words_of(anna.get("/publish"))
    assert "home-anna" in page
    assert "You have not published anything yet" in page
    assert 'href="/publish" aria-current="page"' in page


@pytest.mark.usefixtures("data_half")
def test_folder_of_somebody_else_is_refused_in_words(anna):
    page = words_of(anna.get("/publish", {"folder": "s3://home-administrator"}))
    assert "You may not look into s3://home-administrator" in page


def test_form_becomes_the_inputs_of_the_process():
    form = PublishForm(
        FORM | {"title": " Index ", "keywords": "plants, NDVI ,", "day": "2026-06-01", "strict": "on"}
    )
    assert form.is_valid()
    assert form.inputs == {
        "collection": "ndvi",
        "source": "s3://home-anna/ndvi",
        "title": "Index",
        "licence": "CC-BY-4.0",
        "visibility": "private",
        "keywords": ["plants", "NDVI"],
        "datetime": "2026-06-01T00:00:00Z",
        "strict": True,
    }


@pytest.mark.usefixtures("data_half")
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("collection", "-", "At least three letters"),
        ("licence", "mine", "mine is not one of"),
        ("visibility", "entity", "Say which entity"),
        ("day", "yesterday", "Enter a valid date"),
    ],
)
def test_bad_form_is_explained(anna, field, value, words):
    answer = anna.post("/publish", FORM | {field: value})
    assert answer.status_code == 400
    assert "This cannot be published so" in words_of(answer)
    assert words in words_of(answer)


@pytest.mark.usefixtures("data_half")
def test_preview_is_a_job_that_can_be_followed_and_stopped(anna):
    answer = anna.post("/publish", FORM | {"preview": "1"})
    assert answer.status_code == 302
    address = answer.headers["location"]
    page = words_of(anna.get(address))
    assert "Looking at the files" in page
    assert 'hx-trigger="every 1s"' in page
    assert "<html" not in words_of(anna.get(address, headers={"HX-Request": "true"}))
    assert anna.post(f"{address}/stop").status_code == 302
    assert "Stopped" in words_of(anna.get(address))


@pytest.mark.usefixtures("data_half")
def test_preview_that_nobody_remembers_is_404(anna):
    assert anna.post("/publish/jobs/3a4b/publish").status_code == 404


def test_own_collection_is_hidden_until_it_is_shared(anna, new_browser, own_collection):
    stranger = new_browser()
    address = f"/explore/collections/{own_collection}"
    assert anna.get(address).status_code == 200
    assert stranger.get(address).status_code == 404
    assert "Vegetation index" in words_of(anna.get("/explore"))
    assert "Vegetation index" not in words_of(stranger.get("/explore"))
    assert '<option value="private" selected>' in words_of(anna.get("/publish"))

    shared = anna.post(f"/publish/collections/{own_collection}/sharing", {"visibility": "public"})
    assert shared.status_code == 302
    assert stranger.get(address).status_code == 200


def test_sharing_is_the_owners_business(new_browser, make_user, own_collection):
    other = new_browser()
    other.force_login(make_user("otto", roles=[PUBLISHER]))
    answer = other.post(f"/publish/collections/{own_collection}/sharing", {"visibility": "public"})
    assert answer.status_code == 404
    bad = other.post(f"/publish/collections/{own_collection}/sharing", {"visibility": "moon"})
    assert bad.status_code == 400


def test_removal_is_asked_twice(anna, own_collection):
    page = words_of(anna.get(f"/publish/collections/{own_collection}/remove"))
    assert "Remove “Vegetation index”?" in page
    answer = anna.post(f"/publish/collections/{own_collection}/remove")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/publish/jobs/")
    anna.post(f"{answer.headers['location']}/stop")


def test_changes_need_a_form_of_this_site(new_browser, make_user):
    browser = new_browser(enforce_csrf_checks=True)
    browser.force_login(make_user(roles=[PUBLISHER]))
    for address in ("/publish", "/publish/collections/ndvi/remove", "/publish/jobs/a/stop"):
        assert browser.post(address, FORM).status_code == 403


@pytest.mark.usefixtures("data_half")
def test_job_that_the_session_does_not_remember_can_be_looked_at(anna, new_browser, make_user):
    address = anna.post("/publish", FORM | {"preview": "1"}).headers["location"]
    other = new_browser()
    other.force_login(make_user("otto"))
    answer = other.get(address)
    assert answer.status_code == 200
    assert "Publish now" not in words_of(answer)
    anna.post(f"{address}/stop")
