"""People make accounts, sign in, change and delete them; strangers try to get in."""

import json
import re
import sqlite3
import time
from urllib.parse import urlsplit

import pyotp
import pytest
from known_people import PASSWORD, confirmed
from live_portal import TOTP_SECRET, LivePortal

NEW_PASSWORD = "a river runs through it"


def register(visitor, name, email=None, password=NEW_PASSWORD):
    page = visitor.get("/account/signup/")
    return visitor.submit(page, username=name, email=email or f"{name}@example.org", password1=password)


def code_of(portal, address):
    return re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", portal.mails(address)[-1], re.MULTILINE)[1]


def registered(portal, name):
    """A browser of somebody who has just made an account."""
    visitor = portal.visitor()
    answer = register(visitor, name)
    page = visitor.get(answer.headers["location"])
    done = visitor.submit(page, code=code_of(portal, f"{name}@example.org"))
    assert done.headers["location"] == "/", done.text
    return visitor


def form_number(page, words):
    """Which form of a page holds these words."""
    forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
    return next(number for number, form in enumerate(forms) if words in form)


def is_signed_in(visitor, name):
    page = visitor.get("/account")
    return page.status_code == 200 and f"<code>{name}</code>" in page.text


# --- Registering ---


def test_an_account_is_there_when_its_address_is_verified(portal):
    visitor = portal.visitor()
    answer = register(visitor, "dora")
    assert answer.headers["location"] == "/account/confirm-email/"
    assert not is_signed_in(visitor, "dora")
    page = visitor.get("/account/confirm-email/")
    assert "dora@example.org" in page.text
    wrong = visitor.submit(page, code="AAAA-AAAA")
    assert "Incorrect code" in wrong.text
    mail = portal.mails("dora@example.org")[-1]
    assert "Subject: [Geoscope]" in mail
    assert "127.0.0.1" not in re.search(r"Hello from (.*)!", mail)[1]
    visitor.submit(wrong, code=code_of(portal, "dora@example.org"))
    assert is_signed_in(visitor, "dora")


def test_without_verification_one_does_not_get_in(portal):
    register(portal.visitor(), "unproven")
    visitor = portal.visitor()
    visitor.sign_in("unproven", NEW_PASSWORD)
    assert not is_signed_in(visitor, "unproven")


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace", "ab", "1st", "under_score", "dot.dot", "a" * 41, "administrator", "platform",
        "service-x", "..", "ends-", "ada\n", "<b>", "привет",
    ],
)  # fmt: skip
def test_names_that_would_break_or_deceive_are_refused(portal, name):
    answer = register(portal.visitor(), name, "somebody@example.org")
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.text
    assert portal.mails("somebody@example.org") == []


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012"])
def test_weak_passwords_are_refused(portal, password):
    answer = register(portal.visitor(), "weak", password=password)
    assert 'class="errorlist"' in answer.text
    assert portal.mails("weak@example.org") == []


def test_passwords_are_kept_as_argon2(portal):
    database = b"".join(path.read_bytes() for path in (portal.settings.data_dir / "portal").iterdir())
    assert b"argon2$argon2id$" in database
    assert PASSWORD.encode() not in database
    assert NEW_PASSWORD.encode() not in database


# --- Nobody learns who has an account ---


def test_an_address_that_is_taken_is_not_told(portal):
    free = register(portal.visitor(), "eve-free", "eve-free@example.org")
    taken = register(portal.visitor(), "eve-taken", "ada@example.org")
    assert (free.status_code, free.headers["location"]) == (taken.status_code, taken.headers["location"])
    assert "already" in portal.mails("ada@example.org")[-1]
    visitor = portal.visitor()
    assert visitor.sign_in("eve-taken", NEW_PASSWORD).status_code == 200


def test_a_forgotten_password_tells_nobody_who_is_here(portal):
    answers = []
    for address in ("bob@example.org", "nobody-at-all@example.org"):
        visitor = portal.visitor()
        answers.append(visitor.submit(visitor.get("/account/password/reset/"), email=address))
    assert answers[0].headers["location"] == answers[1].headers["location"]


def test_wrong_names_and_wrong_passwords_look_the_same(portal):
    texts = []
    for name in ("ada", "nobody-at-all"):
        answer = portal.visitor().sign_in(name, "wrong password")
        texts.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert texts[0] == texts[1]


