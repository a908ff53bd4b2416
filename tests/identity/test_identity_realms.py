"""The real clients of Destination Earth sign in, unmodified, at the realms."""

import re

import destine_auth
import destinelab
import httpx
import jwt
import pyotp
import pytest
import requests
from destination_earth import DestinationEarth
from destinelab.dedl_auth import DEDLServiceAccountAuth
from destinelab.desp_auth import DESPAuth
from destinelab.errors import InvalidCredentialsError, OTPRequiredError
from destinelab.tools.token_tools import is_dedl_token_valid
from destinepyauth.exceptions import AuthenticationError
from destinepyauth.get_token import get_token
from eodag import EODataAccessGateway
from known_people import PASSWORD, fill
from live_portal import TOTP_SECRET
from polytope.api import Client as PolytopeClient

from geoscope.access import verify_token
from geoscope.settings import DESTINATION_EARTH_ISSUERS

HDA = "https://hda.data.destination-earth.eu/stac"


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    installation = DestinationEarth(tmp_path_factory.mktemp("destination-earth"))
    fill(installation.portal)
    installation.portal.make(
        clients=[
            {
                "client_id": "0b0f7d4c-nightly",
                "secret": "a-key-of-ada-0123456789",
                "grants": ["client_credentials"],
                "scopes": ["openid", "platform"],
                "owner_name": "ada",
                "data": {"audience": ["geoscope"]},
            }
        ]
    )
    yield installation
    installation.stop()


@pytest.fixture
def reached(installation):
    with installation.reached():
        yield installation


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


# --- destinelab ---


def test_destinelab_signs_in_and_exchanges(reached):
    handler = destinelab.AuthHandler("ada", PASSWORD)
    token = handler.get_token()
    claims = claims_of(token)
    assert (claims["iss"], claims["preferred_username"]) == (DESTINATION_EARTH_ISSUERS[1], "ada")
    assert handler.is_DTaccess_allowed(token)
    assert verify_token(reached.settings, token).subject == "ada"
    assert verify_token(reached.settings, handler.desp_access_token).subject == "ada"
    assert "aud" not in claims_of(handler.desp_access_token)
    assert is_dedl_token_valid(token)
    assert handler.get_token() == token


def test_destinelab_takes_the_mail_address_too(reached):
    assert destinelab.AuthHandler("bob@example.org", PASSWORD).get_token()


def test_twin_access_follows_the_role(reached):
    handler = destinelab.AuthHandler("bob", PASSWORD)
    assert not handler.is_DTaccess_allowed(handler.get_token())
    reached.portal.make(roles={"bob": ["DPAD_Direct_Access"]})
    later = destinelab.AuthHandler("bob", PASSWORD)
    assert later.is_DTaccess_allowed(later.get_token())
    reached.portal.make(roles={"bob": []})


@pytest.mark.parametrize("name", ["ada", "nobody", "gone", "ada@nowhere.example"])
def test_destinelab_is_told_of_a_wrong_password(reached, name):
    with pytest.raises(InvalidCredentialsError, match=r"Invalid username or password\."):
        destinelab.AuthHandler(name, "wrong").get_token()


def test_destinelab_is_told_that_the_address_is_not_verified(reached):
    with pytest.raises(InvalidCredentialsError, match="Verify your e-mail address"):
        destinelab.AuthHandler("hasty", PASSWORD).get_token()


def test_destinelab_sends_the_one_time_code(reached):
    right = DESPAuth("careful", PASSWORD, otp_provider=lambda: pyotp.TOTP(TOTP_SECRET).now())
    assert claims_of(right.get_desp_token())["sub"] == "careful"
    with pytest.raises(OTPRequiredError, match="verification failed"):
        DESPAuth("careful", PASSWORD).get_desp_token("000000")


def test_a_service_account_gets_tokens(reached):
    token = DEDLServiceAccountAuth("0b0f7d4c-nightly", "a-key-of-ada-0123456789").get_token()
    principal = verify_token(reached.settings, token)
    assert (principal.subject, "DPAD_Direct_Access" in principal.roles) == ("ada", True)
    for key in (("0b0f7d4c-nightly", "wrong"), ("nothing", "wrong")):
        with pytest.raises(InvalidCredentialsError):
            DEDLServiceAccountAuth(*key).get_token()


# --- destine-auth, which asks for //realms ---


