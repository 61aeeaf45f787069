"""The sweep finds whatever was dropped, hands it over until none is left, and loses nothing."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from pytest_django import Settings

from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.operations.brokers import broker_in, no_broker
from tests.processing.servers import count_hints
from webhooks.models import Effect, Event
from webhooks.processing import sweep as sweeping
from webhooks.processing.effects import claim_effect
from webhooks.processing.sweep import LONGEST_RESEND, RESEND_AFTER, Swept, sweep

pytestmark = pytest.mark.usefixtures("own_database")

MINUTE = timedelta(minutes=1)
PENDING_EVENTS = Event.objects.filter(status="pending")
OPEN_EFFECTS = Effect.objects.filter(state__in=["pending", "running"])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Keep what would be published, where a test is not about the broker."""
    kept: dict[str, list[int]] = {"events": [], "effects": []}
    monkeypatch.setattr(sweeping, "send_events", kept["events"].extend)
    monkeypatch.setattr(
        sweeping, "send_effects", lambda batch: kept["effects"].extend(pk for _, pk in batch)
    )
    return kept


def make_effect(**columns: Any) -> Effect:
    """Return an effect of an event that is not itself the sweep's business."""
    return EffectFactory.create(event__status="processed", **columns)


def test_what_was_never_published_is_found(sent: dict[str, list[int]]) -> None:
    """An event and an effect that no hint was ever sent for are handed over."""
    event, effect = EventFactory.create(), make_effect()
    assert sweep() == Swept(events=1, effects=1)
    assert sent == {"events": [event.pk], "effects": [effect.pk]}


def test_lease_that_ended_is_found(sent: dict[str, list[int]]) -> None:
    """An effect that died with its worker is handed over after its lease, and not before."""
    effect = make_effect()
    assert claim_effect(effect.pk)
    assert sweep() == Swept(0, 0)
    Effect.objects.update(due_at=Now() - MINUTE, sweep_at=Now() - MINUTE)
    assert sweep() == Swept(0, 1)
    assert sent["effects"] == [effect.pk]


def test_what_is_done_or_not_due_is_left_alone(sent: dict[str, list[int]]) -> None:
    """Neither an end state nor a back-off is the sweep's business."""
    for status in ("processed", "ignored", "failed"):
        EventFactory.create(status=status)
    for state in ("succeeded", "failed", "dead", "skipped"):
        make_effect(state=state)
    EventFactory.create(sweep_at=Now() + MINUTE)
    make_effect(sweep_at=Now() + MINUTE, due_at=Now() + MINUTE)
    assert sweep() == Swept(0, 0)
    assert sent == {"events": [], "effects": []}


