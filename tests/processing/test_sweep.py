"""The sweep finds whatever was dropped, hands it over until none is left, and loses nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.budget import hold, pause, record_failure
from integrations.exceptions import AccessDenied
from integrations.kinds import REQUESTS
from tests.databases import conninfo
from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.integrations.budgets import let_pass
from tests.operations.brokers import broker_at, broker_in, no_broker
from tests.processing.integration import bind_memory
from tests.processing.servers import count_hints, read_transport_options, run_rabbitmq, run_redis
from tests.processing.steps import claim
from tests.workers import run_due
from webhooks.models import Effect, Event
from webhooks.processing import sweep as sweeping
from webhooks.processing.concurrency import FAN_OUT
from webhooks.processing.hints import count_waiting
from webhooks.processing.planning import PARTY_UNKNOWN
from webhooks.processing.sweep import (
    EFFECT_GRACE,
    LONGEST_RESEND,
    RESEND_AFTER,
    Swept,
    count_overdue,
    sweep,
)

pytestmark = pytest.mark.usefixtures("own_database")

MINUTE = timedelta(minutes=1)
PENDING_EVENTS = Event.objects.filter(status="pending")


@contextmanager
def use_broker(broker: str, database_url: str) -> Iterator[None]:
    """Have Celery publish to a broker of this kind that is well."""
    if broker == "postgres":
        with broker_in(database_url):
            yield
        return
    run = run_redis if broker == "redis" else run_rabbitmq
    with run() as url, broker_at(url, read_transport_options(url)):
        yield


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


@dataclass(frozen=True, slots=True)
class Sent:
    """What would have been published."""

    events: list[int] = field(default_factory=list)
    hints: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Keep what would be published, where a test is not about the broker."""
    kept = Sent()
    monkeypatch.setattr(sweeping, "send_events", kept.events.extend)
    monkeypatch.setattr(sweeping, "send_hints", kept.hints.update)
    monkeypatch.setattr(sweeping, "count_waiting", lambda _: 0)
    return kept


def make_effect(**columns: Any) -> Effect:
    """Return an overdue effect of an event that is not itself the sweep's business."""
    return EffectFactory.create(event__status="processed", **{"due_at": Now() - MINUTE} | columns)


def test_what_was_never_published_is_found(sent: Sent) -> None:
    """An event is handed over, and a hint sent to the integration of an effect."""
    event, _ = EventFactory.create(), make_effect(integration="usage")
    assert sweep() == Swept(events=1, hints=1)
    assert sent.events == [event.pk]
    assert +sent.hints == {"usage": 1}


def test_lease_that_ended_is_found(sent: Sent) -> None:
    """An effect that died with its worker is hinted at after its lease, and not before."""
    claim(make_effect())
    assert sweep() == Swept(0, 0)
    Effect.objects.update(due_at=Now() - MINUTE)
    assert sweep() == Swept(0, 1)
    assert +sent.hints == {"crm": 1}


def test_what_is_done_or_not_due_is_left_alone(sent: Sent) -> None:
    """Neither an end state nor a back-off is the sweep's business, nor what has just been due."""
    for status in ("processed", "ignored", "failed"):
        EventFactory.create(status=status)
    for state in ("succeeded", "failed", "dead", "skipped"):
        make_effect(state=state)
    EventFactory.create(sweep_at=Now() + MINUTE)
    make_effect(due_at=Now() + MINUTE)
    make_effect(due_at=Now())
    assert sweep() == Swept(0, 0)
    assert sent.events == []
    assert +sent.hints == {}


def test_what_waited_to_be_settled_is_found_when_its_time_has_come(sent: Sent) -> None:
    """Nobody but the sweep brings up what was put off when it was planned."""
    waiting = make_effect(integration="tickets", reason=PARTY_UNKNOWN, due_at=Now() + MINUTE)
    assert sweep() == Swept(0, 0)
    Effect.objects.filter(pk=waiting.pk).update(due_at=Now() - EFFECT_GRACE)
    assert sweep() == Swept(0, 1)
    assert +sent.hints == {"tickets": 1}


