"""An account in a real browser, on the running platform: from registering to a passkey, and out again."""

import re

import httpx
import pyotp
import pytest

from chromium import faults_in_every_look, new_context
from geoscope.access import verify_token

PASSWORD = "a river runs through it"
REALM = "/realms/desp/protocol/openid-connect/auth?client_id=dedl-hda&response_type=code&scope=openid"
PAGES = (
    "/account", "/account/email/", "/account/password/change/", "/account/2fa/", "/account/sessions/",
    "/account/2fa/recovery-codes/", "/account/2fa/webauthn/", "/account/2fa/webauthn/add/", "/account/data",
    "/account/programs", "/account/terms", "/identity/o/device",
)  # fmt: skip
STRANGERS_PAGES = (
    "/account/login/", "/account/signup/", "/account/password/reset/",
    f"{REALM}&redirect_uri=https://hda.data.destination-earth.eu/stac",
    "/identity/o/authorize?client_id=nobody",
)  # fmt: skip


def code_mailed(platform, address):
    files = sorted((platform.data_dir / "mail").glob("*.log"), key=lambda path: path.stat().st_mtime)
    # A file may hold several mails that were sent in the same second.
    mails = [mail for path in files for mail in path.read_text().split("\n" + "-" * 79 + "\n")]
    mail = next(mail for mail in reversed(mails) if f"To: {address}" in mail)
    return re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", mail, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def new_page(platform, browser):
    contexts = []

    def new_page(**options):
        context = new_context(browser, base_url=platform.url, **{"reduced_motion": "reduce"} | options)
        contexts.append(context)
        return context.new_page()

    yield new_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def rosa(platform, new_page):
    """The page of somebody who has just registered; what the browser complains about is kept."""
    page = new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else 0)
    page.goto("/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Username").fill("rosa")
    page.get_by_label("Email").fill("rosa@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_label("Code").fill(code_mailed(platform, "rosa@example.org"))
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(platform.url + "/")
    return page


def confirm_password(page):
    """Type the password once more where a page asks for it."""
    page.wait_for_load_state()
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_load_state()


def test_a_new_account_has_a_name_on_every_page_and_a_profile(rosa):
    rosa.get_by_role("link", name="rosa").click()
    rosa.get_by_label("Organisation").fill("Institute of Rivers")
    rosa.get_by_label("Country").select_option("AT")
    rosa.get_by_role("button", name="Save").click()
    rosa.get_by_text("Your profile has been saved.").wait_for()
    assert rosa.get_by_label("Country").input_value() == "AT"


def test_an_authenticator_app_is_set_up_and_asked_for(rosa, new_page, platform):
    rosa.goto("/account/2fa/totp/activate/")
    confirm_password(rosa)
    secret = rosa.locator("#authenticator_secret").input_value()
    assert rosa.locator("img.plain-code").evaluate("image => image.naturalWidth") > 0
    rosa.get_by_label("Authenticator code").fill(pyotp.TOTP(secret).now())
    rosa.get_by_role("button", name="Activate").click()
    rosa.get_by_text("recovery codes").first.wait_for()
    # The same code is worth nothing a second time: a recovery code signs in.
    rosa.goto("/account/2fa/recovery-codes/")
    confirm_password(rosa)
    recovery = rosa.locator("textarea").input_value().split()[0]
    page = new_page()
    page.goto("/account/login/")
    page.get_by_label("User name or e-mail address").fill("rosa")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Sign In").first.click()
    page.wait_for_url(platform.url + "/")


def test_a_passkey_is_made_and_signs_in(rosa, platform):
    session = rosa.context.new_cdp_session(rosa)
    session.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
    # A passkey belongs to a name, and an address in numbers is none.
    base = platform.url.replace("127.0.0.1", "localhost")
    rosa.goto(base + "/account/login/")
    rosa.get_by_label("User name or e-mail address").fill("rosa")
    rosa.get_by_label("Password").fill(PASSWORD)
    rosa.get_by_role("button", name="Sign in", exact=True).click()
    rosa.get_by_label("Code").wait_for()
    rosa.goto(platform.url + "/account/2fa/recovery-codes/")
    confirm_password(rosa)
    recovery = rosa.locator("textarea").input_value().split()[0]
    rosa.goto(base + "/account/2fa/authenticate/")
    rosa.get_by_label("Code").fill(recovery)
    rosa.get_by_role("button", name="Sign In").first.click()
    rosa.wait_for_url(base + "/")
    rosa.goto(base + "/account/2fa/webauthn/add/")
    confirm_password(rosa)
    rosa.get_by_label("Name").fill("This laptop")
    rosa.get_by_label("Passwordless").check()
    rosa.get_by_role("button", name="Add").click()
    rosa.wait_for_url(lambda url: "/add/" not in url)
    rosa.goto(base + "/account/2fa/webauthn/")
    rosa.get_by_text("This laptop").wait_for()
    rosa.goto(base + "/account")
    rosa.get_by_role("button", name="Sign out").click()
    rosa.goto(base + "/account/login/")
    rosa.get_by_role("button", name="Use a passkey").click()
    rosa.wait_for_url(base + "/")
    rosa.get_by_role("link", name="rosa").wait_for()
    assert rosa.complaints == []


def test_a_key_works_through_the_edge(rosa, platform):
    rosa.goto(platform.url + "/account/programs")
    confirm_password(rosa)
    rosa.get_by_label("Name").fill("Nightly run")
    rosa.get_by_role("button", name="Make a key").click()
    shown = rosa.locator("copy-code code").inner_text()
    key = dict(line.split("=", 1) for line in shown.split())
    asked = {"grant_type": "client_credentials", **key}
    given = httpx.post(f"{platform.url}/identity/o/api/token", data=asked).json()
    assert verify_token(platform.settings, given["access_token"]).subject == "rosa"
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    assert httpx.get(f"{platform.url}/jobs", headers=headers).json()["jobs"] == []


def test_axe_finds_no_serious_fault_on_the_account_s_pages(rosa, new_page):
    options = {"bypass_csp": True, "color_scheme": "light"}
    # Theirs is the password of a moment ago: no page asks for it again.
    signed_in = new_page(**options, storage_state=rosa.context.storage_state())
    found = {path: faults_at(signed_in, path) for path in PAGES}
    stranger = new_page(**options)
    found |= {path: faults_at(stranger, path) for path in STRANGERS_PAGES}
    assert {path: faults for path, faults in found.items() if faults} == {}


def faults_at(page, path):
    page.goto(path)
    page.wait_for_load_state()
    assert "reauthenticate" not in page.url
    return faults_in_every_look(page)


def test_leaving_ends_everything(rosa, platform):
    rosa.goto(platform.url + "/account/data")
    rosa.get_by_label("Your user name").fill("rosa")
    rosa.get_by_role("button", name="Delete my account").click()
    confirm_password(rosa)
    if "/account/data" in rosa.url:
        rosa.get_by_label("Your user name").fill("rosa")
        rosa.get_by_role("button", name="Delete my account").click()
    rosa.wait_for_url(platform.url + "/")
    rosa.get_by_role("link", name="Sign in").wait_for()
    rosa.goto("/account/login/")
    rosa.get_by_label("User name or e-mail address").fill("rosa")
    rosa.get_by_label("Password").fill(PASSWORD)
    rosa.get_by_role("button", name="Sign in", exact=True).click()
    rosa.get_by_text("not correct").wait_for()
