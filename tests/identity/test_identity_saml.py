"""Accounts of a SAML identity provider: here pysaml2, as a university would run one."""

import base64
import copy
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from known_people import PASSWORD
from live_portal import LivePortal
from lxml import etree
from saml_university import SAML, SamlUniversity
from test_identity_upstream import form_number, who

from chromium import chromium, new_context
from geoscope.settings import IdentitySettings

ASSERTION, SUBJECT = f"{SAML}Assertion", f"{SAML}Subject"
UID, MAIL = "urn:oid:0.9.2342.19200300.100.1.1", "urn:oid:0.9.2342.19200300.100.1.3"


@pytest.fixture(scope="module")
def university(tmp_path_factory):
    university = SamlUniversity(tmp_path_factory.mktemp("university"))
    yield university
    university.stop()


def institute(folder, university, provider=None, **environment):
    settings = {
        "title": "University",
        "entity_id": university.entity_id,
        "sso_url": university.sso_url,
        "certificate": str(university.folder / "certificate.pem"),
        "attributes": {"username": UID, "email": MAIL, "email_verified": "verified"},
    } | (provider or {})
    providers = json.dumps({"university": settings})
    portal = LivePortal(folder, GEOSCOPE_IDENTITY__SAML_PROVIDERS=providers, **environment)
    portal.make(users=[{"name": "ada", "password": PASSWORD}, {"name": "carl", "password": PASSWORD}])
    return portal


@pytest.fixture(scope="module")
def portal(tmp_path_factory, university):
    portal = institute(tmp_path_factory.mktemp("cautious"), university)
    university.knows(portal.visitor().get("/account/saml/university/metadata/").text)
    yield portal
    portal.stop()


def ask(portal, visitor=None, process="login", provider="university"):
    """Begin at our page; return the browser and the address at the university."""
    visitor = visitor or portal.visitor()
    path = f"/account/saml/{provider}/login/"
    page = visitor.get(path, params={"process": process})
    if page.status_code == 200:
        page = visitor.submit(page, number=form_number(page, path))
    assert page.status_code == 302, page.text
    return visitor, page.headers["location"]


def bring(visitor, fields, path="/account/saml/university/acs/"):
    """Bring what the university answered; return the page it ends on."""
    data = {key: value for key, value in fields.items() if key != "action"}
    received = visitor.http.post(path, data=data)
    assert received.status_code == 302, received.text
    return visitor.get(received.headers["location"])


def come_from(university, portal, name, visitor=None, process="login", **told):
    visitor, location = ask(portal, visitor, process)
    return visitor, bring(visitor, university.answer(location, name, **told))


def decoded(fields):
    return etree.fromstring(base64.b64decode(fields["SAMLResponse"]))


def encoded(fields, root):
    text = root if isinstance(root, bytes) else etree.tostring(root)
    return fields | {"SAMLResponse": base64.b64encode(text).decode()}


def test_the_login_page_offers_the_provider(portal):
    page = portal.visitor().get("/account/login/")
    assert "University" in page.text
    assert "/account/saml/university/login/" in page.text


def test_what_we_tell_about_ourselves_comes_from_the_settings(portal):
    page = portal.visitor().get(
        "/account/saml/university/metadata/", headers={"X-Forwarded-Proto": "https", "Host": "localhost"}
    )
    told = etree.fromstring(page.content)
    assert told.get("entityID") == f"{portal.url}/account/saml/university/metadata/"
    receivers = told.findall(".//{*}AssertionConsumerService")
    assert [receiver.get("Location") for receiver in receivers] == [
        f"{portal.url}/account/saml/university/acs/"
    ]
    assert told.find(".//{*}SPSSODescriptor").get("WantAssertionsSigned") == "true"
    assert "sls" not in page.text


def test_behind_the_edge_all_addresses_are_the_public_ones(university, tmp_path):
    portal = institute(tmp_path, university, GEOSCOPE_EDGE__PUBLIC_HOST="earth.example")
    try:
        visitor = portal.visitor()
        own = "https://earth.example/account/saml/university"
        told = etree.fromstring(visitor.get("/account/saml/university/metadata/").content)
        assert told.get("entityID") == f"{own}/metadata/"
        assert told.find(".//{*}AssertionConsumerService").get("Location") == f"{own}/acs/"
    finally:
        portal.stop()