def test_everything_is_handed_over_however_much_it_is(
    sent: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cap leaves a rest for ever behind: batch follows batch until none is left."""
    monkeypatch.setattr(sweeping, "BATCH", 10)
    source = EventFactory.create().source
    EventFactory.create_batch(34, source=source)
    conversation, event = ConversationFactory.create(), EventFactory.create(status="processed")
    EffectFactory.create_batch(25, conversation=conversation, event=event)
    batches: list[int] = []
    assert sweep(batches.append) == Swept(35, 25)
    assert batches == [10, 10, 10, 5, 10, 10, 5]
    assert sorted(sent["events"]) == sorted(PENDING_EVENTS.values_list("pk", flat=True))
    assert sorted(sent["effects"]) == sorted(OPEN_EFFECTS.values_list("pk", flat=True))


def test_longest_due_come_first(
    sent: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has waited longest is handed over first."""
    monkeypatch.setattr(sweeping, "BATCH", 1)
    late = EventFactory.create(sweep_at=Now() - MINUTE)
    later = EventFactory.create(sweep_at=Now() - 3 * MINUTE)
    latest = EventFactory.create(sweep_at=Now() - 2 * MINUTE)
    sweep()
    assert sent["events"] == [later.pk, latest.pk, late.pk]


def test_rows_that_another_sweep_holds_are_passed_over(sent: dict[str, list[int]]) -> None:
    """A sweep does not wait for the locks of another, and does not take its rows."""
    held, free = EventFactory.create(), EventFactory.create()
    with psycopg.connect(conninfo_of_test()) as other:
        other.execute("SELECT 1 FROM webhooks_event WHERE id = %s FOR UPDATE", [held.pk])
        assert sweep() == Swept(1, 0)
    assert sent["events"] == [free.pk]
    assert sweep() == Swept(1, 0)


def conninfo_of_test() -> str:
    """Return the address of the database that Django uses in this test."""
    settings = connection.settings_dict
    parts = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    return psycopg.conninfo.make_conninfo(
        dbname=settings["NAME"], **{name: value for name, value in parts.items() if value}
    )


@pytest.mark.parametrize(
    ("due_for", "wait"),
    [
        (timedelta(0), RESEND_AFTER),
        (timedelta(seconds=30), RESEND_AFTER),
        (timedelta(minutes=4), timedelta(minutes=4)),
        (timedelta(days=3), LONGEST_RESEND),
        (-timedelta(minutes=4), RESEND_AFTER),
    ],
)
@pytest.mark.usefixtures("sent")
def test_long_queue_is_not_made_longer_each_minute(due_for: timedelta, wait: timedelta) -> None:
    """The longer a row has been due, the longer its next hint waits, up to ten minutes."""
    EventFactory.create(due_at=Now() - due_for)
    make_effect(due_at=Now() - due_for)
    sweep()
    second = timedelta(seconds=5)
    for rows in (PENDING_EVENTS, OPEN_EFFECTS):
        assert rows.filter(
            sweep_at__gte=Now() + wait - second, sweep_at__lte=Now() + wait + second
        ).exists()


def test_broker_that_is_away_fails_the_sweep_and_delays_nothing() -> None:
    """The rows are due again at once: the first sweep after the outage hands them over."""
    EventFactory.create_batch(3)
    make_effect()
    Event.objects.update(sweep_at=Now() - MINUTE)
    for _ in range(2):
        with no_broker(), pytest.raises(Exception, match="refused"):
            sweep()
        assert PENDING_EVENTS.filter(sweep_at__lte=Now()).count() == 3
    Event.objects.update(status="processed")
    with no_broker(), pytest.raises(Exception, match="refused"):
        sweep()
    assert OPEN_EFFECTS.filter(sweep_at__lte=Now()).count() == 1


def test_sweep_after_an_outage_hands_everything_over(own_database: str) -> None:
    """What could not be published is in its queue after the next sweep."""
    EventFactory.create_batch(3)
    make_effect()
    with no_broker(), pytest.raises(Exception, match="refused"):
        sweep()
    with broker_in(own_database):
        assert sweep() == Swept(3, 1)
        assert count_hints(own_database, "events") == 1
        assert count_hints(own_database, "crm") == 1
        assert sweep() == Swept(0, 0)


def test_sweep_is_killed_between_taking_and_sending() -> None:
    """Rows that a sweep took with it come up again within the shortest wait."""
    EventFactory.create()
    taken = sweeping.take_due(PENDING_EVENTS, ("pk",))
    assert len(taken) == 1
    assert PENDING_EVENTS.filter(sweep_at__lte=Now() + RESEND_AFTER).exists()


@pytest.mark.parametrize(
    ("rows", "index"), [(PENDING_EVENTS, "event_sweep"), (OPEN_EFFECTS, "effect_sweep")]
)
def test_sweep_asks_an_index_that_holds_the_backlog_alone(rows: Any, index: str) -> None:
    """Among thousands of rows that are done, the due ones are found without a scan."""
    fill_tables()
    due = rows.filter(sweep_at__lte=Now()).order_by("sweep_at").values_list("pk")[:500]
    with transaction.atomic():
        plan = due.select_for_update(skip_locked=True).explain()
    assert index in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("rows", [PENDING_EVENTS, OPEN_EFFECTS], ids=["events", "effects"])
def test_statement_that_was_prepared_on_an_empty_table_does_not_scan_a_full_one(
    rows: Any,
) -> None:
    """A worker that has swept for long has its statement planned anew when there is a backlog."""
    for _ in range(12):
        assert sweeping.take_due(rows, ("pk",)) == []
    fill_tables()
    with transaction.atomic(), connection.cursor() as cursor:
        assert len(sweeping.take_due(rows, ("pk",))) == 3
        cursor.execute(
            "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = %s",
            [rows.model._meta.db_table],  # noqa: SLF001 -- Django's documented API
        )
        scans, index_scans = cursor.fetchone()
    assert scans == 0
    assert index_scans > 0


def fill_tables() -> None:
    """Put thousands of finished rows into the tables, and a few that are due."""
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    EventFactory.create_batch(3, source=event.source)
    EffectFactory.create_batch(3, event=event, conversation=conversation)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_event (event_id, event_type, source_id, conversation_uuid,"
            " agent_uuid, organization_uuid, organization_name, created, body_sha256, body_bytes,"
            " status) SELECT gen_random_uuid(), 'x', %s, '', '', '', '', now(), '', 0, 'processed'"
            " FROM generate_series(1, 5000)",
            [event.source_id],
        )
    Effect.objects.bulk_create(
        Effect(
            event=event,
            conversation=conversation,
            integration="crm",
            idempotency_key=f"done-{number}",
            state="succeeded",
        )
        for number in range(5000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")


def test_beat_has_one_errand_with_a_queue_of_its_own(settings: Settings) -> None:
    """A backlog of events does not keep the sweep from its turn."""
    (errand,) = settings.CELERY_BEAT_SCHEDULE.values()
    assert errand["task"] == "webhooks.processing.tasks.sweep"
    assert errand["options"]["queue"] == "sweep"
    assert errand["options"]["expires"] == settings.WEBHOOKS_SWEEP_INTERVAL.total_seconds()
