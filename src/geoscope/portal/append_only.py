"""Triggers that keep what was decided: rows that nobody changes, and no decision on one's own request.

Made after every migration, as SQLite forgets a table's triggers when a migration makes the table anew.
"""

from typing import Any

from django.apps import AppConfig
from django.db import connection

KEPT_TABLES = ("audit_auditentry", "grants_decision")

_OWN_REQUEST = """NEW.step IN ('question', 'grant', 'reduce', 'refuse', 'revoke') AND EXISTS (
    SELECT 1 FROM grants_request r WHERE r.id = NEW.request_id AND (
        r.applicant = NEW.author OR r.holder = NEW.author OR EXISTS (
            SELECT 1 FROM entities_membership m JOIN accounts_user u ON u.id = m.user_id
            WHERE m.entity_id = r.holder_entity_id AND u.username = NEW.author)))"""
_OWN_REQUEST_REFUSED = "nobody decides on their own request"

_SQLITE_KEPT = """CREATE TRIGGER IF NOT EXISTS {table}_no_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"""
_SQLITE_OWN = f"""CREATE TRIGGER IF NOT EXISTS grants_decision_own_request BEFORE INSERT ON grants_decision
WHEN {_OWN_REQUEST} BEGIN SELECT RAISE(ABORT, '{_OWN_REQUEST_REFUSED}'); END"""

_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION geoscope_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$;
CREATE OR REPLACE FUNCTION geoscope_refuse_own_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF {_OWN_REQUEST} THEN
    RAISE EXCEPTION '{_OWN_REQUEST_REFUSED}' USING ERRCODE = 'check_violation';
END IF; RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER grants_decision_own_request BEFORE INSERT ON grants_decision
    FOR EACH ROW EXECUTE FUNCTION geoscope_refuse_own_request();"""
_POSTGRESQL_KEPT = """CREATE OR REPLACE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION geoscope_refuse_change();
CREATE OR REPLACE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION geoscope_refuse_change();"""


def make_triggers(sender: AppConfig, **_: Any) -> None:  # noqa: ANN401 (a signal's)
    """Make the triggers that are not there yet; called when the migrations of an app are done."""
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if sender.label != "grants" or not present.issuperset(KEPT_TABLES):
            return
        if connection.vendor == "sqlite":
            events = [(table, event) for table in KEPT_TABLES for event in ("UPDATE", "DELETE")]
            statements = [_SQLITE_KEPT.format(table=table, event=event) for table, event in events]
            for statement in (*statements, _SQLITE_OWN):
                cursor.execute(statement)
        else:
            kept = (_POSTGRESQL_KEPT.format(table=table) for table in KEPT_TABLES)
            cursor.execute("".join((_POSTGRESQL, *kept)))
