"""Tokens are verified offline; every wrong one is refused."""

import time

import jwt
import pytest
from fastapi.testclient import TestClient

from geoscope.access import AUDIENCE, Principal, issue_token, verify_token
from geoscope.errors import NotAllowedError, NotSignedInError
from geoscope.secrets import SIGNING_KEY, ensure_secrets, read_secret
from geoscope.service import Manifest
from geoscope.settings import Settings, current_settings
from geoscope.web import SignedInPrincipal, service_application

MANIFEST = Manifest(
    id="greeter", title="Greeter", summary="Greets.", provider={"name": "x"}, category="see", version="1",
    routes=("/greet",), health="/greet/health", app="a:b",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSCOPE_DATA_DIR", str(tmp_path))
    current_settings.cache_clear()
    ensure_secrets(current_settings())
    yield current_settings()
    current_settings.cache_clear()


@pytest.fixture
def client(settings):
    application = service_application(MANIFEST)

    @application.get("/greet")
    def greet(principal: SignedInPrincipal) -> str:
        principal.require_role("guest")
        return principal.subject

    @application.get("/greet/broken")
    def broken() -> str:
        raise ZeroDivisionError

    return TestClient(application, raise_server_exceptions=False)


def signed(settings, **changes):
    now = int(time.time())
    claims = {"iss": settings.public_url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 60}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, read_secret(settings, SIGNING_KEY), algorithm="RS256")


def test_a_token_says_who_and_which_roles(settings):
    token = issue_token(settings, "service:workflows", frozenset({"catalogue-editor"}))
    assert verify_token(settings, token) == Principal("service:workflows", frozenset({"catalogue-editor"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1}, {"exp": None}, {"aud": "other"}, {"aud": None}, {"iss": "https://evil.example"},
        {"sub": None}, {"nbf": 32503680000},
    ],
)  # fmt: skip
def test_a_wrong_claim_is_refused(settings, changes):
    with pytest.raises(NotSignedInError):
        verify_token(settings, signed(settings, **changes))


def test_an_unsigned_and_a_foreign_token_are_refused(settings, tmp_path):
    other = Settings(data_dir=tmp_path / "other")
    ensure_secrets(other)
    for token in (
        signed(other),
        jwt.encode({"sub": "ada", "aud": AUDIENCE, "exp": 32503680000, "iat": 1}, None, algorithm="none"),
        jwt.encode(
            {"sub": "ada", "aud": AUDIENCE, "exp": 32503680000, "iat": 1}, "k" * 32, algorithm="HS256"
        ),
        "nonsense",
    ):
        with pytest.raises(NotSignedInError):
            verify_token(settings, token)


def test_an_administrator_has_every_role():
    Principal("ada", frozenset({"administrator"})).require_role("anything")
    with pytest.raises(NotAllowedError, match="'anything'"):
        Principal("ada").require_role("anything")


def test_the_border_answers_401_with_a_challenge_and_403_with_a_reason(client, settings):
    missing = client.get("/greet")
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
    assert missing.headers["content-type"] == "application/problem+json"
    assert client.get("/greet", headers={"Authorization": "Basic YTpi"}).status_code == 401
    without_role = client.get("/greet", headers={"Authorization": f"Bearer {issue_token(settings, 'ada')}"})
    assert (without_role.status_code, "guest" in without_role.json()["detail"]) == (403, True)
    token = issue_token(settings, "ada", frozenset({"guest"}))
    assert client.get("/greet", headers={"Authorization": f"Bearer {token}"}).json() == "ada"


def test_health_needs_nothing(client):
    assert client.get("/greet/health").json() == {"status": "ok"}


def test_what_nobody_foresaw_is_answered_in_the_same_form_and_tells_nothing(client):
    answer = client.get("/greet/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "ZeroDivision" not in answer.text


def test_an_unknown_path_is_answered_in_the_same_form(client):
    answer = client.get("/greet/nowhere")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
