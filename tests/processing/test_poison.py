"""Poison slows nothing down: what cannot be processed, or applied, waits by itself for its turn."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget import resume
from tests.factories import EventFactory, SourceFactory
from tests.faults.poison import FAILS_IN_POSTGRES, RAISES
from tests.operations.asking import because, have_done
from tests.operations.brokers import broker_in
from tests.processes import RunningProcess, start_beat, start_worker
from webhooks.models import Effect, Event, Replay
from webhooks.operations.selection import EffectSelection, Selection

HEALTHY = 300
POISON = HEALTHY // 100
"""Of each kind: events that cannot be projected, and conversations whose effects are refused."""

LIMIT = 12
"""Attempts, as `tests.processing.poisoned_settings` has it."""

PATIENCE = 90
"""Seconds: generous, since the machine may be busy. How fast it goes, the benchmarks measure."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return what the processes need to make trouble."""
    return {"TROUBLE": "RefusesPoison", "TROUBLE_MARK": str(tmp_path / "mark")}


@contextmanager
def workers(database_url: str, settings: str, environment: dict[str, str]) -> Iterator[list[str]]:
    """Run a worker for everything, and beat; give a list that their logs are put into."""
    logs: list[str] = []
    with ExitStack() as stack:
        variables = {"DJANGO_SETTINGS_MODULE": settings} | environment
        running: list[RunningProcess] = [
            stack.enter_context(start(database_url, **variables))
            for start in (start_worker, start_beat)
        ]
        stack.callback(lambda: logs.extend(process.read_log() for process in running))
        yield logs


def store_events() -> None:
    """Store an event for each healthy conversation, with the poison strewn in among them."""
    source = SourceFactory.create()
    for number in range(HEALTHY):
        store(source, f"healthy-{number}")
        if number % 100 == 50:
            kind = (RAISES, FAILS_IN_POSTGRES)[number // 100 % 2]
            store(source, f"unprojectable-{number}", metadata={"poison": kind})
            store(source, f"poison-{number}")


def store(source: object, conversation: str, **data: object) -> None:
    """Store the event that a conversation has ended."""
    said = {"status": "completed", "duration_seconds": 60} | data
    EventFactory.create(source=source, conversation_uuid=conversation, data=said)


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds. Raises AssertionError where it does not within `PATIENCE`."""
    ends_at = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ends_at, (count(Event, "status"), count(Effect, "state"))
        time.sleep(0.1)


def count(model: type[Event] | type[Effect], column: str) -> dict[str, int]:
    """Return how many rows there are in each state."""
    states = list(model._default_manager.values_list(column, flat=True))  # noqa: SLF001 -- documented API
    return {state: states.count(state) for state in set(states)}


def find_poison() -> tuple[QuerySet[Event], QuerySet[Effect]]:
    """Return the events that cannot be projected, and the effects that are refused."""
    return (
        Event.objects.filter(conversation_uuid__startswith="unprojectable"),
        Effect.objects.filter(conversation__conversation_uuid__startswith="poison"),
    )


def is_rest_done() -> bool:
    """Tell whether every other event is processed, and every other effect has succeeded."""
    events = Event.objects.exclude(conversation_uuid__startswith="unprojectable")
    healthy = Effect.objects.filter(
        conversation__conversation_uuid__startswith="healthy", state="succeeded"
    )
    return events.filter(status="processed").count() == HEALTHY + POISON and (
        healthy.count() == 2 * HEALTHY
    )


def test_the_rest_is_done_while_poison_backs_off_dies_and_is_retried(
    own_database: str, environment: dict[str, str]
) -> None:
    """In real workers: poison ends dead and shown by its class; mended and retried, it is done."""
    store_events()
    events, effects = find_poison()
    with workers(own_database, "tests.processing.poisoned_settings", environment) as logs:
        wait_until(is_rest_done)
        wait_until(lambda: not events.filter(attempts=0).exists())
        wait_until(lambda: effects.filter(attempts_made__gt=0).count() == 2 * POISON)
        assert count(Event, "status") == {"processed": HEALTHY + POISON, "pending": POISON}
        assert not effects.exclude(state__in=["pending", "running"]).exists()
        errors = set(events.values_list("error", flat=True))
        assert "PoisonError" in errors
        assert all(error.isidentifier() for error in errors)
        wait_until(lambda: are_dead(events, effects))
        assert set(effects.values_list("reason", flat=True)) == {"The vendor cannot take this one."}
    assert "+44 20 7946 0000" not in "".join(logs)
    mended = environment | {"TROUBLE": "Troubled"}
    with (
        broker_in(own_database),
        workers(own_database, "tests.processing.troubled_settings", mended),
    ):
        have_done(Replay.Action.RETRY, EffectSelection(), because("mended"))
        have_done(Replay.Action.REPLAY, Selection(failed=True), because("mended"))
        wait_until(lambda: count(Event, "status") == {"processed": HEALTHY + 2 * POISON})
        wait_until(lambda: count(Effect, "state") == {"succeeded": 2 * (HEALTHY + 2 * POISON)})
    first_time = Q(conversation__conversation_uuid__startswith="healthy")
    assert set(Effect.objects.filter(first_time).values_list("attempts_made", flat=True)) == {1}


def are_dead(events: QuerySet[Event], effects: QuerySet[Effect]) -> bool:
    """Tell whether all are dead; leave those that wait one attempt, as hours of back-off would.

    With nothing but refusals left, the vendor seems to be down: somebody has it tried all the same.
    """
    aliases: tuple[Alias, ...] = ("crm", "usage")
    for alias in aliases:
        resume(alias, "test")
    events.filter(status="pending", attempts__lt=LIMIT - 1).update(attempts=LIMIT - 1, due_at=Now())
    # Not those that are due already: the sweep looks at what has been due for a while.
    waiting = effects.filter(state="pending", due_at__gt=Now())
    waiting.update(attempts_limit=F("attempts_made") + 1, due_at=Now())
    alive = events.exclude(status="dead").exists() or effects.exclude(state="dead").exists()
    return not alive
