"""What asks for the backlog reads the backlog, and not the millions of rows that are done."""

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
from webhooks.models import Effect, Event
from webhooks.processing import sweep as sweeping
from webhooks.processing.claims import Claim, claim_best, find_due
from webhooks.processing.sweep import count_overdue

pytestmark = pytest.mark.usefixtures("own_database")

MINUTE = timedelta(minutes=1)
PENDING_EVENTS = Event.objects.filter(status="pending")


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


def test_backlog_is_found_by_indexes_that_hold_nothing_else() -> None:
    """Among thousands of rows that are done, the due ones are found without a scan."""
    fill_tables()
    due = PENDING_EVENTS.filter(sweep_at__lte=Now()).order_by("sweep_at").values_list("pk")[:500]
    best = find_due("usage").order_by("priority", "due_at", "pk").values_list("pk")[:1]
    for rows, index in ((due, "event_sweep"), (best, "effect_next")):
        with transaction.atomic():
            plan = rows.select_for_update(skip_locked=True).explain()
        assert index in plan
        assert "Seq Scan" not in plan
        assert "Sort" not in plan


ASK: list[Any] = [
    pytest.param("webhooks_event", lambda: len(sweeping.take_due()), id="sweep of events"),
    pytest.param("webhooks_effect", lambda: count_overdue("usage"), id="sweep of effects"),
    pytest.param("webhooks_effect", lambda: len(take_all("usage")), id="claim"),
    pytest.param("webhooks_effect", lambda: len(take_all("crm")), id="claim in turn"),
]


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
    with transaction.atomic(), connection.cursor() as cursor:
        assert ask() == 3
        cursor.execute(
            "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = %s", [table]
        )
        scans, index_scans = cursor.fetchone()
    assert scans == 0
    assert index_scans > 0


def fill_tables() -> None:
    """Put thousands of finished rows into the tables, and three of each kind that are due."""
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    EventFactory.create_batch(3, source=event.source)
    for alias in ("crm", "usage"):
        EffectFactory.create_batch(3, event=event, integration=alias, due_at=Now() - MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_event (event_id, event_type, source_id, conversation_uuid,"
            " agent_uuid, organization_uuid, organization_name, created, body_sha256, body_bytes,"
            " status) SELECT gen_random_uuid(), 'x', %s, '', '', '', '', now(), '', 0, 'processed'"
            " FROM generate_series(1, 5000)",
            [event.source_id],
        )
    done = [
        Effect(
            event=event,
            conversation=conversation,
            integration="crm",
            idempotency_key=f"done-{number}",
            state="succeeded",
        )
        for number in range(5000)
    ]
    Effect.objects.bulk_create(done, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")
