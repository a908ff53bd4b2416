import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings

import geoscope.portal
from geoscope.portal.accounts.links import create_link

TEMPLATES = sorted((Path(geoscope.portal.__file__).parent / "templates").rglob("*.html"))


def test_pages_forbid_all_that_is_not_their_own(browser):
    answer = browser.get("/account")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_template_has_nothing_inline(template):
    text = template.read_text()
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|javascript:|hx-on|\|safe\b|autoescape off", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_unknown_host_is_refused(browser):
    answer = browser.get("/account", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "host names" in answer.content.decode()


def test_cookies_are_out_of_reach_of_scripts(browser, make_user):
    browser.post(create_link(make_user()))
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_words_of_a_visitor_are_never_markup(browser, data_half):
    attack = '"><script>alert(1)</script>'
    for address in ("/explore", "/series"):
        answer = browser.get(address, {"q": attack, "collection": attack, "bbox": attack, "lon": attack})
        assert "<script>alert" not in answer.content.decode()


def test_language_form_does_not_send_elsewhere(browser):
    answer = browser.post("/language", {"language": "fr", "next": "https://evil.example/"})
    assert answer.headers["location"] == "/"
    here = "http://127.0.0.1/explore?q=ocean"
    assert (
        browser.post("/language", {"language": "fr"}, headers={"referer": here}).headers["location"] == here
    )
    assert browser.get("/account").headers["content-language"] == "fr"
