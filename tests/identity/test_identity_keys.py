"""Keys that only read data: made, seen and revoked by API, page and command line; what they open."""

import html
import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from known_people import PASSWORD, confirmed
from polytope.api import Client
from test_identity_command_line import CommandLine

from geoscope import user_keys
from geoscope.access import READING_AUDIENCE, issue_token, verify_token
from geoscope.errors import NotSignedInError
from geoscope.settings import InternalSettings
from running import until
from twins.asking import SERIES, SURFACE
from twins.twin_store import TwinServer, write_store

KEYS = "/account/keys"
TODAY = datetime.now(UTC).date()


class Owner:
    """Somebody who makes keys by API, with the token of a browser's sign-in."""

    def __init__(self, portal, name):
        portal.make(users=[{"name": name, "password": PASSWORD}])
        self.name, self.visitor = name, portal.visitor()
        assert self.visitor.sign_in(name, PASSWORD).headers["location"] == "/"
        token = self.visitor.tokens(self.visitor.code()).json()["access_token"]
        self.http = httpx.Client(
            base_url=portal.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def make(self, name="nightly run", **fields):
        answer = self.http.post(KEYS, json={"name": name} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def known(self):
        return self.http.get(KEYS).json()


NUMBERS = count()


@pytest.fixture
def owner(portal):
    return Owner(portal, f"owner-{next(NUMBERS)}")


@pytest.fixture(scope="module")
def hasty(portal):
    return Owner(portal, "makes-no-sense")


def exchanged(portal, key):
    """What a program gets that changes a key into an access token by itself."""
    id_, _, secret = key["user_key"].removeprefix(user_keys.PREFIX).partition("_")
    data = {"grant_type": "client_credentials", "client_id": id_, "client_secret": secret}
    return httpx.post(f"{portal.url}/identity/o/api/token", data=data)


def do_chores(portal):
    """Let the portal do what the watch asks of it each minute."""
    token = issue_token(portal.settings, "service:watch", frozenset({"service-watch"}))
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{portal.url}/health/housekeeping", headers=headers, timeout=60).status_code == 204


def test_a_key_is_told_once_and_kept_as_a_digest(portal, owner):
    key = owner.make()
    secret = key["user_key"].removeprefix(f"{user_keys.PREFIX}{key['id']}_")
    assert key["until"] == str(TODAY + timedelta(days=365))
    (told,) = owner.known()
    assert (told["id"], told["name"], told["last_used"]) == (key["id"], "nightly run", None)
    assert "user_key" not in told
    database = Path(portal.settings.data_dir) / "portal"
    for file in (path for path in database.rglob("*") if path.is_file()):
        assert secret.encode() not in file.read_bytes()
    do_chores(portal)
    mail = portal.mails(f"{owner.name}@example.org")[-1].replace("=\n", "")
    assert key["id"] in mail
    assert secret not in mail
    assert secret not in portal.log_path.read_text()


def test_what_a_key_gets_reads_and_does_nothing_else(portal, owner):
    answer = exchanged(portal, owner.make())
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert verify_token(portal.settings, token, READING_AUDIENCE).subject == owner.name
    with pytest.raises(NotSignedInError, match="another audience"):
        verify_token(portal.settings, token)
    bearer = {"Authorization": f"Bearer {token}"}
    assert httpx.get(portal.url + KEYS, headers=bearer).status_code == 401
    assert httpx.post(portal.url + KEYS, headers=bearer, json={"name": "more"}).status_code == 401
    assert httpx.get(f"{portal.url}/api/me", headers=bearer).status_code == 401
    wider = {"scope": "platform", "grant_type": "client_credentials"}
    id_, _, secret = owner.make()["user_key"].removeprefix(user_keys.PREFIX).partition("_")
    refused = httpx.post(f"{portal.url}/identity/o/api/token", data=wider, auth=(id_, secret))
    assert refused.json()["error"] == "invalid_scope"


def test_the_last_use_is_kept_and_use_and_revocation_stand_where_they_belong(portal, owner):
    key, other = owner.make("first"), owner.make("second", until=None)
    exchanged(portal, key)
    used = {each["name"]: each["last_used"] for each in owner.known()}
    assert used["second"] is None
    assert datetime.now(UTC) - datetime.fromisoformat(used["first"]) < timedelta(minutes=5)
    assert owner.http.delete(f"{KEYS}/{key['id']}").status_code == 204
    assert exchanged(portal, key).status_code == 401
    assert owner.http.delete(f"{KEYS}/{key['id']}").status_code == 404
    assert [each["id"] for each in owner.known()] == [other["id"]]
    with sqlite3.connect(portal.settings.data_dir / "portal" / "portal.sqlite") as database:
        written = database.execute(
            "SELECT action FROM audit_auditentry WHERE subject = ?", [f"key:{key['id']}"]
        )
        assert [action for (action,) in written] == ["key.made", "key.revoked"]
    kept = owner.visitor.get("/account/data")
    assert kept.status_code == 200


def test_a_key_ends_with_its_last_day_and_with_its_account(portal, owner):
    key = owner.make(until=str(TODAY))
    assert exchanged(portal, key).status_code == 200
    portal.make(last_days_of_keys={key["id"]: str(TODAY - timedelta(days=1))})
    assert exchanged(portal, key).status_code == 401
    do_chores(portal)
    assert owner.known() == []
    other = owner.make()
    portal.make(changes={owner.name: {"is_active": False}})
    assert exchanged(portal, other).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": " "},
        {"name": "x" * 61},
        {"name": "x", "until": "2020-01-01"},
        {"name": "x", "only_reads": 0},
    ],
)
def test_what_makes_no_sense_makes_no_key(hasty, body):
    assert hasty.http.post(KEYS, json=body).status_code == 400
    assert hasty.known() == []


