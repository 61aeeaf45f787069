"""A fault in one event of a batch, whatever it is, leaves the others alone."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from tests.databases import conninfo
from tests.factories import EventFactory, SourceFactory
from tests.processes import BASE_DIR, build_environment
from tests.processing.stories import ENDED, PARTIES, Telling, store, tell_whole
from webhooks.models import Conversation, Effect, Event, Route
from webhooks.processing import drafting, events
from webhooks.processing.batches import claim_fresh, claim_tried
from webhooks.processing.drafting import draft_batch
from webhooks.processing.events import process_batch
from webhooks.processing.routing import Occasion, Owed, find_owed

pytestmark = pytest.mark.usefixtures("own_database")

Poison = Callable[[Occasion, Iterable[Route]], list[Owed]]


def raise_error(_: Occasion, __: Iterable[Route]) -> list[Owed]:
    """Fail as a bug in routing would."""
    raise KeyError("+12025550123 said hello")


def make_postgres_raise(occasion: Occasion, _: Iterable[Route]) -> list[Owed]:
    """Ask for an effect that Postgres refuses."""
    return [Owed("crm", f"{occasion.event.event_id}" * 10, None)]


def poison(event: Event, act: Poison) -> AbstractContextManager[Any]:
    """Have planning `event` end in `act`, and that of the others as it does."""

    def plan(occasion: Occasion, routes: Iterable[Route]) -> list[Owed]:
        return (act if occasion.event == event else find_owed)(occasion, routes)

    return patch.object(drafting, "find_owed", plan)


def process_next(claim: Callable[[], Any] = claim_fresh) -> list[Effect]:
    """Process what a worker claims next."""
    batch = claim()
    assert batch is not None
    return process_batch(batch)


def let_time_pass() -> None:
    """Let leases and back-offs end."""
    Event.objects.filter(status="pending").update(due_at=Now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("act", "error"), [(raise_error, "KeyError"), (make_postgres_raise, "DataError")]
)
@pytest.mark.parametrize("which", [0, 3, 9])
def test_others_of_the_batch_are_processed(act: Poison, error: str, which: int) -> None:
    """At the same time, and for none of them is the first attempt not the last."""
    batch = EventFactory.create_batch(10)
    with poison(batch[which], act):
        effects = process_next()
        let_time_pass()
        assert process_next(claim_tried) == []
    assert len(effects) == 9 * 2
    failing = Event.objects.get(pk=batch[which].pk)
    assert (failing.status, failing.attempts, failing.error) == ("pending", 2, error)
    others = Event.objects.exclude(pk=failing.pk)
    assert set(others.values_list("status", "attempts", "error")) == {("processed", 1, "")}
    assert Conversation.objects.count() == 9


@pytest.mark.parametrize("act", [raise_error, make_postgres_raise])
def test_nothing_that_a_failing_event_says_is_taken_in(act: Poison) -> None:
    """Its conversation is what the others say of it, and its effects are not planned."""
    source = SourceFactory.create()
    start, end, analysis = store(tell_whole(), source, "call")
    with poison(end, act):
        process_next()
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.duration_seconds) == ("in_progress", None)
    assert set(Effect.objects.values_list("event", flat=True)) == {start.pk, analysis.pk}
    let_time_pass()
    process_next(claim_tried)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.duration_seconds) == ("failed", 60)
    assert Effect.objects.exclude(state="skipped").count() == 8


def test_event_that_settles_one_that_cannot_be_planned_any_more_fails_itself() -> None:
    """What was planned too early is not forgotten: people see that it cannot be settled."""
    source = SourceFactory.create(agent_scope=["agent-1"])
    early, start = store([Telling(ENDED, PARTIES, agent_uuid=""), tell_whole()[0]], source, "call")
    other = EventFactory.create(source=source, due_at=Now() + timedelta(hours=1))
    Event.objects.filter(pk=start.pk).update(due_at=Now() + timedelta(hours=1))
    process_next()
    assert set(early.effects.values_list("state", flat=True)) == {"skipped"}
    let_time_pass()
    with poison(early, raise_error):
        process_next()
    for event in (start, other):
        event.refresh_from_db()
    assert (start.status, start.error, other.status) == ("pending", "KeyError", "processed")
    let_time_pass()
    process_next(claim_tried)
    assert set(early.effects.values_list("state", flat=True)) == {"pending"}


KILL = """
import os, signal
import django
django.setup()
from datetime import timedelta
from django.conf import settings
from webhooks.processing import drafting, event_work, hints
settings.WEBHOOKS_WORK_SPAN = timedelta(minutes=1)
event_work.hand_on = hints.hand_on = lambda due: None
merge = drafting.merge
def merge_or_die(conversation, facts):
    if facts.values.get("agent_name") == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    return merge(conversation, facts)
