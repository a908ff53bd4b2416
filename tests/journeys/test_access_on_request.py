"""From a closed door to a token that opens it: an account, a request, a board; all in Chromium."""

import subprocess
import sys

import httpx
import pyotp
import pytest
from playwright.sync_api import expect
from test_account_pages import PASSWORD, code_mailed, confirm_password
from test_strangers_service import ECHO

from chromium import faults_in_every_look, new_context
from geoscope.access import verify_token
from geoscope.runtime.ports import free_ports
from running import EDGE_PORTS, answers, until

MANIFEST = """
id = "stack-dask"
title = "Dask"
summary = "Clusters of your own beside the data."
category = "process"
version = "1.0"
routes = ["/dask"]
upstream = "http://127.0.0.1:{port}"
health = "/dask/health"
access = {{ policy = "roles", roles = ["stack-dask"] }}
provider = {{ name = "Stack" }}

[[roles]]
name = "stack-dask"
title = "Dask clusters"
summary = "May start clusters."

[[quotas]]
name = "low"
title = "Low"
amounts = {{ cores = 1, GiB = 2 }}
role = "stack-dask"

[[quotas]]
name = "medium"
title = "Medium"
amounts = {{ cores = 4, GiB = 8 }}
role = "stack-dask"
"""
PURPOSE = "We train a small model on twenty years of sea ice."


@pytest.fixture(scope="module")
def dask(platform, tmp_path_factory):
    """A stranger's service that opens to a role; what it answers is what it heard."""
    port = free_ports(("dask",), among=EDGE_PORTS)["dask"]
    path = tmp_path_factory.mktemp("dask") / "stack-dask.toml"
    path.write_text(MANIFEST.format(port=port))
    with subprocess.Popen([sys.executable, "-c", ECHO, str(port)]) as server:
        until(lambda: answers(f"http://127.0.0.1:{port}/"))
        platform.run("service", "add", str(path))
        until(lambda: closed(f"{platform.url}/dask"), what="the route")
        yield
        platform.run("service", "remove", "stack-dask")
        server.kill()


def closed(address):
    try:
        return httpx.get(address).status_code == 401
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def new_page(platform, browser):
    contexts = []

    def new_page(**options):
        contexts.append(new_context(browser, base_url=platform.url, **{"reduced_motion": "reduce"} | options))
        return contexts[-1].new_page()

    yield new_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def tessa(platform, new_page):
    """Somebody who has registered, with a second factor."""
    page = new_page()
    page.goto("/account/signup/")
    page.get_by_label("Username").fill("tessa")
    page.get_by_label("Email").fill("tessa@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_label("Code").fill(code_mailed(platform, "tessa@example.org"))
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(platform.url + "/")
    page.goto("/account/2fa/totp/activate/")
    confirm_password(page)
    secret = page.locator("#authenticator_secret").input_value()
    page.get_by_label("Authenticator code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Activate").click()
    page.get_by_text("recovery codes").first.wait_for()
    return page


@pytest.fixture(scope="module")
def board(platform, new_page):
    """The platform's first administrator, who is on the board."""
    page = new_page()
    page.goto(platform.run("login-link").stdout.strip())
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("banner")).to_contain_text("administrator")
    return page


def test_a_closed_door_leads_to_the_request_and_the_grant_opens_it(platform, dask, tessa, board):
    tessa.goto("/dask")
    tessa.get_by_role("link", name="Ask for access").click()
    tessa.get_by_label("Medium").check()
    tessa.get_by_label("Planned activities").fill(PURPOSE)
    tessa.get_by_role("button", name="Send the request").click()
    expect(tessa.get_by_role("main")).to_contain_text("waiting for a decision")

    board.goto("/account")
    board.get_by_role("link", name="Board").click()
    board.get_by_role("link", name="Dask: Medium").click()
    board.get_by_label("Your words").fill("For how long at a time?")
    board.get_by_role("button", name="Ask back").click()
    expect(board.get_by_role("main")).to_contain_text("waiting for an answer")

    tessa.goto("/account/requests")
    tessa.get_by_role("link", name="Dask: Medium").click()
    expect(tessa.get_by_role("main")).to_contain_text("For how long at a time?")
    tessa.get_by_label("Your words").fill("An hour a day.")
    tessa.get_by_role("button", name="Answer").click()
    expect(tessa.get_by_role("main")).to_contain_text("waiting for a decision")

    board.reload()
    board.get_by_role("button", name="Grant", exact=True).click()
    expect(board.get_by_role("main")).to_contain_text("granted")

    tessa.goto("/account/services")
    expect(tessa.locator("#stack-dask")).to_contain_text("Medium")
    tessa.goto("/dask")
    expect(tessa.locator("body")).to_contain_text('"remote-quotas": "stack-dask/medium"')
    expect(tessa.locator("body")).to_contain_text('"remote-roles": "stack-dask"')


