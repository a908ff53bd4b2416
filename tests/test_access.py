"""Tokens are verified offline; every wrong one is refused."""

import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from geoscope.access import AUDIENCE, Principal, issue_token, verify_token
from geoscope.access.signing_keys import current_signing_key
from geoscope.access.tokens import sign
from geoscope.errors import NotAllowedError, NotSignedInError
from geoscope.secrets import ensure_secrets
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
    claims["token_use"] = "access"
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return sign(settings, claims)


def test_a_token_says_who_and_which_roles(settings):
    token = issue_token(settings, "service:workflows", frozenset({"catalogue-editor"}))
    assert verify_token(settings, token) == Principal("service:workflows", frozenset({"catalogue-editor"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1}, {"exp": None}, {"aud": "other"}, {"aud": None}, {"iss": "https://evil.example"},
        {"sub": None}, {"nbf": 32503680000}, {"token_use": "id"}, {"token_use": None},
    ],
)  # fmt: skip
def test_a_wrong_claim_is_refused(settings, changes):
    with pytest.raises(NotSignedInError):
        verify_token(settings, signed(settings, **changes))


def test_a_realm_token_needs_no_audience_and_takes_no_other(settings):
    realm = settings.realm_issuers[0]
    assert verify_token(settings, signed(settings, iss=realm, aud=None)).subject == "ada"
    assert verify_token(settings, signed(settings, aud=["other", AUDIENCE])).subject == "ada"
    with pytest.raises(NotSignedInError, match="audience"):
        verify_token(settings, signed(settings, iss=realm, aud="dedl-hda"))


def test_entities_and_quotas_come_along(settings):
    principal = verify_token(settings, signed(settings, entity=["institute"], quota=["stack-dask-low"]))
    assert (principal.entities, principal.quotas) == ({"institute"}, {"stack-dask-low"})


def test_clocks_may_differ_a_little(settings):
    now = int(time.time())
    assert verify_token(settings, signed(settings, iat=now + 20, nbf=now + 20, exp=now + 80))
    assert verify_token(settings, signed(settings, exp=now - 20))
    for changes in ({"nbf": now + 60}, {"exp": now - 60}):
        with pytest.raises(NotSignedInError):
            verify_token(settings, signed(settings, **changes))


def test_the_public_key_is_no_password(settings):
    """Key confusion: signed with HMAC, the public key's text as the secret."""
    key = current_signing_key(settings)
    public = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64url(json.dumps({"alg": "HS256", "typ": "JWT", "kid": key.key_id}))
    claims = base64url(jwt.utils.base64url_decode(signed(settings).split(".")[1]))
    mac = hmac.digest(public, f"{header}.{claims}".encode(), "sha256")
    with pytest.raises(NotSignedInError, match="alg"):
        verify_token(settings, f"{header}.{claims}.{base64url(mac)}")


def base64url(value):
    return jwt.utils.base64url_encode(value.encode() if isinstance(value, str) else value).decode()


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
