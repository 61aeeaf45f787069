"""What asks for the backlog reads the backlog, and not the millions of rows that are done."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.base import Alias
from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.processing.integration import bind_memory
from webhooks.processing.batches import (
    BATCH,
    CLAIM_FRESH,
    CLAIM_TRIED,
    COUNT_DUE,
    MOST_BYTES,
    Batch,
    claim_fresh,
    claim_tried,
    count_due,
)
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.sweep import count_overdue

pytestmark = pytest.mark.usefixtures("own_database")

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


VALUES: dict[str, Any] = {
    "half": BATCH // 2,
    "bytes": MOST_BYTES // 2,
    "for": MINUTE,
    "lease": uuid.uuid4(),
    "limit": 16,
    "lost_worker": "",
    "for_at_least": MINUTE,
    "most": 400,
}


SCANS = (
    (CLAIM_FRESH, "Scan using event_due"),
    (CLAIM_FRESH, "Scan Backward using event_due"),
    (CLAIM_TRIED, "Scan using event_tried"),
    (COUNT_DUE, "Scan using event_due"),
)


@pytest.mark.parametrize("backlog", [3, 10_000])
def test_events_are_found_by_indexes_that_hold_the_backlog_alone(backlog: int) -> None:
    """Among 20,000 that are processed, however many are due, no question scans the table."""
    fill_tables(backlog)
    for statement, scan in SCANS:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", VALUES)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert scan in plan
        assert "Seq Scan" not in plan
        assert "Bitmap" not in plan


ASK: list[Any] = [
    pytest.param("webhooks_event", lambda: count_due(3), id="sweep of events"),
    pytest.param("webhooks_event", lambda: len(take_batch()), id="claim of events"),
    pytest.param("webhooks_event", lambda: len(take_tried()), id="claim of tried events"),
    pytest.param("webhooks_effect", lambda: count_overdue("usage"), id="sweep of effects"),
    pytest.param("webhooks_effect", lambda: len(take_all("usage")), id="claim"),
    pytest.param("webhooks_effect", lambda: len(take_all("crm")), id="claim in turn"),
]


def take_batch() -> tuple[int, ...]:
    """Claim a batch of events."""
    batch = claim_fresh()
    return batch.keys if batch else ()


def take_tried() -> list[Batch]:
    """Claim all events that were tried before."""
    return list(iter(claim_tried, None))


def take_all(alias: Alias) -> list[Claim]:
    """Claim until nothing is left."""
    taken: list[Claim] = []
    while isinstance(claim := claim_best(alias), Claim):
        taken.append(claim)
    return taken


@pytest.mark.parametrize(("table", "ask"), ASK)
def test_statement_that_was_prepared_on_an_empty_table_does_not_scan_a_full_one(
    table: str, ask: Callable[[], int]
) -> None:
    """A process that has asked for long has its statement planned anew when there is a backlog."""
    for _ in range(12):
        assert ask() == 0
    fill_tables()
    with transaction.atomic():
        before = count_scans(table)
        assert ask() == 3
        after = count_scans(table)
    assert after[0] == before[0]
    assert after[1] > before[1]


def count_scans(table: str) -> tuple[int, int]:
    """Return how often this connection has scanned the table, and one of its indexes, of late."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = %s", [table]
        )
        scans, index_scans = cursor.fetchone()
    return scans, index_scans


FILL_EVENTS = """
INSERT INTO webhooks_event (
    event_id, event_type, source_id, conversation_uuid, agent_uuid, organization_uuid,
    organization_name, created, body_sha256, body_bytes, status, attempts, due_at
)
SELECT
    gen_random_uuid(), 'x', %s, '', '', '', '', now(), '', 0, %s, %s,
    now() - interval '1 hour' + number * interval '1 ms'
FROM generate_series(1, %s) AS number
"""
FILL_EFFECTS = """
INSERT INTO webhooks_effect (
    event_id, conversation_id, integration, idempotency_key, state, reason, attempts_made,
    attempts_limit, priority, external_id, external_url
)
SELECT %s, %s, 'crm', 'done-' || number, 'succeeded', '', 1, 16, 0, '', ''
FROM generate_series(1, 5000) AS number
"""


def fill_tables(backlog: int = 3) -> None:
    """Put thousands of finished rows into the tables, and three of each kind that are due.

    Of events that were never tried, `backlog`.
    """
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    for alias in ("crm", "usage"):
        EffectFactory.create_batch(3, event=event, integration=alias, due_at=Now() - MINUTE)
    with connection.cursor() as cursor:
        rows = (("processed", 1, 20_000), ("pending", 0, backlog), ("pending", 1, 3))
        for status, attempts, count in rows:
            cursor.execute(FILL_EVENTS, [event.source_id, status, attempts, count])
        cursor.execute(FILL_EFFECTS, [event.pk, conversation.pk])
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")