def test_strangers_others_and_revoked_tokens_make_and_revoke_no_keys(portal, owner):
    assert httpx.post(portal.url + KEYS, json={"name": "x"}).status_code == 403
    assert httpx.get(portal.url + KEYS).status_code == 401
    key = owner.make()
    assert Owner(portal, f"not-{owner.name}").http.delete(f"{KEYS}/{key['id']}").status_code == 404
    # A token that the platform's parts sign for somebody is no proof that somebody is there.
    parts = {"Authorization": f"Bearer {issue_token(portal.settings, owner.name)}"}
    assert httpx.post(portal.url + KEYS, json={"name": "x"}, headers=parts).status_code == 403
    for number in range(19):
        owner.make(str(number))
    assert owner.http.post(KEYS, json={"name": "one more"}).status_code == 409


def test_the_page_makes_shows_and_removes_a_key(portal, owner):
    page = confirmed(owner.visitor, "/account/programs")
    made = owner.visitor.submit(page, name="My <notebook>", good_for="reading", until=str(TODAY))
    user_key = re.search(r"POLYTOPE_USER_KEY=(\S+)", html.unescape(made.text))[1]
    assert json.loads(re.search(r"^\{.*\}$", html.unescape(made.text), re.MULTILINE)[0]) == {
        "user_key": user_key
    }
    assert exchanged(portal, {"user_key": user_key}).status_code == 200
    page = owner.visitor.get("/account/programs")
    assert user_key not in html.unescape(page.text)
    assert "My &lt;notebook&gt;" in page.text
    assert "only reads data" in page.text
    assert f"until {TODAY}" in page.text
    assert "last used" in page.text
    over = owner.visitor.submit(page, name="x", good_for="reading", until="2020-01-01")
    assert (over.status_code, "The last day is over." in over.text) == (400, True)
    forms = page.text.split("<form")[1:]
    remove = next(number for number, form in enumerate(forms) if "/account/programs/remove" in form)
    owner.visitor.submit(page, number=remove)
    assert owner.known() == []
    assert exchanged(portal, {"user_key": user_key}).status_code == 401


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_page_proposes_a_last_day_that_browsers_read_in_every_language(portal, hasty, language):
    confirmed(hasty.visitor, "/account/programs")
    page = hasty.visitor.get("/account/programs", headers={"Accept-Language": language})
    assert f'lang="{language}"' in page.text
    assert f'value="{TODAY + timedelta(days=365)}"' in page.text


