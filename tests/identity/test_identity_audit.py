"""The audit log: everything stands in it, and nobody edits it."""

import csv
import io
import sqlite3

import pytest
from persons import Person


@pytest.fixture(scope="module")
def board(portal):
    return Person(portal, "board", roles=["approval-board"])


@pytest.fixture
def database(portal):
    connection = sqlite3.connect(portal.settings.data_dir / "portal" / "portal.sqlite", isolation_level=None)
    yield connection
    connection.close()


def entries(board):
    found, page = [], [None]
    while page:
        page = board.get(f"/audit?limit=200&after={found[-1]['id'] if found else 0}")["entries"]
        found += page
    return found


def test_what_was_decided_stands_in_the_log(portal, board):
    ada = Person(portal, "ada")
    slug = ada.found_entity(board)
    invitation = ada.invite(slug, email="zoe@example.org")
    number = ada.request("collection-publisher", entity=slug)
    board.step(number, "question", "Why?")
    ada.step(number, "answer", "For the ice.")
    board.step(number, "grant", "")
    board.step(number, "revoke", "It was idle.")
    portal.make(roles={ada.name: ["catalogue-editor"]})
    portal.make(deleted=[ada.name])
    told = [
        (one["actor"], one["action"], one["subject"])
        for one in entries(board)
        if ada.name in (one["actor"], one["subject"].removeprefix("user:"))
        or one["subject"] in (f"entity:{slug}", f"request:{number}")
    ]
    course = [
        (ada.name, "request.made", f"request:{number}"),
        (board.name, "request.question", f"request:{number}"),
        (ada.name, "request.answer", f"request:{number}"),
        (board.name, "request.grant", f"request:{number}"),
        (board.name, "request.revoke", f"request:{number}"),
    ]
    assert [one for one in told if one[2] == f"request:{number}"] == course
    assert (board.name, "entity.founded", f"entity:{slug}") in told
    assert (ada.name, "invitation.made", f"entity:{slug}") in told
    assert (ada.name, "entity.closed", f"entity:{slug}") in told
    assert ("service:portal", "roles.given", f"user:{ada.name}") in told
    assert told[-1] == (ada.name, "account.deleted", f"user:{ada.name}")
    assert invitation["code"] is None


def test_the_operators_changes_stand_in_the_log(portal, board):
    root = Person(portal, "root", is_staff=True, is_superuser=True)
    group = root.browser.get("/admin/auth/group/add/")
    done = root.browser.submit(group, name=f"readers-of-{root.name}")
    assert done.status_code == 302, done.text
    last = entries(board)[-1]
    assert (last["actor"], last["action"]) == (root.name, "admin.group")
    for table in ("grants/request", "audit/auditentry", "entities/entity", "letters/letter"):
        assert root.browser.get(f"/admin/{table}/").status_code == 200
        adding = root.browser.get(f"/admin/{table}/add/").status_code
        assert adding == (200 if table == "entities/entity" else 403)
    first = entries(board)[0]["id"]
    assert root.browser.get(f"/admin/audit/auditentry/{first}/delete/").status_code == 403
    assert 'name="actor"' not in root.browser.get(f"/admin/audit/auditentry/{first}/change/").text


def test_the_database_refuses_to_change_the_log(portal, board, database):
    Person(portal, "ada").found_entity(board)
    for table in ("audit_auditentry", "grants_decision"):
        for statement in ("UPDATE {} SET at = at", "DELETE FROM {}"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                database.execute(statement.format(table))


def test_a_log_that_was_changed_all_the_same_says_so(portal, board, database):
    page = board.browser.get("/board/audit")
    assert "The log is whole" in page.text
    triggers = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_auditentry'"
    ).fetchall()
    assert len(triggers) == 2
    number, actor = database.execute("SELECT id, actor FROM audit_auditentry LIMIT 1 OFFSET 2").fetchone()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    try:
        database.execute("UPDATE audit_auditentry SET actor = 'mallory' WHERE id = ?", (number,))
        assert board.get("/audit")["is_whole"] is False
        assert f"Entry {number} was changed" in board.browser.get("/board/audit").text
        database.execute("UPDATE audit_auditentry SET actor = ? WHERE id = ?", (actor, number))
        assert board.get("/audit")["is_whole"] is True
        row = database.execute("SELECT * FROM audit_auditentry WHERE id = ?", (number,)).fetchone()
        database.execute("DELETE FROM audit_auditentry WHERE id = ?", (number,))
        assert board.get("/audit")["is_whole"] is False
        database.execute("INSERT INTO audit_auditentry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    finally:
        for _, statement in triggers:
            database.execute(statement)
    assert board.get("/audit")["is_whole"] is True


def test_the_whole_log_as_csv(board):
    answer = board.browser.get("/board/audit?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    told = entries(board)
    assert [row["digest"] for row in rows] == [one["digest"] for one in told]
    assert rows[0]["previous"] == "0" * 64


def test_the_log_is_for_the_board(portal):
    assert Person(portal).browser.get("/board/audit").status_code == 403


def test_triggers_that_are_gone_come_back_at_the_next_migration(portal, database):
    database.execute("DROP TRIGGER audit_auditentry_no_DELETE")
    portal.python("-m", "django", "migrate", "--settings", "geoscope.portal.settings", "-v", "0")
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        database.execute("DELETE FROM audit_auditentry")