def test_destine_auth_signs_in(reached, capsys):
    token = destine_auth.AuthHandler("ada", PASSWORD).get_token()
    assert claims_of(token)["sub"] == "ada"
    assert "Response code: 200" in capsys.readouterr().out


# --- destinepyauth ---


def despauth(patch, **values):
    for name, value in values.items():
        patch.setenv(f"DESPAUTH_{name}", value)


@pytest.mark.parametrize("service", ["hda", "polytope", "eden", "cacheb", "dea", "insula", "streamer"])
def test_destinepyauth_signs_in_with_its_own_settings(reached, monkeypatch, tmp_path, service):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["destinepyauth"])
    despauth(monkeypatch, USER="ada", PASSWORD=PASSWORD)
    result = get_token(service)
    assert result.decoded["sub"] == "ada"
    assert result.refresh_token or service == "hda"


def test_destinepyauth_works_at_our_own_address(reached, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["destinepyauth"])
    base = reached.url
    config = tmp_path / "own.yaml"
    config.write_text(
        f"iam_url: {base}\niam_realm: desp\niam_client: dedl-hda\niam_redirect_uri: {base}/stac/v2\n"
        "exchange_config:\n"
        f"  token_url: {base}/auth/realms/dedl/protocol/openid-connect/token\n"
        "  audience: hda-public\n  subject_issuer: desp-oidc\n  client_id: hda-public\n"
    )
    despauth(monkeypatch, USER="ada", PASSWORD=PASSWORD)
    result = get_token(config_path=str(config))
    assert result.decoded["iss"] == f"{base}/auth/realms/dedl"
    assert verify_token(reached.settings, result.access_token).subject == "ada"
    despauth(monkeypatch, PASSWORD="wrong")
    with pytest.raises(AuthenticationError, match="Invalid username or password"):
        get_token(config_path=str(config))


# --- eodag ---


@pytest.fixture
def eodag(monkeypatch, tmp_path):
    """Make a gateway that keeps to this machine."""

    def make(**variables):
        monkeypatch.setenv("EODAG_CFG_DIR", str(tmp_path))
        monkeypatch.setenv("EODAG_EXT_COLLECTIONS_CFG_URI", "")
        for name, value in variables.items():
            monkeypatch.setenv(f"EODAG__{name}", value)
        return EODataAccessGateway()

    return make


def token_of(dag, provider, address):
    plugin = next(iter(dag._plugins_manager.get_auth_plugins(provider, matching_url=address)))
    prepared = plugin.authenticate()(requests.Request("GET", "http://127.0.0.1:9/").prepare())
    return prepared.headers["Authorization"].removeprefix("Bearer ")


def test_eodag_dedl_signs_in_and_exchanges(reached, eodag):
    dag = eodag(
        DEDL__AUTH__CREDENTIALS__USERNAME="ada",
        DEDL__AUTH__CREDENTIALS__PASSWORD=PASSWORD,
    )
    for _ in range(2):
        token = token_of(dag, "dedl", f"{HDA}/v2/search")
        assert claims_of(token)["iss"] == DESTINATION_EARTH_ISSUERS[1]
        assert verify_token(reached.settings, token).subject == "ada"


def test_eodag_dedt_lumi_signs_in(reached, eodag):
    dag = eodag(
        DEDT_LUMI__AUTH__CREDENTIALS__USERNAME="ada",
        DEDT_LUMI__AUTH__CREDENTIALS__PASSWORD=PASSWORD,
    )
    token = token_of(dag, "dedt_lumi", "https://polytope.lumi.apps.dte.destination-earth.eu/api")
    assert claims_of(token)["iss"] == DESTINATION_EARTH_ISSUERS[0]
    assert verify_token(reached.settings, token).subject == "ada"


def test_eodag_names_a_wrong_password(reached, eodag):
    dag = eodag(
        DEDL__AUTH__CREDENTIALS__USERNAME="ada",
        DEDL__AUTH__CREDENTIALS__PASSWORD="wrong",
    )
    with pytest.raises(Exception, match=r"(?i)wrong credentials|invalid|misconfigured"):
        token_of(dag, "dedl", f"{HDA}/v2/search")


# --- polytope-client ---


def test_polytope_client_brings_the_key_that_destinepyauth_wrote(reached, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["destinepyauth"])
    despauth(monkeypatch, USER="ada", PASSWORD=PASSWORD)
    result = get_token("polytope")
    client = PolytopeClient(address="127.0.0.1:9", user_key=result.refresh_token, quiet=True)
    (header,) = client.auth.get_auth_headers()
    assert header == f"Bearer {result.refresh_token}"


