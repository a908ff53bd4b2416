"""Roles and quotas: asked for, decided by people, in the next token, gone when they end."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from known_people import confirmed
from persons import PURPOSE, Person, day, offer_dask

from geoscope.access import issue_token


@pytest.fixture(scope="module", autouse=True)
def _dask(portal):
    offer_dask(portal)


@pytest.fixture(scope="module")
def board(portal):
    return Person(portal, "board", roles=["approval-board"])


@pytest.fixture
def ada(portal):
    return Person(portal, "ada")


def housekeeping(portal):
    token = issue_token(portal.settings, "service:watch", frozenset({"service-watch"}))
    answer = httpx.post(
        f"{portal.url}/health/housekeeping",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 204, answer.text


def test_what_can_be_asked_for_stands_in_the_manifests(ada):
    offers = {offer["name"]: offer for offer in ada.get("/offers")}
    assert offers["stack-dask/medium"]["amounts"] == {"cores": 4, "GiB": 8}
    assert offers["stack-dask/medium"]["role"] == "stack-dask"
    assert "collection-publisher" in offers
    # These are the platform's own; and a role that comes with quotas is asked for with one of them.
    assert not {"service-watch", "approval-board", "administrator", "stack-dask"} & offers.keys()


def test_a_grant_is_in_the_next_token_with_its_role_and_quota(ada, board):
    number = ada.request()
    assert ada.next_token().quotas == frozenset()
    assert board.letters(f"/account/requests/{number}\n")
    granted = board.step(number, "grant", "")
    assert granted.json()["state"] == "granted"
    principal = ada.next_token()
    assert principal.roles == {"stack-dask"}
    assert principal.quotas == {"stack-dask/medium"}
    assert "granted" in ada.letters(f"/account/requests/{number}\n")[-1]


def test_the_board_asks_back_and_the_applicant_answers(ada, board):
    number = ada.request()
    assert board.step(number, "question", "How much memory?").json()["state"] == "asked"
    assert "How much memory?" in ada.letters("How much memory?")[-1]
    assert ada.step(number, "answer", "Eight GiB.").json()["state"] == "waiting"
    course = ada.get(f"/requests/{number}")["decisions"]
    assert [(step["step"], step["author"], step["reason"]) for step in course] == [
        ("question", board.name, "How much memory?"),
        ("answer", ada.name, "Eight GiB."),
    ]


def test_less_can_be_granted_and_never_more(ada, board):
    number = ada.request(until=60)
    for refused in ({"until": day(90)}, {"offer": "collection-publisher"}, {}, {"until": day(-1)}):
        assert board.step(number, "reduce", **refused).status_code == 400, refused
    answer = board.step(number, "reduce", "Begin small.", offer="stack-dask/low", until=day(30)).json()
    assert (answer["granted_quota"], answer["granted_until"]) == ("low", day(30))
    assert ada.next_token().quotas == {"stack-dask/low"}
    # What was granted with less stays less when its end is moved.
    answer = board.step(number, "reduce", until=day(20)).json()
    assert (answer["granted_quota"], answer["granted_until"]) == ("low", day(20))
    assert board.step(number, "reduce", offer="stack-dask/medium", until=day(10)).status_code == 400
    assert ada.next_token().quotas == {"stack-dask/low"}
    low = ada.request("stack-dask/low", until=50)
    assert board.step(low, "reduce", offer="stack-dask/medium").status_code == 400


def test_what_is_refused_withdrawn_or_revoked_is_in_no_token(ada, board):
    refused, withdrawn = ada.request(), ada.request("collection-publisher")
    assert board.step(refused, "refuse", "").status_code == 400  # without a reason
    assert board.step(refused, "refuse").json()["state"] == "refused"
    assert ada.step(withdrawn, "withdraw").json()["state"] == "withdrawn"
    revoked = ada.request()
    board.step(revoked, "grant")
    assert ada.next_token().roles == {"stack-dask"}
    assert board.step(revoked, "revoke", "It stood idle.").json()["state"] == "revoked"
    assert ada.next_token().roles == frozenset()
    assert "It stood idle." in ada.letters("It stood idle.")[-1]
    for number in (refused, withdrawn, revoked):
        assert board.step(number, "grant").status_code == 409


def test_a_grant_can_be_given_back(ada, board):
    number = ada.request()
    board.step(number, "grant")
    assert ada.step(number, "withdraw", "").json()["state"] == "withdrawn"
    assert ada.next_token().quotas == frozenset()


def test_a_grant_ends_after_its_last_day(portal, ada, board):
    number = ada.request(until=5)
    board.step(number, "grant")
    assert ada.next_token().quotas == {"stack-dask/medium"}
    housekeeping(portal)
    assert ada.letters("ends after")
    portal.make(requests={number: {"granted_until": day(-1)}})
    assert ada.next_token().quotas == frozenset()
    assert ada.get(f"/requests/{number}")["in_force"] is False


def test_nobody_decides_on_their_own_request(portal, board):
    second = Person(portal, "board", roles=["approval-board"])
    number = second.request("collection-publisher")
    for step in ("grant", "question", "refuse", "reduce"):
        assert second.step(number, step).status_code == 403
    # The database itself refuses it, whatever the code above it does.
    with sqlite3.connect(portal.settings.data_dir / "portal" / "portal.sqlite") as database:
        row = (number, "grant", second.name, "", "collection-publisher", "", None, "2026-01-01")
        with pytest.raises(sqlite3.IntegrityError, match="nobody decides on their own request"):
            database.execute(
                """INSERT INTO grants_decision (request_id, step, author, reason, role, quota, until, at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                row,
            )
    assert board.step(number, "grant").status_code == 200