drafting.merge = merge_or_die
event_work.work_off_events()
"""


def test_event_that_kills_its_worker_takes_the_others_with_it_once(
    own_database: str, tmp_path: Path
) -> None:
    """After the lease each is taken by itself: the killer's next victim is none but a worker."""
    batch = EventFactory.create_batch(9)
    killer = EventFactory.create(data={"agent_name": "SIGKILL"})
    batch += EventFactory.create_batch(10)
    ends = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", KILL],
            cwd=BASE_DIR,
            env=build_environment(own_database, tmp_path),
            timeout=60,
            check=False,
        )
        ends.append((done.returncode, Event.objects.filter(status="processed").count()))
        if len(ends) == 1:
            assert set(Event.objects.values_list("attempts", flat=True)) == {1}
            let_time_pass()
    died = -signal.SIGKILL
    # Then the killer's lease goes on, and nobody meets it.
    assert ends == [(died, 0), (died, 9), (0, 19)]
    killer.refresh_from_db()
    assert (killer.status, killer.attempts) == ("pending", 2)
    others = Event.objects.exclude(pk=killer.pk)
    assert set(others.values_list("status", "attempts")) == {("processed", 2)}


def test_lost_connection_costs_no_event_and_leads_to_no_second_effect(own_database: str) -> None:
    """Postgres drops the connection in mid-batch: each event is tried again by itself, soon."""
    EventFactory.create_batch(5)
    batch = claim_fresh()
    assert batch is not None

    def draft_and_lose_connection(*arguments: Any) -> Any:
        drop_connection(own_database)
        return draft_batch(*arguments)

    with patch.object(events, "draft_batch", draft_and_lose_connection):
        assert process_batch(batch) == []
    soon = Event.objects.filter(status="pending", due_at__lte=Now() + timedelta(seconds=5))
    assert soon.filter(attempts=1).count() == 5
    let_time_pass()
    effects = [effect for _ in range(5) for effect in process_next(claim_tried)]
    assert len(effects) == Effect.objects.count() == 5 * 2
    assert set(Event.objects.values_list("status", "error")) == {("processed", "")}


def drop_connection(database_url: str) -> None:
    """End the connection that Django has to Postgres, from Postgres's side."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(conninfo(database_url)) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    time.sleep(0.1)


def test_long_outage_ends_no_event(settings: Settings, own_database: str) -> None:
    """Locks that cannot be had, for as often as there are attempts and more, are nobody's fault."""
    settings.WEBHOOKS_MAX_ATTEMPTS = 3
    free, blocked = EventFactory.create_batch(2)
    name = blocked.conversation_uuid
    Conversation.objects.create(conversation_uuid=name)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    with psycopg.connect(conninfo(own_database)) as other:
        other.execute(
            "SELECT FROM webhooks_conversation WHERE conversation_uuid = %s FOR UPDATE", [name]
        )
        assert process_next() == []
        for _ in range(6):
            let_time_pass()
            while batch := claim_tried():
                process_batch(batch)
        free.refresh_from_db()
        blocked.refresh_from_db()
        assert (free.status, free.attempts) == ("processed", 2)
        assert (blocked.status, blocked.error) == ("pending", "OperationalError")
    let_time_pass()
    assert process_next(claim_tried)
    blocked.refresh_from_db()
    assert (blocked.status, blocked.error) == ("processed", "")
