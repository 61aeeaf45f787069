"""However much is due, and however much is done: a claim reads a row or two, by an index."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from integrations.base import Alias
from tests.factories import ConversationFactory, EventFactory
from tests.processing.test_backlog import FILL_EVENTS
from webhooks.models import Conversation, Effect
from webhooks.processing.candidates import (
    COUNT,
    IN_TURN,
    NOBODY_BESIDE,
    Turn,
    build_statement,
    lock_best,
)

pytestmark = pytest.mark.usefixtures("own_database")

DUE, DONE = 20_000, 50_000
EVENTS, CONVERSATIONS = 2_000, 1_000

FILL = """
INSERT INTO webhooks_effect (event_id, conversation_id, integration, idempotency_key, state, reason,
    attempts_made, attempts_limit, priority, due_at, external_id, external_url)
SELECT %(event)s + number %% %(events)s, (%(conversations)s::bigint[])[1 + number %% %(count)s],
    %(alias)s, 'key-' || number,
    CASE WHEN number <= %(due)s THEN 'pending' ELSE 'succeeded' END, '', 0, 16, 0,
    now() - make_interval(secs => 1 + number), '', ''
FROM generate_series(1, %(due)s + %(done)s) AS number
"""


@pytest.mark.parametrize("alias", ["usage", "crm"])
def test_both_ends_of_a_big_backlog_are_found_by_the_index(alias: Alias) -> None:
    """The longest due and the newest of 20,000 due effects, among 50,000 that are done."""
    fill_tables(alias, DUE, DONE)
    analyse_tables()
    check_plans(alias)
    with transaction.atomic():
        found = [lock_best(alias), lock_best(alias, Turn.NEWEST)]
    due = list(Effect.objects.filter(state="pending").order_by("due_at"))
    assert found == [due[0], due[-1]]


@pytest.mark.parametrize("alias", ["usage", "crm"])
@pytest.mark.parametrize("before", ["all due", "all done"])
def test_statistics_that_are_out_of_date_have_nobody_scan_the_table(
    alias: Alias, before: str
) -> None:
    """Postgres believes for a while that all is still due, or that nothing is yet."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE webhooks_effect SET (autovacuum_enabled = off)")
    is_due = before == "all due"
    fill_tables(alias, due=DUE * is_due, done=DUE * (not is_due))
    analyse_tables()
    if is_due:
        Effect.objects.exclude(idempotency_key="key-7").update(state="succeeded")
    else:
        Effect.objects.update(state="pending")
    check_plans(alias)


SCANS = {
    Turn.BEST: "Index Scan using effect_next",
    Turn.NEWEST: "Index Scan Backward using effect_next",
    Turn.RETRY: "Index Scan using effect_next",
}


def check_plans(alias: Alias) -> None:
    """Fail where a question about due effects is not answered along the index."""
    for turn, scan in SCANS.items():
        for plan in explain(build_statement(alias, turn), {"alias": alias}):
            assert scan in plan
            assert "Seq Scan on webhooks_effect" not in plan
            assert "Sort" not in plan
    condition = NOBODY_BESIDE if alias in IN_TURN else ""
    for most in (1, 8):
        statement = COUNT.format(condition=condition, most=most)
        for plan in explain(statement, {"alias": alias, "for_at_least": timedelta(seconds=2)}):
            assert "Scan using effect_next on webhooks_effect  (" in plan, plan
            assert "Seq Scan" not in plan
            assert "Sort" not in plan


def explain(statement: str, values: dict[str, Any]) -> list[str]:
    """Return the plans for these values, and for all values at once, as of a prepared statement."""
    plans = []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values)
        plans.append("\n".join(line for (line,) in cursor.fetchall()))
        places = {name: f"${number}" for number, name in enumerate(values, 1)}
        types = {"alias": "varchar", "for_at_least": "interval"}
        cursor.execute(
            f"PREPARE asked ({', '.join(types[name] for name in values)}) AS {statement % places}"
        )
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        literals = {"alias": "'usage'", "for_at_least": "interval '2 s'"}
        cursor.execute(f"EXPLAIN EXECUTE asked ({', '.join(literals[name] for name in values)})")
        plans.append("\n".join(line for (line,) in cursor.fetchall()))
        cursor.execute("RESET plan_cache_mode")
        cursor.execute("DEALLOCATE asked")
    assert "$1" in plans[1]
    return plans


def fill_tables(alias: Alias, due: int, done: int) -> None:
    """Have that many effects due and done, of some events and conversations."""
    first = EventFactory.create(status="processed")
    conversations = Conversation.objects.bulk_create(ConversationFactory.build_batch(CONVERSATIONS))
    values: dict[str, Any] = {
        "event": first.pk,
        "events": EVENTS,
        "conversations": [conversation.pk for conversation in conversations],
        "count": CONVERSATIONS,
        "alias": alias,
        "due": due,
        "done": done,
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL_EVENTS, [first.source_id, "processed", 1, EVENTS - 1])
        cursor.execute(FILL, values)


def analyse_tables() -> None:
    """Have Postgres know what is in the tables."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_effect, webhooks_conversation, webhooks_event")
