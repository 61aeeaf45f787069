"""Tables that are long and in use are migrated without being locked for long."""

import threading

import psycopg
from django.core.management import call_command
from django.db import connection

from tests.databases import conninfo
from tests.factories import EventFactory

INDEXES = """
SELECT indexrelid::regclass::text, indisvalid FROM pg_index
WHERE indrelid IN ('webhooks_event'::regclass, 'webhooks_effect'::regclass)
"""


def ask(statement: str) -> dict[str, object]:
    """Return the statement's rows of two columns."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return dict(cursor.fetchall())


def migrate_to(name: str) -> None:
    """Have the database be as it was after the migration."""
    call_command("migrate", "webhooks", name, interactive=False, verbosity=0)


def test_way_back_and_forth_leads_to_the_same_indexes(own_database: str) -> None:  # noqa: ARG001
    """All of them are valid, with rows in the table, and the earlier version's are another set."""
    now = ask(INDEXES)
    EventFactory.create()
    migrate_to("0005")
    assert "event_sweep" in ask(INDEXES)
    call_command("migrate", "webhooks", interactive=False, verbosity=0)
    assert ask(INDEXES) == now
    assert set(now.values()) == {True}


def test_session_that_has_migrated_keeps_its_limits(own_database: str) -> None:  # noqa: ARG001
    """They were lifted for the indexes' sake alone."""
    limits = "SELECT name, setting FROM pg_settings WHERE name LIKE '%\\_timeout'"
    before = ask(limits)
    for name in ("0006", "0007"):
        migrate_to(name)
        assert ask(limits) == before
        assert (
            connection.connection.reply_timeout
            == connection.settings_dict["OPTIONS"]["reply_timeout"]
        )


def test_index_waits_for_who_writes_however_long_that_takes(own_database: str) -> None:
    """What the session's limits would have ended goes on, and deliveries go on meanwhile."""
    migrate_to("0008")
    key = EventFactory.create().pk
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '0.2 s'; SET statement_timeout = '0.5 s'")
    connection.connection.reply_timeout = 0.7
    with psycopg.connect(conninfo(own_database)) as other:
        other.execute("UPDATE webhooks_event SET error = 'x' WHERE id = %s", [key])
        ending = threading.Timer(1.5, other.commit)
        ending.start()
        migrate_to("0009")
        ending.join()
    assert set(ask(INDEXES).values()) == {True}
