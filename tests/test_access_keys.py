"""Signing keys come and go; what an older one signed stays valid until it ends."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest

from geoscope.access import issue_token, public_keys, signing_keys, verify_token
from geoscope.access.signing_keys import ANNOUNCED, KEPT, LARGEST_AGE, current_signing_key
from geoscope.errors import NotSignedInError, UnavailableError
from geoscope.secrets import ensure_secrets, new_signing_key, write_secret
from geoscope.settings import IdentitySettings, Settings


@pytest.fixture
def settings(tmp_path):
    settings = Settings(data_dir=tmp_path)
    ensure_secrets(settings)
    return settings


@pytest.fixture
def at(monkeypatch):
    """Let it be another time for the ring."""

    def travel(distance):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + distance

        monkeypatch.setattr(signing_keys, "datetime", Clock)

    return travel


def key_id(token):
    return jwt.get_unverified_header(token)["kid"]


def test_a_new_key_is_announced_then_signs_and_the_old_one_is_kept_for_a_while(settings, at):
    before = issue_token(settings, "ada")
    begins = signing_keys.rotate_signing_key(settings)
    assert ANNOUNCED - timedelta(seconds=5) < begins - datetime.now(UTC) <= ANNOUNCED
    assert len(signing_keys.signing_keys(settings)) == 2
    assert key_id(issue_token(settings, "ada")) == key_id(before)

    at(ANNOUNCED)
    after = issue_token(settings, "ada")
    assert key_id(after) != key_id(before)
    assert {verify_token(settings, token).subject for token in (before, after)} == {"ada"}

    at(ANNOUNCED + KEPT)
    assert [key.key_id for key in signing_keys.signing_keys(settings)] == [key_id(after)]
    assert public_keys.public_key(settings, key_id(before)) is None


def test_a_key_is_changed_when_it_is_old_and_not_before(settings, at):
    signing_keys.rotate_if_due(settings)
    assert len(signing_keys.signing_keys(settings)) == 1
    at(LARGEST_AGE + timedelta(minutes=1))
    signing_keys.rotate_if_due(settings)
    signing_keys.rotate_if_due(settings)
    assert len(signing_keys.signing_keys(settings)) == 2


def test_two_rotations_at_once_leave_one_key_that_signs(settings):
    signing_keys.rotate_signing_key(settings)
    signing_keys.rotate_signing_key(settings)
    assert len(signing_keys.signing_keys(settings)) == 3
    assert verify_token(settings, issue_token(settings, "ada")).subject == "ada"


def test_the_key_of_an_earlier_version_is_taken_over(tmp_path):
    (tmp_path / "secrets").mkdir()
    pem = new_signing_key()
    write_secret(tmp_path / "secrets" / "signing-key.pem", pem)
    settings = Settings(data_dir=tmp_path)
    ensure_secrets(settings)
    assert current_signing_key(settings).pem == pem


class Published:
    """A server of public keys that can be slow, wrong or away."""

    def __init__(self, settings):
        self.settings, self.asked, self.answer = settings, 0, None
        published = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                published.asked += 1
                body = published.answer
                if body is None:
                    keys = [key.public_jwk for key in signing_keys.signing_keys(published.settings)]
                    body = json.dumps({"keys": keys}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def published(settings):
    published = Published(settings)
    yield published
    published.stop()
    public_keys._remote_keys.cache_clear()


def elsewhere(settings, published):
    """The settings of a data service on another machine: no ring, only the address."""
    return Settings(
        data_dir=settings.data_dir / "elsewhere", identity=IdentitySettings(jwks_url=published.url)
    )


def test_public_keys_are_read_from_an_address_once_a_minute(settings, published, monkeypatch):
    remote = elsewhere(settings, published)
    for number in range(5):
        assert verify_token(remote, issue_token(settings, f"user-{number}")).subject == f"user-{number}"
    assert published.asked == 1
    now = time.monotonic()
    monkeypatch.setattr(public_keys.time, "monotonic", lambda: now + public_keys.FRESH_S + 1)
    assert verify_token(remote, issue_token(settings, "late")).subject == "late"
    deadline = time.time() + 10
    while published.asked < 2 and time.time() < deadline:
        time.sleep(0.01)
    assert published.asked == 2


def test_a_rotation_elsewhere_is_seen_at_once(settings, published, at, monkeypatch):
    remote = elsewhere(settings, published)
    assert verify_token(remote, issue_token(settings, "ada"))
    signing_keys.rotate_signing_key(settings)
    at(ANNOUNCED)
    token = issue_token(settings, "ada")
    with pytest.raises(NotSignedInError, match="unknown key"):
        verify_token(remote, token)  # strangers' tokens must not make us ask each time
    now = time.monotonic()
    monkeypatch.setattr(public_keys.time, "monotonic", lambda: now + public_keys.ASKED_AGAIN_AFTER_S + 1)
    assert verify_token(remote, token).subject == "ada"


def test_while_the_address_is_away_known_keys_stay(settings, published, monkeypatch):
    remote = elsewhere(settings, published)
    assert verify_token(remote, issue_token(settings, "ada"))
    published.answer = b"<html>maintenance</html>"
    now = time.monotonic()
    monkeypatch.setattr(public_keys.time, "monotonic", lambda: now + public_keys.FRESH_S + 1)
    assert verify_token(remote, issue_token(settings, "bob")).subject == "bob"
    published.stop()
    assert verify_token(remote, issue_token(settings, "eve")).subject == "eve"


def test_without_any_keys_the_service_says_that_it_cannot_tell(settings, published):
    published.answer = b"{}"
    with pytest.raises(UnavailableError, match="identity service"):
        verify_token(elsewhere(settings, published), issue_token(settings, "ada"))
