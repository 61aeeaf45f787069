"""Events of a paused source are held, and each is processed once when the pause is over."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries, Settings

from tests.factories import EventFactory, SourceFactory
from tests.ingest.door import Door
from tests.operations.brokers import broker_in
from tests.processing.integration import bind_memory
from tests.processing.servers import count_hints
from tests.signing import build_event
from tests.together import run_together
from tests.workers import claim_events, process_event, process_together, run_due
from webhooks.audit import Actor
from webhooks.ingest.sources import subscriptions
from webhooks.models import AuditEntry, Conversation, Effect, Event, Source
from webhooks.operations.sources import pause_source, resume_source
from webhooks.processing import holding
from webhooks.processing.batches import claim_fresh
from webhooks.processing.event_work import work_off_events
from webhooks.processing.events import process_batch
from webhooks.processing.holding import release_held
from webhooks.processing.sweep import sweep

pytestmark = pytest.mark.usefixtures("own_database")

ADA = Actor(door=AuditEntry.Door.COMMAND, name="Ada")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


@pytest.fixture
def source() -> Source:
    """Return a source that is paused."""
    source = SourceFactory.create()
    assert pause_source(source, ADA, "Its mapping is being mended.")
    return source


def make_ended(source: Source, **columns: Any) -> Event:
    """Return a due event that owes effects, which came a minute ago."""
    data = {"status": "failed", "duration_seconds": 60}
    received = {"received_at": Now() - MINUTE, "due_at": Now() - MINUTE}
    return EventFactory.create(source=source, data=data, **received | columns)


def read(event: Event) -> tuple[str, int, object, str]:
    """Return status, attempts, lease and error of the event's row."""
    event.refresh_from_db()
    return event.status, event.attempts, event.lease, event.error


HELD = ("held", 0, None, "")
PENDING = ("pending", 0, None, "")


def test_pause_takes_events_and_holds_them_until_it_is_over(own_database: str) -> None:
    """The sender sees nothing of it, and each effect is run once in the end."""
    source = SourceFactory.create(slug="demo")
    secret = source.add_secret("the signing secret")
    subscriptions.clear()
    assert pause_source(source, ADA, "Its mapping is being mended.")
    door = Door(secret=secret.value)
    with broker_in(own_database):
        bodies = [build_event() for _ in range(3)]
        assert {door.send_signed(body).outcome for body in bodies} == {(202, "accepted")}
        work_off_events()
        assert door.send_signed(bodies[0]).outcome == (200, "duplicate")
        sweep()
        work_off_events()
        held = Event.objects.filter(status="held", attempts=0, lease=None)
        assert held.count() == 3
        assert not Effect.objects.exists()
        assert not Conversation.objects.exists()
        assert resume_source(source, ADA)
        assert count_hints(own_database, "sweep") == 1
        sweep()
        work_off_events()
        assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
        owed = Effect.objects.count()
        run_due()
    effects = Effect.objects.values_list("state", "attempts_made")
    assert owed == len(effects) > 0
    assert set(effects) == {("succeeded", 1)}


def test_other_sources_events_of_a_batch_are_processed(source: Source) -> None:
    """A pause is one source's, whatever else comes in the same batch."""
    held, other = make_ended(source), make_ended(SourceFactory.create())
    process_together([held, other])
    assert read(held) == HELD
    assert read(other)[0] == "processed"


def test_pause_in_the_midst_of_a_batch_holds_what_is_not_yet_processed() -> None:
    """What was claimed before counts as not begun; what is processed stays so."""
    source = SourceFactory.create()
    first, second = make_ended(source), make_ended(source)
    process_event(first.pk)
    batch = claim_events([second.pk])
    assert batch is not None
    pause_source(source, ADA, "")
    assert process_batch(batch) == []
    assert (read(first)[0], read(second)) == ("processed", HELD)


def test_event_that_failed_before_begins_anew_after_the_pause(source: Source) -> None:
    """A pause is no attempt, and what went wrong before it may have been mended meanwhile."""
    event = make_ended(source, attempts=3, error="It went wrong.")
    process_event(event.pk)
    assert read(event) == HELD


