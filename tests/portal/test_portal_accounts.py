from datetime import timedelta

import pytest
from django.utils import timezone

from geoscope.access import issue_token, principal_of_header
from geoscope.portal.accounts.links import create_link
from geoscope.portal.accounts.models import LoginLink


@pytest.fixture
def link(make_user):
    return create_link(make_user())


def signed_in(browser):
    return "_auth_user_id" in browser.session


def test_looking_at_a_link_does_not_use_it_up(browser, link):
    for _ in range(3):
        assert browser.get(link).status_code == 200
        assert not signed_in(browser)
    answer = browser.post(link)
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    assert signed_in(browser)


def test_link_signs_in_once(browser, new_browser, link):
    browser.post(link)
    other = new_browser()
    assert other.get(link).status_code == 410
    assert other.post(link).status_code == 410
    assert not signed_in(other)


def test_token_itself_is_not_kept(link):
    token = link.rpartition("/")[2]
    assert len(token) >= 43
    assert token not in LoginLink.objects.get().token_digest


@pytest.mark.parametrize(("signed_in_before", "minutes"), [(False, 24 * 60), (True, 15)])
def test_link_expires(browser, make_user, signed_in_before, minutes):
    user = make_user(last_login=timezone.now() if signed_in_before else None)
    link = create_link(user)
    kept = LoginLink.objects.get(user=user)
    assert timedelta(minutes=minutes - 1) < kept.expires - timezone.now() <= timedelta(minutes=minutes)
    kept.expires = timezone.now()
    kept.save()
    assert browser.post(link).status_code == 410
    assert not signed_in(browser)


def test_link_of_a_blocked_user_is_dead(browser, make_user):
    link = create_link(make_user(is_active=False))
    assert browser.post(link).status_code == 410


def test_guessing_is_stopped_for_one_address_only(browser, link):
    for guess in range(20):
        assert (
            browser.get(f"/account/login/{guess}", headers={"x-forwarded-for": "192.0.2.1"}).status_code
            == 410
        )
    assert browser.get(link, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 429
    # What the client itself writes into the header stands before what the edge saw.
    spoofed = {"x-forwarded-for": "198.51.100.7, 192.0.2.1"}
    assert browser.get(link, headers=spoofed).status_code == 429
    assert browser.get(link, headers={"x-forwarded-for": "192.0.2.2"}).status_code == 200


def test_signing_in_needs_a_form_of_this_site(new_browser, link):
    stranger = new_browser(enforce_csrf_checks=True)
    assert stranger.post(link).status_code == 403
    stranger.get(link)
    token = stranger.cookies[next(name for name in stranger.cookies if "csrf" in name)].value
    assert stranger.post(link, {"csrfmiddlewaretoken": token}).status_code == 302


def test_signing_out_ends_the_session(browser, link):
    browser.post(link)
    assert browser.get("/account/sign-out").status_code == 405
    browser.post("/account/sign-out")
    assert not signed_in(browser)


def test_account_page_shows_roles(browser, make_user):
    assert browser.get("/account").headers["location"] == "/account/login/"
    assert "login-link" in browser.get("/account/login/").content.decode()
    browser.force_login(make_user(roles=["catalogue-editor"]))
    assert "catalogue-editor" in browser.get("/account").content.decode()


MANIFEST = """\
id = "{id}"
title = "Guarded"
summary = "For some."
provider = {{name = "Somebody"}}
category = "process"
version = "1"
routes = ["/{id}"]
upstream = "http://127.0.0.1:9"
health = "/{id}/health"
access = {access}
"""


@pytest.fixture
def guarded(settings):
    folder = settings.data_dir / "services"
    folder.mkdir(exist_ok=True)
    policies = {
        "open-to-all": '{policy = "public"}',
        "open-to-users": '{policy = "registered"}',
        "open-to-pilots": '{policy = "roles", roles = ["pilot"]}',
    }
    for name, access in policies.items():
        (folder / f"{name}.toml").write_text(MANIFEST.format(id=name, access=access))
    yield
    for name in policies:
        (folder / f"{name}.toml").unlink()


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("stranger", [204, 401, 401]),
        ("user", [204, 204, 403]),
        ("pilot", [204, 204, 204]),
        ("administrator", [204, 204, 204]),
        ("token", [204, 204, 403]),
        ("pilot's token", [204, 204, 204]),
        ("bad token", [401, 401, 401]),
    ],
)
def test_edge_learns_who_may_use_a_service(browser, make_user, settings, who, expected):
    headers = {}
    if who == "user":
        browser.force_login(make_user())
    elif who == "pilot":
        browser.force_login(make_user(roles=["pilot"]))
    elif who == "administrator":
        browser.force_login(make_user(is_superuser=True))
    elif who == "bad token":
        headers = {"authorization": "Bearer nonsense"}
    elif "token" in who:
        roles = frozenset({"pilot"} if "pilot" in who else ())
        headers = {"authorization": f"Bearer {issue_token(settings, 'script', roles)}"}
    services = ("open-to-all", "open-to-users", "open-to-pilots")
    answers = [browser.get("/account/verify", {"service": name}, headers=headers) for name in services]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        assert answer.headers["cache-control"].startswith("max-age=0")
        if answer.status_code == 204 and who != "stranger":
            assert answer.headers["remote-user"] in ("anna", "script")
            assert ("pilot" in answer.headers["remote-roles"]) == ("pilot" in who)


@pytest.mark.usefixtures("guarded")
def test_browser_is_told_how_to_sign_in(browser):
    answer = browser.get("/account/verify", {"service": "open-to-users"}, headers={"accept": "text/html,*/*"})
    assert answer.status_code == 401
    assert 'href="/account/login/' in answer.content.decode()
    assert browser.get("/account/verify", {"service": "zebra"}).status_code == 404


def test_edge_alone_learns_what_token_a_session_is_worth(browser, make_user, settings):
    edge = {"geoscope-edge": "visitor"}
    assert browser.get("/account/visitor", headers=edge).status_code == 204
    browser.force_login(make_user(roles=["pilot"]))
    assert browser.get("/account/visitor").status_code == 204
    answer = browser.get("/account/visitor", headers=edge)
    assert answer.status_code == 200
    principal = principal_of_header(settings, answer.headers["visitor-authorization"])
    assert (principal.subject, principal.roles) == ("anna", {"pilot"})
