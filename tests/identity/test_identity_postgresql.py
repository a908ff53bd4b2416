"""Accounts in PostgreSQL, and two portal processes on it: what is for once is for once there, too."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from known_people import PASSWORD, fill
from live_portal import LivePortal
from persons import PURPOSE, Person, day, offer_dask

from geoscope.access import verify_token
from postgresql_server import running_server

ROUNDS = 10


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    with running_server() as server:
        url = server.new_database()
        folder = tmp_path_factory.mktemp("scaled")
        portal = LivePortal(folder, workers=2, GEOSCOPE_PORTAL__DATABASE_URL=url)
        portal.database_url = url
        fill(portal)
        yield portal
        portal.stop()


@pytest.fixture
def ada(scaled):
    visitor = scaled.visitor()
    assert visitor.sign_in("ada", PASSWORD).headers["location"] == "/"
    return visitor


def statuses(work, count=8):
    with ThreadPoolExecutor(count) as pool:
        return [answer.status_code for answer in pool.map(lambda _: work(), range(count))]


def test_nothing_lies_in_a_file(scaled):
    assert not (scaled.settings.data_dir / "portal" / "portal.sqlite").exists()


def test_codes_survive_the_way_between_two_processes(scaled, ada):
    for _ in range(2 * ROUNDS):
        given = ada.tokens(ada.code())
        assert given.status_code == 200
    assert verify_token(scaled.settings, given.json()["access_token"]).subject == "ada"


def test_sent_many_times_at_once_a_code_is_worth_something_once(ada):
    for _ in range(ROUNDS):
        code = ada.code()
        answers = statuses(lambda code=code: ada.tokens(code))
        assert sorted(answers) == [200] + [400] * 7


def test_sent_many_times_at_once_a_refresh_token_is_worth_something_once(ada):
    for _ in range(ROUNDS):
        token = ada.tokens(ada.code()).json()["refresh_token"]
        answers = statuses(lambda token=token: ada.refresh(token))
        assert sorted(answers) == [200] + [400] * 7


def test_sent_many_times_at_once_a_device_code_is_worth_something_once(ada):
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    asked = {"client_id": "geoscope-cli", "scope": "openid platform"}
    for _ in range(2):
        device = ada.http.post("/identity/o/api/device/code", data=asked).json()
        page = ada.get("/identity/o/device", params={"code": device["user_code"]})
        forms = page.text.split("<form")[1:]
        number = next(number for number, form in enumerate(forms) if 'value="confirm"' in form)
        ada.submit(page, number=number, action="confirm")
        poll = {"grant_type": grant, "client_id": "geoscope-cli", "device_code": device["device_code"]}
        answers = statuses(lambda poll=poll: ada.http.post("/identity/o/api/token", data=poll))
        assert answers.count(200) <= 1


def test_a_limit_counts_in_both_processes(scaled):
    visitor = scaled.visitor()
    texts = [visitor.sign_in("bob", f"guess {number}").text for number in range(7)]
    assert "Too many failed login attempts" in texts[-1]


@pytest.fixture(scope="module")
def board(scaled):
    offer_dask(scaled)
    return Person(scaled, "board", roles=["approval-board"])


def test_of_many_decisions_at_once_one_counts(scaled, board):
    person = Person(scaled)
    for _ in range(ROUNDS):
        number = person.request()
        assert sorted(statuses(lambda number=number: board.step(number, "refuse"))) == [200] + [409] * 7


def test_of_many_requests_at_once_for_the_same_one_is_taken(scaled):
    person = Person(scaled)
    told = {"offer": "stack-dask/low", "purpose": PURPOSE, "until": day(9)}
    assert sorted(statuses(lambda: person.ask("POST", "/requests", **told))) == [201] + [409] * 7


def test_the_last_place_of_an_invitation_is_given_once(scaled, board):
    owner = Person(scaled)
    slug = owner.found_entity(board)
    people = [Person(scaled) for _ in range(4)]
    code = owner.invite(slug)["code"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda person: person.join(code).status_code, people))
    assert sorted(answers) == [200] + [404] * 3


def test_postgresql_too_keeps_what_was_decided(scaled, board):
    own = board.request("collection-publisher")
    assert board.step(own, "grant").status_code == 403
    with psycopg.connect(scaled.database_url, autocommit=True) as database:
        for statement in ("UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            for table in ("audit_auditentry", "grants_decision"):
                with pytest.raises(psycopg.errors.CheckViolation, match="only added to"):
                    database.execute(statement.format(table))
        with pytest.raises(psycopg.errors.CheckViolation, match="nobody decides on their own request"):
            database.execute(
                """INSERT INTO grants_decision (request_id, step, author, reason, role, quota, at)
                VALUES (%s, 'grant', %s, '', 'collection-publisher', '', now())""",
                (own, board.name),
            )


def test_the_log_is_one_chain_whoever_writes(scaled, board):
    people = [Person(scaled) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda person: [person.request(f"stack-dask/{size}") for size in ("low", "medium")], people
            )
        )
    assert board.get("/audit")["is_whole"] is True
