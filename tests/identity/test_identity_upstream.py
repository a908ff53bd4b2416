"""Accounts of another OpenID provider: here a second portal, as a university would run one."""

import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from known_people import PASSWORD
from live_portal import REDIRECT, LivePortal

from chromium import chromium, new_context


@pytest.fixture(scope="module")
def university(tmp_path_factory):
    portal = LivePortal(tmp_path_factory.mktemp("university"))
    portal.make(
        users=[
            {"name": "prof", "password": PASSWORD},
            # Somebody there claims the address of somebody here; both portals give `NAME@example.org`.
            {"name": "ada", "password": PASSWORD},
            {"name": "bob", "password": PASSWORD, "verified": False},
        ]
    )
    yield portal
    portal.stop()


def institute(folder, university, **provider):
    """A portal whose people may come from the university."""
    settings = {
        "title": "University",
        "issuer": university.url,
        "client_id": "institute",
        "client_secret": "a-secret-of-the-institute-0123456789",
    } | provider
    providers = json.dumps({"university": settings})
    portal = LivePortal(folder, GEOSCOPE_IDENTITY__PROVIDERS=providers)
    portal.make(users=[{"name": "ada", "password": PASSWORD}, {"name": "carl", "password": PASSWORD}])
    return portal


def register(university, portal, client_id="institute"):
    callback = f"{portal.url}/account/oidc/university/login/callback/"
    client = {"client_id": client_id, "redirects": [callback], "scopes": ["openid", "profile", "email"]}
    client |= {"secret": "a-secret-of-the-institute-0123456789", "skip_consent": True}
    university.make(clients=[client | {"grants": ["authorization_code", "refresh_token"]}])


@pytest.fixture(scope="module")
def cautious(tmp_path_factory, university):
    """A portal that believes the university nothing about addresses."""
    portal = institute(tmp_path_factory.mktemp("cautious"), university)
    register(university, portal)
    yield portal
    portal.stop()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory, university):
    """A portal that takes the university's word for verified addresses."""
    portal = institute(
        tmp_path_factory.mktemp("trusting"), university, client_id="trusting", trusts_email=True
    )
    register(university, portal, "trusting")
    yield portal
    portal.stop()


def come_from(university, portal, name, visitor=None, process="login", provider="university"):
    """Go to the university, sign in there and come back; return the browser and the page it ends on."""
    visitor = visitor or portal.visitor()
    path = f"/account/oidc/{provider}/login/"
    page = visitor.get(path, params={"process": process})
    if page.status_code == 200:
        page = visitor.submit(page, number=form_number(page, path))
    elsewhere = university.visitor()
    elsewhere.sign_in(name, PASSWORD)
    back = elsewhere.get(page.headers["location"])
    answer = visitor.get(back.headers["location"])
    return visitor, answer


def form_number(page, words):
    forms = page.text.split("<form")[1:]
    return next((number for number, form in enumerate(forms) if words in form), len(forms) - 1)


def who(visitor):
    page = visitor.get("/account")
    return page.text.split("<dd><code>")[1].split("<")[0] if page.status_code == 200 else None


def test_the_login_page_offers_the_provider(cautious):
    page = cautious.visitor().get("/account/login/")
    assert "University" in page.text
    assert "/account/oidc/university/login/" in page.text


def test_somebody_new_gets_an_account_of_their_own(university, cautious):
    visitor, answer = come_from(university, cautious, "prof")
    assert answer.status_code == 302, answer.text
    assert who(visitor) == "prof"
    again, _answer = come_from(university, cautious, "prof")
    assert who(again) == "prof"


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_nobody_is_taken_over_by_an_address(university, cautious, name):
    visitor, _answer = come_from(university, cautious, name)
    assert who(visitor) != "ada"


def test_an_address_that_the_university_did_not_verify_is_not_believed(university, trusting):
    trusting.make(users=[{"name": "bob", "password": PASSWORD}])
    visitor, _answer = come_from(university, trusting, "bob")
    assert who(visitor) is None


def test_where_the_operator_trusts_it_a_verified_address_signs_in(university, trusting):
    visitor, answer = come_from(university, trusting, "ada")
    assert answer.headers["location"] == "/"
    assert who(visitor) == "ada"