def test_wrong_names_and_wrong_passwords_take_the_same_time(portal):
    def median_s(name):
        times = []
        for _ in range(5):
            visitor = portal.visitor()
            page = visitor.get("/account/login/")
            begun = time.perf_counter()
            visitor.submit(page, login=name, password="wrong password")
            times.append(time.perf_counter() - begun)
        return sorted(times)[2]

    # Without the hash that Django computes for unknown names it would be a tenth.
    assert 0.4 < median_s("ada") / median_s("nobody-at-all") < 2.5


# --- Signing in ---


def test_sign_in_by_name_or_address(portal):
    for login in ("ada", "ADA@example.org"):
        visitor = portal.visitor()
        assert visitor.sign_in(login, PASSWORD).headers["location"] == "/"
        assert is_signed_in(visitor, "ada")


def test_closed_accounts_stay_closed(portal):
    visitor = portal.visitor()
    visitor.sign_in("gone", PASSWORD)
    assert not is_signed_in(visitor, "gone")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_after_signing_in_nobody_is_sent_to_a_stranger(portal, target):
    visitor = portal.visitor()
    page = visitor.get("/account/login/", params={"next": target})
    answer = visitor.submit(page, login="ada", password=PASSWORD)
    assert answer.headers["location"] == "/"


def test_the_second_factor_is_asked_for_and_a_code_works_once(portal):
    visitor = portal.visitor()
    answer = visitor.sign_in("careful", PASSWORD)
    assert answer.headers["location"] == "/account/2fa/authenticate/"
    assert not is_signed_in(visitor, "careful")
    assert visitor.get("/identity/o/authorize", params={"client_id": "x"}).status_code == 400
    page = visitor.get("/account/2fa/authenticate/")
    code = pyotp.TOTP(TOTP_SECRET).now()
    wrong = visitor.submit(page, code="000000" if code != "000000" else "111111")
    assert "Incorrect code" in wrong.text
    assert visitor.submit(wrong, code=code).headers["location"] == "/"
    assert is_signed_in(visitor, "careful")
    other = portal.visitor()
    other.sign_in("careful", PASSWORD)
    again = other.submit(other.get("/account/2fa/authenticate/"), code=code)
    assert again.status_code == 200
    assert not is_signed_in(other, "careful")


def test_totp_and_recovery_codes_are_switched_on(portal):
    visitor = registered(portal, "frida")
    page = visitor.get("/account/2fa/totp/activate/")
    if page.status_code == 302:
        asked = visitor.get(page.headers["location"])
        page = visitor.get(visitor.submit(asked, password=NEW_PASSWORD).headers["location"])
    secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', page.text)[1]
    done = visitor.submit(page, code=pyotp.TOTP(secret).now())
    assert done.status_code == 302, done.text
    codes = re.findall(r"\b\d{8}\b", visitor.get("/account/2fa/recovery-codes/").text)
    assert len(codes) == 10
    assert "totp" in visitor.get("/account/data/download").text
    later = portal.visitor()
    later.sign_in("frida", NEW_PASSWORD)
    assert later.submit(later.get("/account/2fa/authenticate/"), code=codes[0]).headers["location"] == "/"
    again = portal.visitor()
    again.sign_in("frida", NEW_PASSWORD)
    assert again.submit(again.get("/account/2fa/authenticate/"), code=codes[0]).status_code == 200


def test_guessing_is_limited_by_account_and_address_and_locks_nobody_else_out(portal):
    guesser = portal.visitor()
    texts = [guesser.sign_in("bob", f"guess {number}").text for number in range(7)]
    assert "Too many failed login attempts" in texts[-1]
    assert "Too many failed login attempts" in guesser.sign_in("bob", PASSWORD).text
    assert portal.visitor().sign_in("bob", PASSWORD).headers["location"] == "/"


def test_the_session_is_a_new_one_after_signing_in(portal):
    visitor = portal.visitor()
    visitor.get("/realms/desp/protocol/openid-connect/auth", params={"client_id": "x"})
    planted = "a" * 32
    visitor.http.cookies.clear()
    visitor.http.cookies.set(f"geoscope-session-{portal.port}", planted, domain="127.0.0.1")
    visitor.sign_in("ada", PASSWORD)
    assert planted not in dict(visitor.http.cookies).values()
    assert is_signed_in(visitor, "ada")


