"""The sweep finds whatever was dropped, tells its workers until none is left, and loses nothing."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.budget import hold, pause, record_failure
from integrations.exceptions import AccessDenied
from integrations.kinds import REQUESTS
from tests.databases import conninfo
from tests.factories import ConversationFactory, EffectFactory, EventFactory, SourceFactory
from tests.integrations.budgets import let_pass
from tests.operations.brokers import broker_in, no_broker
from tests.processing.integration import bind_memory
from tests.processing.servers import BROKERS, count_hints, use_broker, wait_for_hints
from tests.processing.steps import claim
from tests.together import run_together
from tests.workers import run_due
from webhooks.models import Effect, Event
from webhooks.processing import hints as hinting
from webhooks.processing import sweep as sweeping
from webhooks.processing.batches import BATCH, claim_fresh, count_due
from webhooks.processing.concurrency import FAN_OUT
from webhooks.processing.event_work import work_off_events
from webhooks.processing.hints import Work, count_useful
from webhooks.processing.planning import PARTY_UNKNOWN
from webhooks.processing.sweep import GRACE, Swept, count_overdue_events, sweep

pytestmark = pytest.mark.usefixtures("own_database")

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Keep what would be published, where a test is not about the broker."""
    kept: Counter[str] = Counter()

    def keep(due: Mapping[Work, int]) -> int:
        hints = {work: count_useful(work, rows) for work, rows in due.items() if rows}
        kept.update(hints)
        return sum(hints.values())

    monkeypatch.setattr(sweeping, "send_hints", keep)
    return kept


def make_events(count: int = 1, **columns: Any) -> list[Event]:
    """Return overdue events."""
    return EventFactory.create_batch(
        count, source=SourceFactory.create(), **{"due_at": Now() - MINUTE} | columns
    )


def make_effect(**columns: Any) -> Effect:
    """Return an overdue effect of an event that is not itself the sweep's business."""
    return EffectFactory.create(event__status="processed", **{"due_at": Now() - MINUTE} | columns)


def test_what_was_never_published_is_found(sent: Counter[str]) -> None:
    """Workers are told of an event, and of an effect, that nobody has told them of."""
    make_events()
    make_effect(integration="usage")
    assert sweep() == Swept(events=1, effects=1)
    assert sent == {"events": 1, "usage": 1}


def test_lease_that_ended_is_found(sent: Counter[str]) -> None:
    """What died with its worker is hinted at after its lease, and not before."""
    claim(make_effect())
    make_events()
    assert claim_fresh() is not None
    assert sweep() == Swept(0, 0)
    Effect.objects.update(due_at=Now() - MINUTE)
    Event.objects.update(due_at=Now() - MINUTE)
    assert sweep() == Swept(1, 1)
    assert sent == {"events": 1, "crm": 1}


def test_what_is_done_or_not_due_is_left_alone(sent: Counter[str]) -> None:
    """Neither an end state nor a back-off is the sweep's business, nor what has just been due."""
    for status in ("processed", "ignored", "failed", "dead"):
        make_events(status=status)
    for state in ("succeeded", "failed", "dead", "skipped"):
        make_effect(state=state)
    for due_at in (Now() + MINUTE, Now()):
        make_events(due_at=due_at)
        make_effect(due_at=due_at)
    assert sweep() == Swept(0, 0)
    assert not sent


def test_what_waited_to_be_settled_is_found_when_its_time_has_come(sent: Counter[str]) -> None:
    """Nobody but the sweep brings up what was put off when it was planned."""
    waiting = make_effect(integration="tickets", reason=PARTY_UNKNOWN, due_at=Now() + MINUTE)
    assert sweep() == Swept(0, 0)
    Effect.objects.filter(pk=waiting.pk).update(due_at=Now() - GRACE)
    assert sweep() == Swept(0, 1)
    assert sent == {"tickets": 1}


