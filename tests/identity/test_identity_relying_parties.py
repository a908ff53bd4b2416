"""Libraries with which others let people sign in here: openid-client, Authlib, JupyterHub's authenticator."""

import asyncio
import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from live_portal import REDIRECT
from oauthenticator.generic import GenericOAuthenticator

from geoscope.access import verify_token

ROOT = Path(__file__).parents[2]
OPENID_CLIENT = ROOT / ".tools" / "relying-party" / "node_modules" / "openid-client" / "build" / "index.js"
STRANGER = {"clientId": "stranger", "clientSecret": "a-secret-of-the-stranger-0123456789"}
MAP = "https://maps.example.org/callback"


def openid_client(visitor, issuer, **asked):
    """Run the relying party in Node, and be its browser."""
    node = shutil.which("node") or str(Path(sysconfig.get_path("scripts")) / "node")
    process = subprocess.Popen(
        [
            node,
            Path(__file__).parent / "relying_party" / "sign_in.mjs",
            json.dumps({"issuer": issuer, **asked}),
        ],
        env=os.environ | {"OPENID_CLIENT": str(OPENID_CLIENT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address = process.stdout.readline().strip()
    if not address:
        raise AssertionError(process.stderr.read())
    page = visitor.get(address)
    if page.status_code == 200:
        page = visitor.submit(page, action="grant", scopes="openid")
    output, problems = process.communicate(page.headers["location"] + "\n", timeout=60)
    assert process.returncode == 0, problems
    return json.loads(output)


def test_openid_client_signs_in_as_a_public_client(portal, ada):
    told = openid_client(
        ada, portal.url, clientId="notebook", redirectUri=REDIRECT, scope="openid profile offline_access"
    )
    assert told["claims"]["sub"] == told["info"]["sub"] == "ada"
    assert told["refreshed"]


def test_openid_client_signs_in_with_a_secret_and_consent(portal, ada):
    told = openid_client(ada, portal.url, **STRANGER, redirectUri=MAP, scope="openid")
    assert told["claims"]["aud"] == "stranger"


def test_openid_client_is_content_with_max_age(portal, ada):
    told = openid_client(
        ada, portal.url, clientId="notebook", redirectUri=REDIRECT, scope="openid", maxAge=3600
    )
    assert told["claims"]["auth_time"] > 0


def test_openid_client_signs_in_at_a_realm(portal, ada):
    told = openid_client(
        ada, f"{portal.url}/realms/desp", clientId="notebook", redirectUri=REDIRECT, scope="openid"
    )
    assert told["claims"]["iss"] == f"{portal.url}/realms/desp"


def test_authlib_signs_in_refreshes_and_revokes(portal, ada):
    document = ada.get("/.well-known/openid-configuration").json()
    client = OAuth2Client(
        "notebook",
        scope="openid profile offline_access platform",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
        trust_env=False,
    )
    verifier = "v" * 64
    address, state = client.create_authorization_url(
        document["authorization_endpoint"], code_verifier=verifier
    )
    returned = ada.get(address).headers["location"]
    token = client.fetch_token(
        document["token_endpoint"], authorization_response=returned, state=state, code_verifier=verifier
    )
    assert verify_token(portal.settings, token["access_token"]).subject == "ada"
    assert client.get(document["userinfo_endpoint"]).json()["preferred_username"] == "ada"
    renewed = client.refresh_token(document["token_endpoint"])
    assert renewed["access_token"] != token["access_token"]
    assert client.revoke_token(document["revocation_endpoint"], renewed["refresh_token"]).status_code == 200


def test_authlib_gets_tokens_for_a_service_account(portal):
    portal.make(
        clients=[
            {
                "client_id": "authlib-key",
                "secret": "a-key-of-ada-0123456789",
                "grants": ["client_credentials"],
                "scopes": ["platform"],
                "owner_name": "ada",
                "data": {"audience": ["geoscope"], "roles": ["catalogue-editor"]},
            }
        ]
    )
    client = OAuth2Client("authlib-key", "a-key-of-ada-0123456789", scope="platform", trust_env=False)
    token = client.fetch_token(f"{portal.url}/identity/o/api/token", grant_type="client_credentials")
    principal = verify_token(portal.settings, token["access_token"])
    # A key may hold fewer roles than its owner.
    assert (principal.subject, principal.roles) == ("ada", {"catalogue-editor"})


def test_jupyterhub_s_authenticator_lets_people_in(portal, ada):
    portal.make(
        clients=[
            {
                "client_id": "jupyterhub",
                "redirects": ["http://127.0.0.1:9/hub/oauth_callback"],
                "secret": "a-secret-of-the-hub-0123456789",
                "grants": ["authorization_code", "refresh_token"],
                "scopes": ["openid", "profile", "platform"],
                "skip_consent": True,
            }
        ]
    )
    code = ada.code("jupyterhub", "http://127.0.0.1:9/hub/oauth_callback", scope="openid profile platform")
    authenticator = GenericOAuthenticator(
        client_id="jupyterhub",
        client_secret="a-secret-of-the-hub-0123456789",
        oauth_callback_url="http://127.0.0.1:9/hub/oauth_callback",
        authorize_url=f"{portal.url}/identity/o/authorize",
        token_url=f"{portal.url}/identity/o/api/token",
        userdata_url=f"{portal.url}/identity/o/api/userinfo",
        username_claim="preferred_username",
        scope=["openid", "profile", "platform"],
        enable_pkce=True,
        allow_all=True,
    )

    async def authenticate():
        asked = {"grant_type": "authorization_code", "code": code.value, "code_verifier": code.verifier}
        asked |= {"client_id": authenticator.client_id, "client_secret": authenticator.client_secret}
        asked["redirect_uri"] = authenticator.oauth_callback_url
        token = await authenticator.get_token_info(None, asked)
        info = await authenticator.token_to_user(token)
        return authenticator.user_info_to_username(info), token

    name, token = asyncio.run(authenticate())
    assert name == "ada"
    assert verify_token(portal.settings, token["access_token"]).subject == "ada"


@pytest.mark.parametrize("scope", ["openid", "openid profile"])
def test_a_relying_party_learns_only_what_was_asked_for(portal, ada, scope):
    told = openid_client(ada, portal.url, clientId="notebook", redirectUri=REDIRECT, scope=scope)
    assert ("preferred_username" in told["info"]) == ("profile" in scope)
    assert "email" not in told["info"]