@pytest.fixture(scope="module")
def second_portal(tmp_path_factory):
    """A portal to be killed, and to be given terms of use."""
    portal = LivePortal(tmp_path_factory.mktemp("second"))
    people = [{"name": "ada", "password": PASSWORD}]
    portal.make(users=[*people, {"name": "careful", "password": PASSWORD, "totp": TOTP_SECRET}])
    yield portal
    portal.stop()


def test_a_restart_in_the_middle_of_a_login_loses_nothing(second_portal):
    visitor = second_portal.visitor()
    visitor.sign_in("careful", PASSWORD)
    page = visitor.get("/account/2fa/authenticate/")
    second_portal.process.kill()
    second_portal.process.wait()
    second_portal.start()
    assert visitor.submit(page, code=pyotp.TOTP(TOTP_SECRET).now()).headers["location"] == "/"
    assert is_signed_in(visitor, "careful")


# --- Every form is of this site ---

FORMS = [
    "/account", "/account/login/", "/account/signup/", "/account/password/change/",
    "/account/password/reset/", "/account/email/", "/account/2fa/totp/activate/", "/account/sessions/",
    "/account/2fa/recovery-codes/generate/", "/account/2fa/webauthn/add/", "/account/2fa/webauthn/login/",
    "/account/programs", "/account/programs/remove", "/account/programs/disconnect",
    "/account/data/delete", "/account/sign-out", "/account/logout/",
    "/account/terms", "/account/reauthenticate/", "/identity/o/device",
]  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
def test_forms_of_other_sites_are_refused(portal, ada, path):
    answer = ada.http.post(
        path, data={"name": "ada", "action": "confirm"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403, answer.headers
    assert is_signed_in(ada, "ada")


# --- Changing ---


def test_a_profile_says_things_and_grants_nothing(portal, ada):
    page = ada.get("/account")
    values = {
        "first_name": "Ada",
        "organisation": "Analytical Engines",
        "country": "GB",
        "is_superuser": "on",
    }
    values |= {"is_staff": "on", "username": "administrator", "groups": "1"}
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    answer = ada.http.post("/account", data=values | {"csrfmiddlewaretoken": token})
    assert answer.status_code == 302
    later = ada.get("/account")
    assert 'value="Analytical Engines"' in later.text
    assert is_signed_in(ada, "ada")
    assert ada.get("/admin/").status_code == 302
    document = json.loads(confirmed(ada, "/account/data/download").text)
    assert (document["organisation"], document["country"]) == ("Analytical Engines", "GB")
    assert document["roles"] == ["DPAD_Direct_Access", "catalogue-editor"]


def test_a_new_password_signs_everything_else_out(portal):
    visitor = registered(portal, "greta")
    other = portal.visitor()
    other.sign_in("greta", NEW_PASSWORD)
    tokens = other.tokens(other.code()).json()
    page = confirmed(visitor, "/account/password/change/", NEW_PASSWORD)
    changed = "another river, another day"
    fields = {"oldpassword": NEW_PASSWORD, "password1": changed, "password2": changed}
    assert visitor.submit(page, **fields).status_code == 302
    assert not is_signed_in(other, "greta")
    assert other.refresh(tokens["refresh_token"]).status_code == 400
    assert "password" in portal.mails("greta@example.org")[-1].lower()
    assert portal.visitor().sign_in("greta", NEW_PASSWORD).status_code == 200
    assert portal.visitor().sign_in("greta", changed).headers["location"] == "/"


def test_a_forgotten_password_is_set_anew_by_mail_once(portal):
    registered(portal, "hugo")
    visitor = portal.visitor()
    visitor.submit(visitor.get("/account/password/reset/"), email="hugo@example.org")
    mail = portal.mails("hugo@example.org")[-1].replace("=\n", "")
    link = urlsplit(re.search(r"http\S+/account/password/reset/key/\S+", mail)[0]).path
    page = visitor.get(visitor.get(link).headers["location"])
    changed = "another river, another day"
    assert visitor.submit(page, password1=changed, password2=changed).status_code == 302
    assert portal.visitor().sign_in("hugo", changed).headers["location"] == "/"
    again = portal.visitor()
    assert "location" not in again.get(link).headers


def test_an_address_is_changed_when_the_new_one_is_proven(portal):
    visitor = registered(portal, "ida")
    page = confirmed(visitor, "/account/email/", NEW_PASSWORD)
    number = form_number(page, "action_add")
    answer = visitor.submit(page, number=number, email="ida@new.example.org", action_add="")
    page = visitor.get(answer.headers["location"])
    assert portal.visitor().sign_in("ida@new.example.org", NEW_PASSWORD).status_code == 200
    visitor.submit(page, code=code_of(portal, "ida@new.example.org"))
    assert portal.visitor().sign_in("ida@new.example.org", NEW_PASSWORD).headers["location"] == "/"


def test_a_session_that_ended_leaves_the_list_at_the_next_sign_in(portal):
    portal.make(users=[{"name": "robot", "password": PASSWORD}])
    for _ in range(3):
        portal.visitor().sign_in("robot", PASSWORD)
    path = portal.settings.data_dir / "portal" / "portal.sqlite"
    of_robot = "FROM usersessions_usersession JOIN accounts_user u ON u.id = user_id WHERE username = 'robot'"
    with sqlite3.connect(path) as database:
        first, *others = [key for (key,) in database.execute(f"SELECT session_key {of_robot}").fetchall()]
        assert len(others) == 2
        past = "UPDATE django_session SET expire_date = '2020-01-01' WHERE session_key = ?"
        assert database.execute(past, [first]).rowcount == 1
    portal.visitor().sign_in("robot", PASSWORD)
    with sqlite3.connect(path) as database:
        listed = {key for (key,) in database.execute(f"SELECT session_key {of_robot}").fetchall()}
    assert first not in listed
    assert listed > set(others)
    assert len(listed) == 3


def test_other_sessions_are_seen_and_ended(portal):
    visitor = registered(portal, "jan")
    other = portal.visitor()
    other.sign_in("jan", NEW_PASSWORD)
    page = visitor.get("/account/sessions/")
    assert page.text.count("198.51.") == 2
    visitor.submit(page, number=form_number(page, 'action="/account/sessions/"'))
    assert is_signed_in(visitor, "jan")
    assert not is_signed_in(other, "jan")


# --- Programs and keys ---


def test_a_key_is_shown_once_and_acts_for_its_owner(portal):
    visitor = registered(portal, "karl")
    page = confirmed(visitor, "/account/programs", NEW_PASSWORD)
    made = visitor.submit(page, name="Nightly <run>")
    assert "Nightly &lt;run&gt;" in made.text
    key = dict(re.findall(r"(client_\w+)=(\S+?)(?:\n|</code>)", made.text))
    assert key["client_secret"] not in visitor.get("/account/programs").text
    asked = {"grant_type": "client_credentials", **key}
    given = visitor.http.post("/identity/o/api/token", data=asked).json()
    who = visitor.http.post("/identity/o/api/introspect", data={"token": given["access_token"], **key}).json()
    assert who["active"]
    other = registered(portal, "lena")
    confirmed(other, "/account/programs", NEW_PASSWORD)
    other_page = other.get("/account/programs")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', other_page.text)[1]
    data = {"client": key["client_id"], "csrfmiddlewaretoken": token}
    other.http.post("/account/programs/remove", data=data)
    assert visitor.http.post("/identity/o/api/token", data=asked).status_code == 200
    portal.make(changes={"karl": {"is_active": False}})
    assert visitor.http.post("/identity/o/api/token", data=asked).json()["error"] == "invalid_client"
    portal.make(changes={"karl": {"is_active": True}})
    visitor.submit(confirmed(visitor, "/account/programs", NEW_PASSWORD), client=key["client_id"])
    assert visitor.http.post("/identity/o/api/token", data=asked).status_code == 401


def test_connected_programs_are_seen_and_disconnected(portal):
    visitor = registered(portal, "mona")
    tokens = visitor.tokens(visitor.code()).json()
    page = confirmed(visitor, "/account/programs", NEW_PASSWORD)
    assert "notebook" in page.text
    visitor.submit(page, client="notebook")
    assert visitor.refresh(tokens["refresh_token"]).status_code == 400
    assert "No program holds access" in visitor.get("/account/programs").text


def test_a_device_is_let_in_by_who_has_signed_in(portal, ada):
    asked = {"client_id": "geoscope-cli", "scope": "openid offline_access platform"}
    device = ada.http.post("/identity/o/api/device/code", data=asked).json()
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "geoscope-cli"}
    poll["device_code"] = device["device_code"]
    stranger = portal.visitor()
    assert stranger.http.post("/identity/o/api/token", data=poll).json()["error"] == "authorization_pending"
    assert stranger.http.post("/identity/o/api/token", data=poll).json()["error"] == "slow_down"
    page = ada.get(urlsplit(device["verification_uri_complete"]).path, params={"code": device["user_code"]})
    assert "Geoscope command line" in page.text
    number = form_number(page, 'value="confirm"')
    assert "Connected" in ada.submit(page, number=number, action="confirm").text
    time.sleep(device["interval"] + 0.1)
    given = stranger.http.post("/identity/o/api/token", data=poll).json()
    assert given["refresh_expires_in"] > 0
    assert stranger.http.post("/identity/o/api/token", data=poll).status_code == 400
    refreshed = stranger.refresh(given["refresh_token"], "geoscope-cli").json()
    assert "access_token" in refreshed


def test_device_codes_cannot_be_guessed(ada):
    texts = [ada.get("/identity/o/device", params={"code": f"AAAA-{number:04}"}).text for number in range(7)]
    assert "Incorrect code" in texts[0]
    assert "too many requests" in texts[-1]


# --- Leaving ---


def test_an_account_is_deleted_and_its_name_retired(portal):
    visitor = registered(portal, "nora")
    tokens = visitor.tokens(visitor.code()).json()
    confirmed(visitor, "/account/data/download", NEW_PASSWORD)
    page = visitor.get("/account/data")
    assert "This is not your user name" in visitor.submit(page, name="ada").text
    away = visitor.submit(page, name="nora")
    # The data services do not run here: what still runs for her cannot be ended, so nothing is deleted.
    assert away.status_code == 503
    assert is_signed_in(visitor, "nora")
    portal.make(deleted=["nora"])
    assert not is_signed_in(visitor, "nora")
    assert visitor.refresh(tokens["refresh_token"]).status_code == 400
    assert "cannot be used" in register(portal.visitor(), "nora", "nora2@example.org").text


def test_terms_of_use_are_shown_and_accepted_by_version(second_portal):
    own = second_portal
    own.make(terms=[{"version": "1", "text": "Be kind.\n\n<script>alert(1)</script>"}])
    page = own.visitor().get("/account/terms")
    assert "Be kind." in page.text
    assert "<script>alert" not in page.text
    asked = register(own.visitor(), "olga")
    assert 'class="errorlist"' in asked.text
    visitor = own.visitor()
    page = visitor.get("/account/signup/")
    fields = {"username": "olga", "email": "olga@example.org", "password1": NEW_PASSWORD, "terms": "on"}
    assert visitor.submit(page, **fields).headers["location"] == "/account/confirm-email/"
    ada = own.visitor()
    assert ada.sign_in("ada", PASSWORD).headers["location"] == "/"
    shown = ada.get("/account")
    assert urlsplit(shown.headers["location"]).path == "/account/terms"
    asked = {"client_id": "dedl-hda", "redirect_uri": "https://hda.data.destination-earth.eu/stac"}
    asked |= {"response_type": "code", "scope": "openid"}
    scraper = own.visitor()
    form = scraper.get("/realms/desp/protocol/openid-connect/auth", params=asked)
    sent = scraper.submit(form, username="ada", password=PASSWORD)
    assert "TERMS_AND_CONDITIONS" in sent.headers["location"]
    page = ada.get(shown.headers["location"])
    number = form_number(page, 'action="/account/terms"')
    assert ada.submit(page, number=number).headers["location"] == "/account"
    assert ada.get("/account").status_code == 200
    own.make(terms=[{"version": "2", "text": "Be kinder."}])
    assert ada.get("/account").status_code == 302