# --- The form itself, and what strangers try with it ---


def login_page(installation, client_id="dedl-hda", redirect=HDA, **more):
    client = httpx.Client(base_url=installation.url, trust_env=False, timeout=30)
    asked = {"client_id": client_id, "redirect_uri": redirect, "scope": "openid", "response_type": "code"}
    return client, client.get("/realms/desp/protocol/openid-connect/auth", params=asked | more)


def action_of(page):
    return re.search(r'<form id="kc-form-login"[^>]* action="([^"]+)"', page.text)[1].replace("&amp;", "&")


def credentials(name="ada", password=PASSWORD):
    return {"username": name, "password": password}


def test_the_first_form_is_the_login_form_and_its_address_is_absolute(installation):
    _client, page = login_page(installation)
    assert re.search(r"<form[^>]*>", page.text)[0].startswith('<form id="kc-form-login"')
    assert action_of(page).startswith(
        f"{installation.url}/realms/desp/login-actions/authenticate?session_code="
    )
    assert page.headers["cache-control"].startswith("max-age=0")


def test_each_step_works_once_and_in_its_own_browser(installation):
    client, page = login_page(installation)
    other = httpx.Client(trust_env=False)
    assert other.post(action_of(page), data=credentials()).status_code == 400
    assert client.post(action_of(page), data=credentials(password="wrong")).status_code == 200
    assert client.post(action_of(page), data=credentials()).status_code == 400
    client, page = login_page(installation)
    assert client.get(action_of(page)).status_code == 400
    client, page = login_page(installation)
    assert client.post(action_of(page) + "é", data=credentials()).status_code == 400
    client, page = login_page(installation)
    done = client.post(action_of(page), data=credentials())
    assert done.headers["location"].startswith("https://hda.data.destination-earth.eu/stac?code=")
    assert client.post(action_of(page), data=credentials()).status_code == 400


def test_the_session_is_a_new_one_after_signing_in(installation):
    client, page = login_page(installation)
    before = dict(client.cookies)
    client.post(action_of(page), data=credentials())
    assert set(dict(client.cookies).values()).isdisjoint(before.values())


def test_a_browser_that_has_signed_in_goes_on_at_once(installation):
    client, page = login_page(installation)
    client.post(action_of(page), data=credentials())
    asked = {"client_id": "hda-broker-public", "redirect_uri": "https://broker.eden.destine.eu/"}
    asked |= {"scope": "openid", "response_type": "code", "state": "s"}
    answer = client.get("/realms/desp/protocol/openid-connect/auth", params=asked)
    assert re.match(
        r"https://broker\.eden\.destine\.eu/\?code=.+&state=s|.*state=s&code=", answer.headers["location"]
    )


@pytest.mark.parametrize(
    ("client_id", "redirect"),
    [
        ("dedl-hda", "https://evil.example/"), ("dedl-hda", "https://hda.data.destination-earth.eu/stac?x=1"),
        ("dedl-hda", "https://broker.eden.destine.eu/"), ("unknown", "https://hda.data.destination-earth.eu/stac"),
    ],
)  # fmt: skip
def test_no_redirect_leads_to_a_stranger(installation, client_id, redirect):
    _client, page = login_page(installation, client_id, redirect)
    assert page.status_code == 400
    assert "location" not in page.headers


def test_other_clients_still_need_pkce(installation):
    client, page = login_page(installation, "notebook", "http://127.0.0.1:9/callback")
    done = client.post(action_of(page), data=credentials())
    assert "error=invalid_request" in done.headers["location"]


def test_old_clients_without_pkce_are_let_in_by_the_realm_alone(installation):
    client, page = login_page(installation)
    done = client.post(action_of(page), data=credentials())
    code = re.search(r"code=([^&]+)", done.headers["location"])[1]
    data = {"grant_type": "authorization_code", "client_id": "dedl-hda", "code": code}
    data["redirect_uri"] = "https://hda.data.destination-earth.eu/stac"
    assert client.post("/identity/o/api/token", data=data).status_code == 400
    token = "/realms/desp/protocol/openid-connect/token"
    assert client.post(token, data=data | {"redirect_uri": "https://evil.example"}).status_code == 400
    assert client.post(token, data=data).status_code == 200