def test_an_account_is_linked_by_its_owner_and_unlinked(university, cautious):
    visitor = cautious.visitor()
    visitor.sign_in("carl", PASSWORD)
    university.make(users=[{"name": "carls-name-there", "password": PASSWORD}])
    come_from(university, cautious, "carls-name-there", visitor, process="connect")
    page = visitor.get("/account/3rdparty/")
    assert "carls-name-there" in page.text
    later, _answer = come_from(university, cautious, "carls-name-there")
    assert who(later) == "carl"
    number = form_number(page, 'name="account"')
    account = page.text.split('name="account" value="')[1].split('"')[0]
    visitor.submit(page, number=number, account=account)
    stranger, _answer = come_from(university, cautious, "carls-name-there")
    assert who(stranger) != "carl"


def test_a_forged_return_is_refused(cautious):
    visitor = cautious.visitor()
    answer = visitor.get("/account/oidc/university/login/callback/", params={"code": "x", "state": "y"})
    assert answer.status_code != 302 or "callback" not in answer.headers["location"]
    assert who(visitor) is None


def test_a_provider_is_added_in_the_admin_pages(university, cautious):
    callback = f"{cautious.url}/account/oidc/college/login/callback/"
    client = {"client_id": "guest", "redirects": [callback], "scopes": ["openid", "profile", "email"]}
    university.make(clients=[client | {"secret": "a-secret-of-the-guest-0123456789", "skip_consent": True}])
    cautious.make(users=[{"name": "root", "password": PASSWORD, "is_staff": True, "is_superuser": True}])
    administrator = cautious.visitor()
    administrator.sign_in("root", PASSWORD)
    added = administrator.submit(
        administrator.get("/admin/socialaccount/socialapp/add/"),
        provider="openid_connect",
        provider_id="college",
        name="College",
        client_id="guest",
        secret="a-secret-of-the-guest-0123456789",
        settings=json.dumps({"server_url": university.url}),
    )
    assert added.status_code == 302, added.text
    assert "College" in cautious.visitor().get("/account/login/").text
    university.make(users=[{"name": "dean", "password": PASSWORD}])
    newcomer, _answer = come_from(university, cautious, "dean", provider="college")
    assert who(newcomer) == "dean"
    somebody_else, _answer = come_from(university, cautious, "ada", provider="college")
    assert who(somebody_else) != "ada"


@pytest.fixture(scope="module")
def browser():
    """A real one: it holds to the content security policy, which counts each redirect after a form."""
    with chromium() as browser:
        yield browser


def sign_in(page, name):
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")


def test_a_browser_goes_to_the_university_and_comes_back(university, cautious, browser):
    university.make(users=[{"name": "lecturer", "password": PASSWORD}])
    page = new_context(browser).new_page()
    page.goto(f"{cautious.url}/account/login/")
    page.get_by_role("link", name="University").click()
    page.locator("main form button").click()
    page.wait_for_url(f"{university.url}/account/login/**")
    sign_in(page, "lecturer")
    page.wait_for_url(f"{cautious.url}/")
    assert page.locator("a.account").inner_text() == "lecturer"
    page.context.close()


def test_a_browser_comes_from_the_consent_to_the_client(university, cautious, browser):
    university.make(users=[{"name": "student", "password": PASSWORD}])
    landing = f"{cautious.url}/health"
    client = {"client_id": "map", "redirects": [landing], "grants": ["authorization_code"]}
    university.make(clients=[client])
    asked = httpx.QueryParams(
        {
            "client_id": "map",
            "redirect_uri": landing,
            "response_type": "code",
            "scope": "openid",
            "state": "a-state",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
    )
    page = new_context(browser).new_page()
    page.goto(f"{university.url}/identity/o/authorize?{asked}")
    sign_in(page, "student")
    page.locator("main form button[name=action][value=grant]").click()
    page.wait_for_url(f"{landing}?**")
    assert parse_qs(urlsplit(page.url).query).keys() >= {"code", "state"}
    page.context.close()


def test_only_a_browser_that_comes_from_a_page_goes_on_by_a_page(university):
    visitor = university.visitor()
    university.make(
        users=[{"name": "reader", "password": PASSWORD}],
        clients=[
            {"client_id": "notes", "redirects": [REDIRECT], "scopes": ["openid"], "skip_consent": True},
        ],
    )
    visitor.sign_in("reader", PASSWORD)

    def ask(**headers):
        visitor.http.headers.update(headers)
        return visitor.code("notes", scope="openid", state='"><script>x</script>').answer

    assert ask().status_code == 302
    assert ask(Accept="text/html").status_code == 302
    assert ask(Referer="https://elsewhere.example/").status_code == 302
    page = ask(Referer=f"{university.url}/account/login/")
    assert page.status_code == 200
    assert f'content="0;url={REDIRECT}?' in page.text
    assert "<script>x" not in page.text
    assert "no-store" in page.headers["cache-control"]
    assert page.headers["referrer-policy"] == "same-origin"