def test_somebody_new_gets_an_account_of_their_own(university, portal):
    visitor, answer = come_from(university, portal, "prof", verified="true")
    assert answer.headers["location"] == "/"
    assert who(visitor) == "prof"
    again, _answer = come_from(university, portal, "prof", verified="true")
    assert who(again) == "prof"


def test_an_address_that_nobody_verified_is_verified_here(university, portal):
    visitor, answer = come_from(university, portal, "newcomer")
    assert answer.headers["location"].startswith("/account/confirm-email/")
    assert who(visitor) is None
    assert portal.mails("newcomer@example.org")


@pytest.mark.parametrize("verified", ["true", "false"])
def test_nobody_is_taken_over_by_an_address(university, portal, verified):
    visitor, _answer = come_from(university, portal, "ada", verified=verified)
    assert who(visitor) != "ada"


def test_an_account_is_linked_by_its_owner_and_unlinked(university, portal):
    visitor = portal.visitor()
    visitor.sign_in("carl", PASSWORD)
    come_from(university, portal, "name-there", visitor, process="connect")
    page = visitor.get("/account/3rdparty/")
    assert "University" in page.text
    later, _answer = come_from(university, portal, "name-there")
    assert who(later) == "carl"
    account = page.text.split('name="account" value="')[1].split('"')[0]
    visitor.submit(page, number=form_number(page, 'name="account"'), account=account)
    stranger, _answer = come_from(university, portal, "name-there")
    assert who(stranger) != "carl"


def refuse(visitor, fields):
    answer = bring(visitor, fields)
    assert answer.status_code in {200, 401, 403}, answer.text
    assert who(visitor) is None


def unchanged(_root):
    pass


def conditions(root):
    return root.find(f".//{SAML}Conditions")


def data_of(root):
    return root.find(f".//{SAML}SubjectConfirmationData")


def long_ago(root):
    for element in (conditions(root), data_of(root)):
        element.set("NotOnOrAfter", "2020-01-01T00:00:00Z")


EDITS = {
    "other audience": lambda root: setattr(root.find(f".//{SAML}Audience"), "text", "https://other.example"),
    "other recipient": lambda root: data_of(root).set("Recipient", "https://other.example/acs/"),
    "other destination": lambda root: root.set("Destination", "https://other.example/acs/"),
    "other issuer": lambda root: setattr(root.find(f".//{SAML}Issuer"), "text", "https://other.example"),
    "expired": long_ago,
    "not yet": lambda root: conditions(root).set("NotBefore", "2120-01-01T00:00:00Z"),
    "no person": lambda root: root.find(f".//{SUBJECT}").remove(root.find(f".//{SAML}NameID")),
    "endless name": lambda root: setattr(root.find(f".//{SAML}NameID"), "text", "x" * 1000),
    "other request inside": lambda root: data_of(root).set("InResponseTo", "_somebody-elses"),
}


def test_a_response_that_the_tests_signed_again_is_good(university, portal):
    visitor, _answer = come_from(university, portal, "edited", verified="true", edit=unchanged)
    assert who(visitor) == "edited"


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_signed_response_for_something_else_is_refused(university, portal, edit):
    visitor, location = ask(portal)
    refuse(visitor, university.answer(location, "prof", edit=edit))


@pytest.mark.parametrize(("assertion", "message"), [(False, False), (True, False), (False, True)])
def test_assertion_and_message_are_signed_both(university, portal, assertion, message):
    visitor, location = ask(portal)
    fields = university.answer(location, "prof")
    root = decoded(fields)
    for signature in list(root.iter("{*}Signature")):
        signature.getparent().remove(signature)
    refuse(visitor, encoded(fields, university.seal(root, assertion=assertion, message=message)))


def test_a_changed_assertion_is_refused(university, portal):
    visitor, location = ask(portal)
    fields = university.answer(location, "prof")
    root = decoded(fields)
    root.find(f".//{SAML}NameID").text = "person-carl"
    refuse(visitor, encoded(fields, root))