def test_the_command_line_makes_lists_and_revokes_a_key(portal, owner, tmp_path):
    line = CommandLine(portal.url, tmp_path)
    assert line.login(owner.visitor)[0] == 0
    code, user_key, problems = line.run("twins", "keys", "make", "nightly run", "--until", str(TODAY))
    assert (code, f"Good until {TODAY}" in problems) == (0, True), problems
    key = {"user_key": user_key.strip()}
    assert exchanged(portal, key).status_code == 200
    listed = line.run("twins", "keys", "list")[1]
    (known,) = json.loads(line.run("twins", "keys", "list", "--json")[1])
    assert (known["id"] in listed, "nightly run" in listed, str(TODAY) in listed) == (True, True, True)
    assert user_key.strip() not in listed
    assert line.run("twins", "keys", "revoke", known["id"])[:2] == (0, "The key is revoked.\n")
    assert exchanged(portal, key).status_code == 401
    code, _output, problems = line.run("twins", "keys", "revoke", known["id"])
    assert (code, "You have no key" in problems) == (1, True)
    code, _output, problems = line.run("twins", "keys", "make", "x", "--until", "soon")
    assert (code, "until" in problems) == (1, True)


# --- Reading with one ---


@pytest.fixture(scope="module")
def twins(portal, tmp_path_factory):
    """The twins service beside the portal; what it knows of a key counts for a moment only."""
    folder = tmp_path_factory.mktemp("cubes")
    server = TwinServer(portal.settings.data_dir, folder, write_store(folder)[0])
    internal = InternalSettings(portal_url=portal.url)
    server.settings = portal.settings.model_copy(update={"internal": internal})
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(user_keys, "LIFETIME_S", 0.3)
        with server.running(monkeypatch):
            yield server


@pytest.mark.parametrize("mail", [None, "ada@example.org"])
def test_polytope_client_reads_with_a_key_from_its_file_until_it_is_revoked(
    owner, twins, tmp_path, monkeypatch, mail
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    key = owner.make()
    about = {"user_key": key["user_key"]} | ({"user_email": mail} if mail else {})
    (tmp_path / ".polytopeapirc").write_text(json.dumps(about))
    client = Client(address=twins.address, insecure=True, quiet=True)
    (path,) = client.retrieve("destination-earth", SURFACE | {"feature": SERIES}, "series.covjson")
    assert json.loads(Path(path).read_text())["domainType"] == "PointSeries"
    assert owner.known()[0]["last_used"] is not None
    bearer = {"Authorization": f"Bearer {key['user_key']}"}
    (kept,) = httpx.get(f"{twins.address}/api/v1/requests", headers=bearer).json()["message"]
    assert kept["user"] == owner.name
    assert httpx.get(f"{twins.url}/twins/queryables", headers=bearer).status_code == 200

    owner.http.delete(f"{KEYS}/{key['id']}")
    until(lambda: httpx.get(f"{twins.address}/api/v1/user", headers=bearer).status_code == 401)
    refused = httpx.get(f"{twins.url}/twins/queryables", headers=bearer)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    with pytest.raises(Exception, match="The key is not valid"):
        client.retrieve("destination-earth", SURFACE | {"feature": SERIES}, "again.covjson")


@pytest.mark.parametrize(
    "key", ["geoscope_", "geoscope_x", "geoscope_x_y", f"geoscope_{'x' * 3000}_y", "geoscope_%00_%00"]
)
def test_a_made_up_key_is_refused(twins, key):
    bearer = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{twins.address}/api/v1/user", headers=bearer)
    assert (answer.status_code, "The key is not valid" in answer.text) == (401, True)


def test_a_portal_that_is_away_is_no_refusal(twins, monkeypatch):
    away = InternalSettings(portal_url="http://127.0.0.1:9")
    monkeypatch.setattr(twins, "settings", twins.settings.model_copy(update={"internal": away}))
    bearer = {"Authorization": "Bearer geoscope_x_y"}
    assert httpx.get(f"{twins.address}/api/v1/user", headers=bearer).status_code == 503