def test_the_token_carries_it_until_it_is_revoked(platform, dask, tessa, board):
    tessa.goto("/account/programs")
    confirm_password(tessa)
    tessa.get_by_label("Name").fill("Cluster")
    tessa.get_by_role("button", name="Make a key").click()
    shown = tessa.locator("copy-code code").inner_text()
    key = {"grant_type": "client_credentials", **dict(line.split("=", 1) for line in shown.split())}

    def token():
        return httpx.post(f"{platform.url}/identity/o/api/token", data=key).json()["access_token"]

    principal = verify_token(platform.settings, token())
    assert (principal.subject, principal.quotas) == ("tessa", {"stack-dask/medium"})
    headers = {"Authorization": f"Bearer {token()}"}
    assert httpx.get(f"{platform.url}/dask", headers=headers).status_code == 200

    board.goto("/board?state=granted")
    board.get_by_role("link", name="Dask: Medium").click()
    board.get_by_label("Your words").fill("The cluster is needed elsewhere.")
    board.get_by_role("button", name="Revoke").click()
    expect(board.get_by_role("main")).to_contain_text("revoked")
    assert verify_token(platform.settings, token()).roles == frozenset()
    tessa.goto("/dask")
    expect(tessa.get_by_role("heading", level=1)).to_contain_text("not open to you")
    board.goto("/board/audit?q=administrator")
    expect(board.get_by_role("main")).to_contain_text("request.revoke")
    expect(board.get_by_role("status")).to_contain_text("The log is whole")


def test_an_entity_from_the_form_to_its_members(platform, tessa, board):
    tessa.goto("/entities")
    tessa.get_by_role("link", name="Ask for a new entity").click()
    tessa.get_by_label("Name", exact=True).fill("River Institute")
    tessa.get_by_label("Short name").fill("river-institute")
    tessa.get_by_label("Description").fill("We measure rivers.")
    tessa.get_by_label("Planned activities").fill(PURPOSE)
    tessa.get_by_role("button", name="Send the request").click()
    board.goto("/board")
    board.get_by_role("link", name="River Institute").click()
    board.get_by_role("button", name="Grant", exact=True).click()
    expect(board.get_by_role("main")).to_contain_text("granted")
    tessa.goto("/entities/river-institute")
    tessa.get_by_role("button", name="Invite").click()
    link = tessa.locator("copy-code code").inner_text()
    board.goto(link)
    board.get_by_role("button", name="Join").click()
    expect(board.get_by_role("main")).to_contain_text("You are a member of River Institute now.")
    tessa.reload()
    expect(tessa.locator("section:has(#members)")).to_contain_text("administrator")


def test_axe_finds_no_serious_fault(dask, tessa, board, new_page):
    asking = (
        *("/account/services", "/account/requests", "/account/requests/1", "/entities", "/entities/join"),
        *("/entities/new", "/entities/river-institute", "/account/requests/new?service=stack-dask", "/dask"),
    )
    deciding = ("/board", "/board?state=revoked", "/board/allot", "/board/audit", "/account/requests/2")
    found = {}
    for person, paths in ((tessa, asking), (board, deciding)):
        state = person.context.storage_state()
        page = new_page(bypass_csp=True, color_scheme="light", storage_state=state)
        for path in paths:
            page.goto(path)
            page.wait_for_load_state()
            if faults := faults_in_every_look(page):
                found[path] = faults
    assert found == {}