def test_all_events_are_handed_over_however_many_they_are(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cap leaves a rest for ever behind: batch follows batch until none is left."""
    monkeypatch.setattr(sweeping, "BATCH", 10)
    source = EventFactory.create().source
    EventFactory.create_batch(34, source=source)
    batches: list[int] = []
    assert sweep(batches.append) == Swept(35, 0)
    assert batches == [10, 10, 10, 5]
    assert sorted(sent.events) == sorted(PENDING_EVENTS.values_list("pk", flat=True))


def test_hints_are_no_more_than_are_of_use(settings: Settings, sent: Sent) -> None:
    """As many as effects are due, and no more than may be under way at once."""
    conversation, event = ConversationFactory.create(), EventFactory.create(status="processed")
    for alias, count in (("crm", 3), ("usage", 25)):
        EffectFactory.create_batch(
            count,
            conversation=conversation,
            event=event,
            integration=alias,
            due_at=Now() - MINUTE,
        )
    assert sweep() == Swept(0, 3 + FAN_OUT)
    assert +sent.hints == {"crm": 3, "usage": FAN_OUT}
    sent.hints.clear()
    bind_memory(settings, CONCURRENCY=2)
    assert sweep() == Swept(0, 2 + 2)


def test_integration_that_is_closed_gets_no_hints(sent: Sent) -> None:
    """Whether people have paused it, its vendor wants to be left alone or does not work."""
    for alias in REQUESTS:
        make_effect(integration=alias)
    pause("crm", "Ada", "It is being moved.")
    hold("usage", MINUTE, "The vendor's limit is used up.")
    record_failure("tickets", AccessDenied("The key was rejected."))
    assert sweep() == Swept(0, 1)
    assert +sent.hints == {"tasks": 1}
    sent.hints.clear()
    for alias in ("crm", "usage", "tickets"):
        let_pass(2 * MINUTE, alias)
    assert sweep() == Swept(0, 3)
    assert +sent.hints == {"usage": 1, "tickets": 1, "tasks": 1}


def test_longest_due_come_first(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has waited longest is handed over first."""
    monkeypatch.setattr(sweeping, "BATCH", 1)
    late = EventFactory.create(sweep_at=Now() - MINUTE)
    later = EventFactory.create(sweep_at=Now() - 3 * MINUTE)
    latest = EventFactory.create(sweep_at=Now() - 2 * MINUTE)
    sweep()
    assert sent.events == [later.pk, latest.pk, late.pk]


def test_rows_that_another_sweep_holds_are_passed_over(sent: Sent) -> None:
    """A sweep does not wait for the locks of another, and does not take its rows."""
    held, free = EventFactory.create(), EventFactory.create()
    with psycopg.connect(conninfo_of_test()) as other:
        other.execute("SELECT 1 FROM webhooks_event WHERE id = %s FOR UPDATE", [held.pk])
        assert sweep() == Swept(1, 0)
    assert sent.events == [free.pk]
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
    """The longer an event has been due, the longer its next hint waits, up to ten minutes."""
    EventFactory.create(due_at=Now() - due_for)
    sweep()
    second = timedelta(seconds=5)
    assert PENDING_EVENTS.filter(
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
    assert count_overdue("crm") == 1


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
        run_due()
        assert sweep() == Swept(0, 0)


@pytest.mark.parametrize("broker", ["postgres", "redis", "rabbitmq"])
def test_hints_do_not_pile_up_where_nobody_takes_them(own_database: str, broker: str) -> None:
    """However often it is swept, no more hints wait in a queue than effects do."""
    for _ in range(3):
        make_effect(integration="tickets")
    with use_broker(broker, own_database):
        assert [sweep().hints for _ in range(3)] == [3, 0, 0]
        assert count_waiting("tickets") == 3
        assert count_waiting("usage") == 0


def test_hint_that_a_dead_worker_holds_keeps_none_from_being_sent(own_database: str) -> None:
    """What a worker took and never acknowledged is hidden for minutes; effects do not wait."""
    make_effect(integration="tickets")
    with broker_in(own_database):
        assert sweep().hints == 1
        with psycopg.connect(conninfo(own_database)) as worker:
            worker.execute("SELECT pgmq.read('switchboard_tickets', 300, 1)")
        assert sweep().hints == 1


def test_sweep_is_killed_between_taking_and_sending() -> None:
    """Rows that a sweep took with it come up again within the shortest wait."""
    EventFactory.create()
    taken = sweeping.take_due()
    assert len(taken) == 1
    assert PENDING_EVENTS.filter(sweep_at__lte=Now() + RESEND_AFTER).exists()


def test_beat_has_one_errand_with_a_queue_of_its_own(settings: Settings) -> None:
    """A backlog of events does not keep the sweep from its turn."""
    (errand,) = settings.CELERY_BEAT_SCHEDULE.values()
    assert errand["task"] == "webhooks.processing.tasks.sweep"
    assert errand["options"]["queue"] == "sweep"
    assert errand["options"]["expires"] == settings.WEBHOOKS_SWEEP_INTERVAL.total_seconds()