def test_guessing_is_limited_and_locks_nobody_else_out(installation):
    portal = installation.portal
    guesser = portal.visitor()
    path = "/realms/desp/protocol/openid-connect/auth"
    asked = {"client_id": "dedl-hda", "redirect_uri": "https://hda.data.destination-earth.eu/stac"}
    asked |= {"scope": "openid", "response_type": "code"}

    def attempt(browser, password):
        page = browser.get(path, params=asked)
        action = action_of(page).replace(installation.url, portal.url)
        return browser.http.post(action, data=credentials("careful", password))

    texts = [attempt(guesser, f"guess {number}").text for number in range(7)]
    assert "Invalid username or password." in texts[0]
    assert "Too many failed login attempts" in texts[6]
    assert "Too many failed login attempts" in attempt(guesser, PASSWORD).text
    assert 'name="otp"' in attempt(portal.visitor(), PASSWORD).text


def test_an_unknown_realm_is_not_there(installation):
    for path in (
        "/realms/other/.well-known/openid-configuration",
        "/auth/realms/x/protocol/openid-connect/auth",
    ):
        assert httpx.get(installation.url + path, trust_env=False).status_code == 404


def test_discovery_of_a_realm_keeps_to_its_paths(installation):
    for prefix, realm in (("", "desp"), ("/auth", "dedl")):
        issuer = f"{installation.url}{prefix}/realms/{realm}"
        document = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
        assert document["issuer"] == issuer
        assert document["id_token_signing_alg_values_supported"] == ["RS256"]
        ends = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
        assert all(value.startswith(f"{issuer}/protocol/openid-connect/") for value in ends), ends
        keys = httpx.get(document["jwks_uri"], trust_env=False).json()["keys"]
        assert all(key["kid"] for key in keys)


# --- Exchange ---


@pytest.fixture
def subject_token(installation):
    client, page = login_page(installation)
    done = client.post(action_of(page), data=credentials())
    code = re.search(r"code=([^&]+)", done.headers["location"])[1]
    data = {"grant_type": "authorization_code", "client_id": "dedl-hda", "code": code}
    data["redirect_uri"] = "https://hda.data.destination-earth.eu/stac"
    return client.post("/realms/desp/protocol/openid-connect/token", data=data).json()


def exchange(installation, token, **changes):
    data = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_issuer": "desp-oidc",
        "client_id": "hda-public",
        "audience": "hda-public",
    } | changes
    given = {name: value for name, value in data.items() if value}
    url = f"{installation.url}/auth/realms/dedl/protocol/openid-connect/token"
    return httpx.post(url, data=given, trust_env=False)


def test_an_exchanged_token_lives_no_longer_and_ends_with_its_subject(installation, subject_token):
    token = subject_token["access_token"]
    given = exchange(installation, token).json()
    assert given["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert claims_of(given["access_token"])["exp"] <= claims_of(token)["exp"]
    chained = exchange(installation, given["access_token"]).json()
    assert claims_of(chained["access_token"])["exp"] <= claims_of(token)["exp"]
    revoke = {"token": subject_token["refresh_token"], "client_id": "dedl-hda"}
    answer = httpx.post(
        f"{installation.url}/realms/desp/protocol/openid-connect/revoke", data=revoke, trust_env=False
    )
    assert answer.status_code == 200
    for ended in (token, given["access_token"]):
        assert exchange(installation, ended).json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "dedl-hda", "audience": "dedl-hda"}, "unauthorized_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"audience": "somebody-else"}, "invalid_target"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"subject_token": "nonsense"}, "invalid_request"),
    ],
)
def test_a_wrong_exchange_is_refused(installation, subject_token, changes, error):
    answer = exchange(installation, subject_token["access_token"], **changes)
    assert answer.json()["error"] == error
    assert set(answer.json()) == {"error", "error_description"}


def test_a_stranger_s_token_is_not_raised_by_exchange(installation):
    visitor = installation.portal.visitor()
    visitor.sign_in("ada", PASSWORD)
    weak = visitor.tokens(visitor.code(scope="openid profile")).json()["access_token"]
    assert exchange(installation, weak).json()["error"] == "invalid_request"


def test_an_identity_token_is_no_access_token(installation, subject_token):
    assert exchange(installation, subject_token["id_token"]).json()["error"] == "invalid_request"
