"""The OpenID provider, from outside: what it gives out, and what it refuses."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from known_people import PASSWORD
from live_portal import REDIRECT

from geoscope.access import AUDIENCE, verify_token
from geoscope.access.signing_keys import signing_keys


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_discovery_says_what_is_there_and_nothing_else(portal, visitor):
    document = visitor.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == portal.url
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    for name in ("jwks_uri", "token_endpoint", "userinfo_endpoint", "introspection_endpoint"):
        assert document[name].startswith(portal.url)
        assert visitor.get(document[name]).status_code in (200, 400, 401, 405)
    keys = visitor.get(document["jwks_uri"])
    assert {key["kid"] for key in keys.json()["keys"]} == {
        key.key_id for key in signing_keys(portal.settings)
    }
    assert "max-age=60" in keys.headers["cache-control"]


def test_a_code_becomes_tokens_that_data_services_take(portal, ada):
    code = ada.code(nonce="a-nonce")
    assert code.query["state"] == "a-state"
    answer = ada.tokens(code)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert given["refresh_expires_in"] > 0
    principal = verify_token(portal.settings, given["access_token"])
    assert (principal.subject, principal.roles) == ("ada", {"catalogue-editor", "DPAD_Direct_Access"})
    access = claims_of(given["access_token"])
    assert (access["aud"], access["azp"], access["preferred_username"]) == ([AUDIENCE], "notebook", "ada")
    assert access["exp"] - access["iat"] == 600
    identity = claims_of(given["id_token"])
    assert (identity["aud"], identity["nonce"], identity["sub"]) == ("notebook", "a-nonce", "ada")
    assert abs(identity["auth_time"] - time.time()) < 60
    assert identity["amr"] == ["pwd"]


def test_userinfo_answers_get_and_post(ada):
    token = ada.tokens(ada.code()).json()["access_token"]
    for method in ("GET", "POST"):
        answer = ada.http.request(
            method, "/identity/o/api/userinfo", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.json()["sub"] == "ada"
    assert ada.get("/identity/o/api/userinfo", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_token_without_the_platform_scope_opens_nothing_here(portal, ada):
    given = ada.tokens(ada.code(scope="openid profile")).json()
    assert claims_of(given["access_token"])["aud"] == ["notebook"]
    with pytest.raises(Exception, match="audience"):
        verify_token(portal.settings, given["access_token"])


def test_resource_indicators_narrow_the_audience(portal, ada):
    given = ada.tokens(ada.code(resource="https://ocean.example.org/api")).json()
    assert claims_of(given["access_token"])["aud"] == ["https://ocean.example.org/api"]
    given = ada.tokens(ada.code(resource=portal.url)).json()
    assert claims_of(given["access_token"])["aud"] == [AUDIENCE]


# --- Redirect addresses ---


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/callback?x=1", "http://127.0.0.1:9/callback/", "http://127.0.0.1:9/callbac",
        "http://127.0.0.1:9/callback#f", "http://evil@127.0.0.1:9/callback",
        "http://127.0.0.1.evil.example:9/callback", "https://127.0.0.1:9/callback", "javascript:alert(1)",
        "http://localhost:9/callback", "//evil.example/callback", "http://127.0.0.1:9/callback%0d%0aX:y",
        "http://127.0.0.1:9/a/../callback", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_exactly_registered_gets_a_page_and_no_redirect(ada, address):
    answer = ada.code(redirect=address).answer
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "cannot sign you in" in answer.text


def test_on_loopback_the_port_is_free(ada):
    code = ada.code(redirect="http://127.0.0.1:45123/callback")
    assert code.answer.headers["location"].startswith("http://127.0.0.1:45123/callback?code=")
    assert ada.tokens(code).status_code == 200


def test_elsewhere_the_query_counts_too(portal, ada):
    for address in ("https://maps.example.org/callback?x=1", "https://maps.example.org:444/callback"):
        assert ada.code("stranger", address, scope="openid").answer.status_code == 400


def test_the_same_address_must_be_named_again(ada):
    code = ada.code()
    assert ada.tokens(code, redirect_uri="http://127.0.0.1:9/other").status_code == 400
    assert ada.tokens(code).status_code == 200


def test_an_unknown_client_gets_a_page(ada):
    assert ada.code("nobody").answer.status_code == 400


# --- PKCE ---


def test_plain_and_missing_challenges_are_refused(ada):
    assert ada.code(code_challenge_method="plain").answer.status_code == 400
    assert ada.code(code_challenge_method="").answer.status_code == 400
    without = ada.code(code_challenge="", code_challenge_method="")
    assert without.value is None
    assert without.query["error"] == "invalid_request"


@pytest.mark.parametrize("verifier", ["", "x" * 43])
def test_a_wrong_verifier_gets_nothing_and_uses_nothing_up(ada, verifier):
    code = ada.code()
    assert ada.tokens(code, code_verifier=verifier).json()["error"] in ("invalid_grant", "invalid_request")
    assert ada.tokens(code).status_code == 200


# --- Once, and only once ---


def test_a_code_is_worth_something_once(ada):
    code = ada.code()
    assert ada.tokens(code).status_code == 200
    again = ada.tokens(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_code_belongs_to_its_client(portal, ada):
    code = ada.code()
    stolen = ada.tokens(code, client_id="stranger", client_secret="a-secret-of-the-stranger-0123456789")
    assert stolen.json()["error"] in ("invalid_grant", "unauthorized_client")
    assert ada.tokens(code).status_code == 200


def at_once(work, count=8):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: work(), range(count)))


def test_sent_many_times_at_once_a_code_is_worth_something_once(ada):
    for _ in range(5):
        code = ada.code()
        answers = at_once(lambda code=code: ada.tokens(code))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_sent_many_times_at_once_a_refresh_token_is_worth_something_once(ada):
    token = ada.tokens(ada.code()).json()["refresh_token"]
    for _ in range(5):
        answers = at_once(lambda token=token: ada.refresh(token))
        (given,) = [answer for answer in answers if answer.status_code == 200]
        token = given.json()["refresh_token"]


def test_a_refresh_token_that_comes_again_ends_the_whole_sign_in(portal, ada):
    first = ada.tokens(ada.code()).json()
    second = ada.refresh(first["refresh_token"]).json()
    other_sign_in = ada.tokens(ada.code()).json()
    assert ada.refresh(first["refresh_token"]).status_code == 400
    portal.make(spent_ago_s=60)
    assert ada.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert ada.refresh(second["refresh_token"]).status_code == 400
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert ada.get("/identity/o/api/userinfo", headers=headers).status_code == 401
    assert ada.refresh(other_sign_in["refresh_token"]).status_code == 200
    assert "ada was used twice" in portal.log_path.read_text()


def test_a_clumsy_client_that_sends_twice_keeps_its_tokens(ada):
    first = ada.tokens(ada.code()).json()
    second = ada.refresh(first["refresh_token"]).json()
    assert ada.refresh(first["refresh_token"]).status_code == 400
    assert ada.refresh(second["refresh_token"]).status_code == 200


def test_a_code_that_comes_again_ends_what_it_was_worth(portal, ada):
    code = ada.code()
    given = ada.tokens(code).json()
    portal.make(spent_ago_s=60)
    assert ada.tokens(code).json()["error"] == "invalid_grant"
    assert ada.refresh(given["refresh_token"]).status_code == 400


def test_refreshing_rotates(portal, ada):
    first = ada.tokens(ada.code()).json()
    second = ada.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert verify_token(portal.settings, second["access_token"]).subject == "ada"
    assert ada.refresh(second["refresh_token"], client_id="geoscope-cli").status_code in (400, 401)


def test_roles_are_those_of_the_moment(portal, visitor):
    visitor.sign_in("bob", PASSWORD)
    first = visitor.tokens(visitor.code()).json()
    assert claims_of(first["access_token"])["realm_access"]["roles"] == []
    portal.make(roles={"bob": ["collection-publisher"]})
    second = visitor.refresh(first["refresh_token"]).json()
    assert claims_of(second["access_token"])["realm_access"]["roles"] == ["collection-publisher"]
    portal.make(roles={"bob": []})


# --- Consent ---


def test_a_stranger_s_client_asks_in_plain_words_and_gets_what_was_allowed(ada):
    page = ada.code("stranger", "https://maps.example.org/callback", scope="openid email").answer
    assert page.status_code == 200
    for words in ("Stranger&#x27;s map asks for access", "See your e-mail address", "Allow", "Refuse"):
        assert words in page.text
    assert "Use this platform as you" not in page.text
    answer = ada.submit(page, action="grant", scopes="openid")
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith("https://maps.example.org/callback?")
    assert "code" in parse_qs(urlsplit(answer.headers["location"]).query)


def test_refusing_gives_nothing(ada):
    page = ada.code("stranger", "https://maps.example.org/callback", scope="openid").answer
    answer = ada.submit(page, action="cancel")
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {
        "error": ["access_denied"],
        "state": ["a-state"],
    }


def test_consent_needs_a_form_of_this_site(ada):
    page = ada.code("stranger", "https://maps.example.org/callback", scope="openid").answer
    signed = page.text.split('name="request" value="')[1].split('"')[0]
    forged = ada.http.post(
        "/identity/o/authorize", data={"request": signed, "action": "grant", "scopes": "openid"}
    )
    assert forged.status_code == 403
    assert ada.http.post("/identity/o/authorize", data={"request": "x", "action": "grant"}).status_code == 400


# --- Who has signed in, and when ---


def test_strangers_are_sent_to_the_login_page_and_back(portal, visitor):
    answer = visitor.code().answer
    assert urlsplit(answer.headers["location"]).path == "/account/login/"
    page = visitor.get(answer.headers["location"])
    after = visitor.submit(page, login="ada", password=PASSWORD)
    assert after.headers["location"].startswith("/identity/o/authorize?")
    assert visitor.get(after.headers["location"]).headers["location"].startswith(REDIRECT)


def test_prompt_none_never_shows_a_page(portal, ada):
    assert portal.visitor().code(prompt="none").query["error"] == "login_required"
    assert ada.code(prompt="none").value


def test_max_age_wants_a_fresh_sign_in(ada):
    assert ada.code(max_age="600").value
    first = claims_of(ada.tokens(ada.code()).json()["id_token"])["auth_time"]
    time.sleep(2.1)
    assert ada.code(max_age="1", prompt="none").query == {"error": "login_required", "state": "a-state"}
    code = ada.code(max_age="1")
    assert urlsplit(code.answer.headers["location"]).path == "/account/reauthenticate/"
    page = ada.get(code.answer.headers["location"])
    after = ada.submit(page, password=PASSWORD)
    finished = ada.get(after.headers["location"])
    assert finished.headers["location"].startswith(REDIRECT)
    code.value = parse_qs(urlsplit(finished.headers["location"]).query)["code"][0]
    assert claims_of(ada.tokens(code).json()["id_token"])["auth_time"] > first


@pytest.mark.parametrize("age", ["²", "9" * 400, "-1", "soon"])
def test_a_max_age_that_is_none_is_left_aside(ada, age):
    assert ada.code(max_age=age).value


# --- Clients ---


def test_a_wrong_secret_is_refused(visitor):
    basic = base64.b64encode(b"stranger:wrong").decode()
    data = {"grant_type": "client_credentials"}
    answer = visitor.http.post(
        "/identity/o/api/token", data=data, headers={"Authorization": f"Basic {basic}"}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_grants_that_a_client_does_not_have_are_refused(ada):
    data = {"grant_type": "client_credentials", "client_id": "notebook"}
    assert ada.http.post("/identity/o/api/token", data=data).status_code in (400, 401)
    data = {"grant_type": "password", "client_id": "notebook", "username": "ada", "password": PASSWORD}
    assert ada.http.post("/identity/o/api/token", data=data).json()["error"] == "unsupported_grant_type"


def test_a_token_is_revoked_by_its_own_client_only(portal, ada):
    given = ada.tokens(ada.code()).json()
    stranger = {"client_id": "stranger", "client_secret": "a-secret-of-the-stranger-0123456789"}
    refused = ada.http.post("/identity/o/api/revoke", data={"token": given["refresh_token"], **stranger})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    second = ada.refresh(given["refresh_token"]).json()
    done = ada.http.post(
        "/identity/o/api/revoke", data={"token": second["refresh_token"], "client_id": "notebook"}
    )
    assert done.status_code == 200
    assert ada.refresh(second["refresh_token"]).status_code == 400
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert ada.get("/identity/o/api/userinfo", headers=headers).status_code == 401


def test_introspection_is_for_the_client_that_holds_the_token(ada):
    token = ada.tokens(ada.code()).json()["access_token"]
    asked = {"token": token, "client_id": "stranger", "client_secret": "a-secret-of-the-stranger-0123456789"}
    assert ada.http.post("/identity/o/api/introspect", data=asked).json() == {"active": False}
    assert ada.http.post("/identity/o/api/introspect", data={"token": token}).status_code == 401


def test_signing_out_ends_what_was_given_out_in_the_session(portal, visitor):
    visitor.sign_in("ada", PASSWORD)
    bound = visitor.tokens(visitor.code(scope="openid platform")).json()
    kept_for_later = visitor.tokens(visitor.code()).json()
    page = visitor.get("/account")
    number = next(i for i, form in enumerate(page.text.split("<form")[1:]) if "/account/sign-out" in form)
    assert visitor.submit(page, number=number).headers["location"] == "/"
    assert visitor.refresh(bound["refresh_token"]).status_code == 400
    assert visitor.refresh(kept_for_later["refresh_token"]).status_code == 200


def test_tokens_are_not_kept_in_clear(portal, ada):
    given = ada.tokens(ada.code()).json()
    database = b"".join(path.read_bytes() for path in (portal.settings.data_dir / "portal").iterdir())
    assert given["refresh_token"].encode() not in database
    log = portal.log_path.read_text()
    assert given["refresh_token"] not in log
    assert PASSWORD not in log
    assert json.dumps(given)[:40] not in log


def test_a_client_that_pauses_finds_its_connection_open(portal):
    """httpx, as the platform's own parts use it, asks again on a connection of up to five seconds ago."""
    connection = HTTPConnection("127.0.0.1", portal.port, timeout=20)
    with closing(connection):
        for pause_s in (0, 5.5):
            time.sleep(pause_s)
            connection.request("GET", "/health")
            assert connection.getresponse().read()