@pytest.mark.parametrize("place", ["before", "after", "around", "in an extension"])
def test_a_signature_that_covers_something_else_is_refused(university, portal, place):
    visitor, location = ask(portal)
    fields = university.answer(location, "prof")
    root = decoded(fields)
    signed = root.find(ASSERTION)
    forged = copy.deepcopy(signed)
    forged.remove(forged.find("{*}Signature"))
    forged.set("ID", "_forged")
    forged.find(f".//{SAML}NameID").text = "person-of-somebody-else"
    if place == "before":
        signed.addprevious(forged)
    elif place == "after":
        signed.addnext(forged)
    elif place == "around":
        root.replace(signed, forged)
        forged.append(signed)
    else:
        root.replace(signed, forged)
        etree.SubElement(root, "{urn:oasis:names:tc:SAML:2.0:protocol}Extensions").append(signed)
    refuse(visitor, encoded(fields, root))


def test_another_signer_is_refused(university, portal, tmp_path):
    impostor = SamlUniversity(tmp_path)
    visitor, location = ask(portal)
    fields = university.answer(location, "prof")
    root = decoded(fields)
    for signature in list(root.iter("{*}Signature")):
        signature.getparent().remove(signature)
    refuse(visitor, encoded(fields, impostor.seal(root)))
    impostor.stop()


def test_a_response_is_good_once_and_in_its_browser(university, portal):
    visitor, location = ask(portal)
    fields = university.answer(location, "prof", verified="true")
    refuse(portal.visitor(), fields)
    bring(visitor, fields)
    assert who(visitor) == "prof"
    refuse(portal.visitor(), fields)
    visitor.http.cookies.clear()
    ask(portal, visitor)
    refuse(visitor, fields)


def test_a_response_without_a_request_is_refused(university, portal):
    def unasked(root):
        del root.attrib["InResponseTo"]
        del data_of(root).attrib["InResponseTo"]

    visitor, location = ask(portal)
    refuse(visitor, university.answer(location, "prof", edit=unasked))


def test_a_relay_state_leads_nowhere_else(university, portal):
    visitor, location = ask(portal)
    fields = university.answer(location, "prof", verified="true") | {"RelayState": "https://evil.example/"}
    assert bring(visitor, fields).headers["location"] == "/"
    assert who(visitor) == "prof"
    path = "/account/saml/university/login/"
    visitor = portal.visitor()
    asked = {"process": "login", "next": "https://evil.example/"}
    page = visitor.get(path, params=asked)
    page = visitor.submit(page, number=form_number(page, path))
    back = bring(visitor, university.answer(page.headers["location"], "prof", verified="true"))
    assert back.headers["location"] == "/"


@pytest.mark.parametrize(
    "text", [b"", b"no XML", b"<a/>", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"]
)
def test_what_is_no_response_is_refused(portal, text):
    visitor, _location = ask(portal)
    refuse(visitor, {"SAMLResponse": base64.b64encode(text).decode()})
    refuse(visitor, {"SAMLResponse": "?"})
    refuse(visitor, {})


def test_strangers_leave_little_behind(portal):
    stranger = portal.visitor()
    path = "/account/saml/university/acs/"
    assert stranger.http.post(path, data={"SAMLResponse": "A" * 300_000}).status_code == 413
    assert stranger.get(path).status_code == 405
    assert stranger.http.post("/account/saml/nobody/acs/", data={"SAMLResponse": "A"}).status_code == 404
    answers = {stranger.http.post(path, data={"SAMLResponse": "A"}).status_code for _ in range(61)}
    assert answers == {302, 429}
    waiting = stranger.http.cookies.get("saml-acs-session", path=f"{path}finish/")
    with closing(sqlite3.connect(portal.settings.data_dir / "portal" / "portal.sqlite")) as database:
        question = "SELECT expire_date FROM django_session WHERE session_key = ?"
        (end,) = database.execute(question, (waiting,)).fetchone()
    assert datetime.fromisoformat(end) < datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=2)


def test_nobody_is_signed_out_by_a_message(portal):
    visitor = portal.visitor()
    visitor.sign_in("carl", PASSWORD)
    assert visitor.get("/account/saml/university/sls/", params={"SAMLRequest": "x"}).status_code == 404
    assert who(visitor) == "carl"


def test_where_the_operator_trusts_it_a_verified_address_signs_in(university, portal, tmp_path):
    trusting = institute(tmp_path, university, {"trusts_email": True})
    university.knows(trusting.visitor().get("/account/saml/university/metadata/").text)
    try:
        visitor, _answer = come_from(university, trusting, "ada", verified="true")
        assert who(visitor) == "ada"
        stranger, _answer = come_from(university, trusting, "carl")
        assert who(stranger) is None
    finally:
        trusting.stop()
        university.knows(portal.visitor().get("/account/saml/university/metadata/").text)