def test_nobody_decides_for_an_entity_of_theirs(portal, ada, board):
    slug = ada.found_entity(board)
    member = Person(portal, "board", roles=["approval-board"])
    assert member.join(ada.invite(slug)["code"]).status_code == 200
    number = ada.request("collection-publisher", entity=slug)
    assert member.step(number, "grant").status_code == 403
    assert board.step(number, "grant").status_code == 200


def test_strangers_and_others_see_and_decide_nothing(portal, ada):
    number = ada.request()
    other = Person(portal, "other")
    assert other.ask("GET", f"/requests/{number}").status_code == 404
    for step in ("grant", "revoke", "answer", "withdraw"):
        assert other.step(number, step).status_code == 404
    assert other.ask("GET", "/requests?of=board").json() == {"requests": [], "number_matched": 0}
    assert other.ask("GET", "/audit").status_code == 403
    assert ada.step(number, "grant").status_code == 403
    for path in ("/me", "/requests", "/entities", "/audit", f"/requests/{number}"):
        answer = httpx.get(f"{portal.url}/api{path}", trust_env=False)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_provider_decides_on_their_own_service_only_and_allots_it(portal, ada, board):
    provider = Person(portal, "provider")
    slug = provider.found_entity(board)
    portal.make(providers={"stack-dask": slug})
    try:
        dask, catalogue = ada.request("stack-dask/low"), ada.request("collection-publisher")
        assert provider.letters(f"/account/requests/{dask}\n")
        waiting = provider.get("/requests?of=board&state=waiting")["requests"]
        assert dask in [one["number"] for one in waiting]
        assert {one["service"] for one in waiting} == {"stack-dask"}
        assert provider.step(dask, "grant").status_code == 200
        assert provider.step(catalogue, "grant").status_code == 404
        other = Person(portal, "other")
        told = {"purpose": PURPOSE, "until": day(9)}
        allotted = provider.ask("POST", "/allotments", offer="stack-dask/low", user=other.name, **told)
        assert allotted.status_code == 201
        assert other.next_token().quotas == {"stack-dask/low"}
        project = ada.found_entity(board)
        allotted = provider.ask("POST", "/allotments", offer="stack-dask/medium", entity=project, **told)
        assert allotted.status_code == 201
        assert ada.next_token().quotas == {"stack-dask/low", "stack-dask/medium"}
        for refused, status in (
            ({"offer": "collection-publisher", "user": other.name}, 403),
            ({"offer": "stack-dask/low", "user": provider.name}, 403),
            ({"offer": "stack-dask/low", "entity": slug}, 403),
            ({"offer": "stack-dask/low", "user": other.name, "entity": project}, 400),
            ({"offer": "stack-dask/low"}, 400),
        ):
            answer = provider.ask("POST", "/allotments", **refused, **told)
            assert answer.status_code == status, refused
        # A refused allotment leaves nothing behind.
        after = provider.get("/requests?of=board&state=waiting")["requests"]
        assert len(after) == len(waiting) - 1
    finally:
        portal.make(providers={})


