"""However much is due, and however much is done: a claim reads a row or two, by an index."""

from typing import Any

import pytest
from django.db import connection, transaction

from integrations.base import Alias
from tests.factories import ConversationFactory, EventFactory
from webhooks.models import Effect
from webhooks.processing.candidates import LIVE, LONGEST_DUE, NEWEST, build_statement, lock_best

pytestmark = pytest.mark.usefixtures("own_database")

DUE, DONE = 20_000, 50_000
CONVERSATIONS = 200

FILL = """
INSERT INTO webhooks_effect (event_id, conversation_id, integration, idempotency_key, state, reason,
    attempts_made, attempts_limit, priority, due_at, external_id, external_url)
SELECT %(event)s, (%(conversations)s::bigint[])[1 + number %% %(count)s], %(alias)s,
    'key-' || number,
    CASE WHEN number <= %(due)s THEN 'pending' ELSE 'succeeded' END, '', 0, 16, 0,
    now() - make_interval(secs => 1 + number), '', ''
FROM generate_series(1, %(due)s + %(done)s) AS number
"""


@pytest.mark.parametrize("alias", ["usage", "crm"])
def test_both_ends_of_a_big_backlog_are_found_by_the_index(alias: Alias) -> None:
    """The longest due and the newest of 20,000 due effects, among 50,000 that are done."""
    fill_tables(alias)
    for condition, order, scan in (
        ("", LONGEST_DUE, "Index Scan using effect_next"),
        (LIVE, NEWEST, "Index Scan Backward using effect_next"),
    ):
        with connection.cursor() as cursor:
            statement = build_statement(alias, condition, order)
            cursor.execute(f"EXPLAIN {statement}", {"alias": alias})
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert scan in plan
        assert "Seq Scan on webhooks_effect" not in plan
        assert "Sort" not in plan
    with transaction.atomic():
        found = [lock_best(alias), lock_best(alias, newest=True)]
    due = list(Effect.objects.filter(state="pending").order_by("due_at"))
    assert found == [due[0], due[-1]]


def fill_tables(alias: Alias) -> None:
    """Have that many effects due and done, of one event and some conversations."""
    conversations = ConversationFactory.create_batch(CONVERSATIONS)
    values: dict[str, Any] = {
        "event": EventFactory.create(status="processed").pk,
        "conversations": [conversation.pk for conversation in conversations],
        "count": CONVERSATIONS,
        "alias": alias,
        "due": DUE,
        "done": DONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL, values)
        cursor.execute("ANALYZE webhooks_effect, webhooks_conversation, webhooks_event")