@pytest.mark.parametrize(("overdue", "hints"), [(1, 1), (BATCH, 1), (BATCH + 1, 2)])
def test_hint_stands_for_a_batch_of_events(sent: Counter[str], overdue: int, hints: int) -> None:
    """As many workers are told as there are batches."""
    make_events(overdue)
    assert sweep() == Swept(hints, 0)
    assert sent == {"events": hints}


def test_backlog_is_not_counted_to_its_end(
    sent: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is, no more hints are sent than could be heeded at once."""
    monkeypatch.setattr(sweeping, "BATCH", 2)
    monkeypatch.setattr(hinting, "BATCH", 2)
    make_events(2 * FAN_OUT + 10)
    assert count_overdue_events() == 2 * FAN_OUT
    assert sweep() == Swept(FAN_OUT, 0)
    assert sent == {"events": FAN_OUT}


def test_hints_are_no_more_than_are_of_use(settings: Settings, sent: Counter[str]) -> None:
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
    assert sent == {"crm": 3, "usage": FAN_OUT}
    sent.clear()
    bind_memory(settings, CONCURRENCY=2)
    assert sweep() == Swept(0, 2 + 2)


def test_integration_that_is_closed_gets_no_hints(sent: Counter[str]) -> None:
    """Whether people have paused it, its vendor wants to be left alone or does not work."""
    for alias in REQUESTS:
        make_effect(integration=alias)
    pause("crm", "Ada", "It is being moved.")
    hold("usage", MINUTE, "The vendor's limit is used up.")
    record_failure("tickets", AccessDenied("The key was rejected."), "an effect")
    assert sweep() == Swept(0, 1)
    assert sent == {"tasks": 1}
    sent.clear()
    for alias in ("crm", "usage", "tickets"):
        let_pass(2 * MINUTE, alias)
    assert sweep() == Swept(0, 3)
    assert sent == {"usage": 1, "tickets": 1, "tasks": 1}


def test_broker_that_is_away_fails_the_sweep_and_delays_nothing(own_database: str) -> None:
    """The rows stay due: the first sweep after the outage sends what was not taken."""
    make_events(3)
    make_effect()
    for _ in range(2):
        with no_broker(), pytest.raises(Exception, match="refused"):
            sweep()
    with broker_in(own_database):
        assert sweep() == Swept(1, 1)
        assert count_hints(own_database, "events") == 1
        assert count_hints(own_database, "crm") == 1
        run_due()
        work_off_events()
        assert sweep() == Swept(0, 0)


@pytest.mark.parametrize("broker", BROKERS)
def test_hints_do_not_pile_up_where_nobody_takes_them(own_database: str, broker: str) -> None:
    """However often it is swept, no more hints wait in a queue than are of use."""
    for _ in range(3):
        make_effect(integration="tickets")
    make_events(BATCH + 1)
    with use_broker(broker, own_database):
        assert sweep() == Swept(2, 3)
        wait_for_hints("events", 2)
        wait_for_hints("tickets", 3)
        assert [sweep() for _ in range(2)] == [Swept(0, 0), Swept(0, 0)]
        wait_for_hints("events", 2)


def test_hint_that_a_dead_worker_holds_keeps_none_from_being_sent(own_database: str) -> None:
    """What a worker took and never acknowledged is hidden for minutes; effects do not wait."""
    make_effect(integration="tickets")
    with broker_in(own_database):
        assert sweep().effects == 1
        with psycopg.connect(conninfo(own_database)) as worker:
            worker.execute("SELECT pgmq.read('switchboard_tickets', 300, 1)")
        assert sweep().effects == 1


def test_sweeps_at_once_do_no_harm(own_database: str) -> None:
    """A hint too many is the worst of it: none raises, and nothing is claimed or put off."""
    make_events(5)
    make_effect()
    with broker_in(own_database):
        swept = run_together([sweep] * 3)
    assert all(each in (Swept(1, 1), Swept(0, 0), Swept(1, 0), Swept(0, 1)) for each in swept)
    assert 1 <= count_hints(own_database, "events") <= 3
    assert count_due(10, GRACE) == 5