def test_of_two_decisions_at_once_one_counts(portal, ada, board):
    for _ in range(5):
        number = ada.request("collection-publisher")
        with ThreadPoolExecutor(8) as pool:
            steps = ["grant", "refuse"] * 4
            answers = list(pool.map(lambda step, number=number: board.step(number, step), steps))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        state = board.get(f"/requests/{number}")["state"]
        assert state == next(answer.json()["state"] for answer in answers if answer.status_code == 200)
        if state == "granted":
            assert board.step(number, "revoke").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"offer": "stack-dask/huge"}, 404),
        ({"offer": "approval-board"}, 404),
        ({"offer": "administrator"}, 404),
        ({"purpose": "too short"}, 400),
        ({"purpose": "   " * 20}, 400),
        ({"until": "yesterday"}, 400),
        ({"until": "2020-01-01"}, 400),
        ({"until": "2199-01-01"}, 400),
        ({"entity": "nobodys"}, 404),
        ({"entity": "../../etc"}, 400),
        ({"state": "granted"}, 400),
        ({"granted_role": "administrator"}, 400),
    ],
)
def test_requests_that_cannot_be_are_refused(ada, wrong, status):
    told = {"offer": "stack-dask/low", "purpose": PURPOSE, "until": day(10)} | wrong
    answer = ada.ask("POST", "/requests", **told)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert ada.get("/requests")["number_matched"] == 0


def test_the_same_is_not_asked_for_twice(ada, board):
    number = ada.request(until=60)
    again = {"offer": "stack-dask/medium", "purpose": PURPOSE}
    assert ada.ask("POST", "/requests", **again, until=day(60)).status_code == 409
    board.step(number, "grant")
    assert ada.ask("POST", "/requests", **again, until=day(60)).status_code == 409
    assert ada.ask("POST", "/requests", **again, until=day(61)).status_code == 201


def test_an_overdue_request_is_recalled_once_and_an_unanswered_one_ends(portal, ada, board):
    overdue, asked = ada.request(), ada.request("collection-publisher")
    board.step(asked, "question")
    portal.make(requests={overdue: {"due": day(-1)}, asked: {"due": day(-1)}})
    housekeeping(portal)
    housekeeping(portal)
    assert len(board.letters("has been waiting for", 5)) == 1
    assert ada.get(f"/requests/{asked}")["state"] == "lapsed"
    assert ada.get(f"/requests/{overdue}")["state"] == "waiting"


def test_only_the_watch_asks_for_housekeeping(portal, board):
    path = f"{portal.url}/health/housekeeping"
    assert httpx.post(path, trust_env=False).status_code == 401
    headers = {"Authorization": f"Bearer {board.token}"}
    assert httpx.post(path, headers=headers, trust_env=False).status_code == 403
    assert httpx.get(path, trust_env=False).status_code == 405


def test_a_deactivated_user_asks_for_nothing(portal, ada):
    portal.make(changes={ada.name: {"is_active": False}})
    assert ada.ask("GET", "/me").status_code == 403


def test_the_api_takes_no_session_without_the_csrf_token(portal, ada):
    told = {"offer": "stack-dask/low", "purpose": PURPOSE, "until": day(10)}
    assert ada.browser.http.get("/api/me").json()["user"] == ada.name
    refused = ada.browser.http.post("/api/requests", json=told)
    assert refused.status_code == 403
    page = ada.browser.get("/account/requests/new?offer=stack-dask/low")
    made = ada.browser.submit(page, offer="stack-dask/low", purpose=PURPOSE, until=day(10))
    assert made.headers["location"].startswith("/account/requests/")


def test_a_request_says_what_is_wrong_on_its_page(ada):
    page = ada.browser.get("/account/requests/new?service=stack-dask")
    answer = ada.browser.submit(page, offer="stack-dask/low", purpose="No.", until=day(10))
    assert answer.status_code == 422
    assert "at least 20" in answer.text
    assert ada.browser.get("/account/requests/new?role=administrator").status_code == 404
    assert ada.browser.get("/board").status_code == 403
    assert ada.browser.get("/board/audit").status_code == 403


def test_the_openapi_document_names_every_path(portal):
    document = httpx.get(f"{portal.url}/api/openapi.json", trust_env=False).json()
    assert {"/api/requests/{number}/steps", "/api/entities/{slug}/members/{name}"} <= document["paths"].keys()


def test_requests_are_personal_data_and_end_with_the_account(portal, ada, board):
    granted, waiting = ada.request(), ada.request("collection-publisher")
    board.step(granted, "grant")
    data = json.loads(confirmed(ada.browser, "/account/data/download").text)
    assert [one["number"] for one in data["requests"]] == [granted, waiting]
    portal.make(deleted=[ada.name])
    for number in (granted, waiting):
        assert board.get(f"/requests/{number}")["state"] == "withdrawn"
    assert ada.ask("GET", "/me").status_code == 403