def test_a_provider_is_added_in_the_admin_pages_and_held_to_the_same_rules(university, portal, tmp_path):
    college = SamlUniversity(tmp_path)
    portal.make(users=[{"name": "root", "password": PASSWORD, "is_staff": True, "is_superuser": True}])
    administrator = portal.visitor()
    administrator.sign_in("root", PASSWORD)
    idp = {"entity_id": college.entity_id, "sso_url": college.sso_url, "x509cert": college.certificate}
    lax = {"strict": False, "want_message_signed": False, "reject_idp_initiated_sso": False}
    for name, provider_id in (("college", college.entity_id), ("careless", "")):
        added = administrator.submit(
            administrator.get("/admin/socialaccount/socialapp/add/"),
            provider="saml",
            provider_id=provider_id,
            name=name.title(),
            client_id=name,
            secret="",
            settings=json.dumps(
                {"idp": idp, "advanced": lax, "attribute_mapping": {"username": UID, "email": MAIL}}
            ),
        )
        assert added.status_code == 302, added.text
    page = portal.visitor().get("/account/login/").text
    assert "College" in page
    assert "Careless" not in page
    path = "/account/saml/college/acs/"
    college.knows(portal.visitor().get("/account/saml/college/metadata/").text)
    # Its people are not those of the university, though they have the same names there.
    visitor, location = ask(portal, provider="college")
    bring(visitor, college.answer(location, "prof"), path)
    assert who(visitor) != "prof"
    visitor, location = ask(portal, provider="college")
    fields = college.answer(location, "dean", edit=unchanged)
    root = decoded(fields)
    root.remove(root.find("{*}Signature"))
    bring(visitor, encoded(fields, root), path)
    assert "confirm-email" not in visitor.get("/account/confirm-email/").headers.get("location", "")
    assert not portal.mails("dean@example.org")
    visitor, location = ask(portal, provider="college")
    bring(visitor, college.answer(location, "dean"), path)
    assert portal.mails("dean@example.org")
    college.stop()


def test_a_browser_goes_to_the_university_and_comes_back(university, portal):
    """With a real one: cookies of ours do not come along with a form of another site."""
    portal.make(users=[{"name": "walker", "password": PASSWORD}])
    visitor = portal.visitor()
    visitor.sign_in("walker", PASSWORD)
    come_from(university, portal, "lecturer", visitor, process="connect")
    with chromium() as browser:
        page = new_context(browser).new_page()
        page.goto(f"{portal.url}/account/login/")
        page.get_by_role("link", name="University").click()
        page.locator("main form button").click()
        page.wait_for_url(f"{university.url}/sso**")
        page.locator("input[name=name]").fill("lecturer")
        page.locator("button").click()
        page.wait_for_url(f"{portal.url}/")
        assert page.locator("a.account").inner_text() == "walker"


@pytest.mark.parametrize(
    "wrong",
    [{"certificate": "-----BEGIN CERTIFICATE-----"}, {"certificate": "/nowhere.pem"}, {"entity_id": "x"}],
)
def test_wrong_settings_are_refused(university, wrong):
    provider = {
        "title": "University",
        "entity_id": university.entity_id,
        "sso_url": university.sso_url,
        "certificate": university.certificate,
    }
    assert IdentitySettings(saml_providers={"university": provider}).saml_providers["university"].certificate
    with pytest.raises(ValueError, match=next(iter(wrong))):
        IdentitySettings(saml_providers={"university": provider | wrong})
    with pytest.raises(ValueError, match="same entity_id"):
        IdentitySettings(saml_providers={"university": provider, "again": provider})


def test_settings_say_what_is_to_be_installed(university, monkeypatch):
    monkeypatch.setattr("geoscope.settings.identity.find_spec", lambda _name: None)
    provider = {
        "title": "University",
        "entity_id": university.entity_id,
        "sso_url": university.sso_url,
        "certificate": university.certificate,
    }
    with pytest.raises(ValueError, match=r"pip install 'geoscope\[saml\]'"):
        IdentitySettings(saml_providers={"university": provider})