def test_worker_that_outlived_its_lease_does_nothing_with_a_held_event(source: Source) -> None:
    """Nor once it is released: the claim ended when the event was held."""
    event = make_ended(source)
    late = claim_fresh()
    assert late is not None
    Event.objects.update(due_at=Now() - MINUTE)
    process_event(event.pk)
    assert process_batch(late) == []
    assert read(event) == HELD
    resume_source(source, ADA)
    assert release_held() == 1
    assert process_batch(late) == []
    assert read(event) == PENDING


def test_released_event_is_due_since_it_came(source: Source) -> None:
    """So it does not stand in the way of those that have just come in."""
    event = make_ended(source)
    process_event(event.pk)
    resume_source(source, ADA)
    assert release_held() == 1
    assert read(event) == PENDING
    assert event.due_at == event.received_at
    assert process_event(event.pk)


def test_event_from_a_clock_ahead_of_ours_is_released_as_due_now(source: Source) -> None:
    """A clock that was wrong when it came keeps it from nothing."""
    event = make_ended(source, status="held", received_at=Now() + timedelta(days=1))
    resume_source(source, ADA)
    assert release_held() == 1
    assert process_event(event.pk)


def test_what_is_paused_stays_held(source: Source) -> None:
    """However often it is swept."""
    event, other = make_ended(source, status="held"), make_ended(SourceFactory.create())
    Event.objects.filter(pk=other.pk).update(status="held")
    assert [release_held(), release_held()] == [1, 0]
    assert (read(event), read(other)) == (HELD, PENDING)


def test_event_that_was_held_too_late_is_released_all_the_same() -> None:
    """A worker that saw the pause may hold an event when the source has just been resumed."""
    source = SourceFactory.create()
    pause_source(source, ADA, "")
    event = make_ended(source)
    batch = claim_events([event.pk])
    assert batch is not None
    with transaction.atomic():
        (seen,) = Event.objects.filter(pk=event.pk).select_related("source")
        run_together([lambda: resume_source(Source.objects.get(pk=source.pk), ADA)])
        run_together([release_held])
        assert holding.hold_paused([seen]) == []
    assert read(event) == HELD
    assert release_held() == 1
    assert read(event) == PENDING


def test_release_passes_over_what_somebody_has_locked() -> None:
    """A sweep never waits; the next one takes it."""
    event, other = (make_ended(SourceFactory.create(), status="held") for _ in range(2))
    with transaction.atomic():
        Event.objects.select_for_update().get(pk=event.pk)
        assert run_together([release_held]) == [1]
        assert read(other) == PENDING
    assert release_held() == 1


def test_sweeps_at_once_release_each_event_once() -> None:
    """Whoever has locked an event releases it, and the others take the rest."""
    source = SourceFactory.create()
    for _ in range(20):
        make_ended(source, status="held")
    assert sum(run_together([release_held] * 3)) == 20
    assert Event.objects.filter(status="pending").count() == 20


def test_many_are_released_lot_by_lot(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that has released a full lot asks for the next at once, and the last one does not."""
    monkeypatch.setattr(holding, "MOST_RELEASED", 2)
    monkeypatch.setattr("webhooks.processing.sweep.MOST_RELEASED", 2)
    source = SourceFactory.create()
    for _ in range(3):
        make_ended(source, status="held")
    with broker_in(own_database):
        sweep()
        assert Event.objects.filter(status="held").count() == 1
        assert count_hints(own_database, "sweep") == 1
        sweep()
        assert count_hints(own_database, "sweep") == 1
    assert not Event.objects.filter(status="held").exists()


def test_batch_costs_no_statement_more_where_nothing_is_paused(
    django_assert_num_queries: DjangoAssertNumQueries, source: Source
) -> None:
    """Whether its source is paused comes with the event; and what is held needs nothing else."""
    event = make_ended(source)
    batch = claim_events([event.pk])
    assert batch is not None
    statements = 4  # BEGIN and COMMIT among them
    with django_assert_num_queries(statements):
        process_batch(batch)
    assert read(event) == HELD


def test_release_reads_nothing_of_a_source_that_stays_paused(source: Source) -> None:
    """By an index that holds nothing but what is held, source by source."""
    EventFactory.create_batch(300, source=source, status="held")
    make_ended(SourceFactory.create(), status="held")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event")
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT TEXT) " + holding.RELEASE_HELD,
            {"most": holding.MOST_RELEASED},
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "event_held" in plan, plan
    assert "Rows Removed by Filter: 300" not in plan
    assert Event.objects.filter(status="held").count() == 300
