"""Workers that get at the same rows at the same moment, each on a connection of its own."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Count
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.base import Alias, Request
from integrations.kinds import REQUESTS
from tests.contracts.requests import make_follow_up, make_ticket_request, make_usage_record
from tests.factories import ConversationFactory, EffectFactory, EventFactory, SourceFactory
from tests.ingest.door import SECRET, Answer, Door
from tests.processing.integration import assert_outside_transactions, bind_callback
from tests.processing.stories import (
    ANALYSIS,
    process,
    read_conversation,
    read_effects,
    read_ledger,
    reopen,
    run_all,
    store,
    tell_whole,
)
from tests.signing import build_event
from tests.together import run_together
from webhooks.models import Attempt, Conversation, Effect, Event, Replay
from webhooks.operations.replay import restart_events
from webhooks.processing.batches import BATCH, Batch, claim_fresh, claim_tried
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.event_work import work_off_events
from webhooks.processing.events import process_batch
from webhooks.processing.planning import Plan, write_plans
from webhooks.processing.projection import Facts
from webhooks.processing.routing import AGENT_UNKNOWN, Occasion, Owed
from webhooks.processing.work import work_off

pytestmark = pytest.mark.usefixtures("own_database")

FROZEN: dict[str, dict[str, Any]] = {
    "tickets": make_ticket_request(idempotency_key="key").to_json(),
    "usage": make_usage_record(idempotency_key="key").to_json(),
    "tasks": make_follow_up(idempotency_key="key").to_json(),
}


def test_no_integration_is_called_inside_a_transaction(settings: Settings) -> None:
    """Neither the claim's nor any other transaction is open while a vendor works."""
    bind_callback(settings, assert_outside_transactions)
    for alias in REQUESTS:
        EffectFactory.create(integration=alias, request=FROZEN.get(alias))
        work_off(alias)
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["succeeded"] * 4


@pytest.mark.parametrize("integration", ["crm", "tickets"])
def test_workers_racing_for_an_effect_make_one_claim(integration: Alias) -> None:
    """Of four that claim at once exactly one gets it, round after round."""
    for _ in range(25):
        EffectFactory.create(integration=integration)
        claims = run_together([partial(claim_best, integration)] * 4)
        assert [isinstance(claim, Claim) for claim in claims].count(True) == 1
    assert Attempt.objects.count() == 25
    assert set(Effect.objects.values_list("attempts_made", flat=True)) == {1}


def test_workers_racing_for_many_effects_get_one_each() -> None:
    """Nobody waits for another's row, comes back with nothing, or leaves the best one lying."""
    for _ in range(10):
        best = EffectFactory.create_batch(4)
        EffectFactory.create_batch(4, priority=Effect.Priority.REPLAY)
        claims = run_together([partial(claim_best, "crm")] * 4)
        claimed = [claim.effect.pk for claim in claims if isinstance(claim, Claim)]
        assert sorted(claimed) == [effect.pk for effect in best]
        Effect.objects.all().delete()


@pytest.mark.parametrize("limit", [1, 3])
def test_limit_of_concurrency_is_kept_by_workers_that_race(settings: Settings, limit: int) -> None:
    """Six workers on forty effects never have more under way than the option says."""
    most = keep_count(settings, CONCURRENCY=limit)
    EffectFactory.create_batch(40)

    def work() -> None:
        # As often as a hint would come: whoever finds no room ends at once.
        while Effect.objects.filter(state="pending").exists():
            work_off("crm")

    run_together([work] * 6)
    assert most == [limit]
    assert list(Effect.objects.values_list("state", "attempts_made")) == [("succeeded", 1)] * 40


def keep_count(settings: Settings, **options: Any) -> list[int]:
    """Have every integration take a moment; return where the most that were called at once is."""
    at_work, most, lock = Counter[str](), [0], Lock()

    def work(_: Request) -> None:
        with lock:
            at_work["all"] += 1
            most[0] = max(most[0], at_work["all"])
        time.sleep(0.01)
        with lock:
            at_work["all"] -= 1

    bind_callback(settings, work, **options)
    return most


def test_workers_racing_for_events_claim_each_once() -> None:
    """Whether they come in batches or alone, no two workers have one in hand, and none is left."""
    source = SourceFactory.create()
    for claim in (claim_fresh, claim_tried):
        for _ in range(5):
            events = EventFactory.create_batch(2 * BATCH, source=source)
            if claim is claim_tried:
                Event.objects.filter(status="pending").update(attempts=1)
            taken = [
                batch for batches in run_together([partial(take, claim)] * 3) for batch in batches
            ]
            keys = [key for batch in taken for key in batch.keys]
            assert sorted(keys) == [event.pk for event in events]
            Event.objects.update(status="processed")


def take(claim: Callable[[], Batch | None]) -> list[Batch]:
    """Claim until nothing is left."""
    return list(iter(claim, None))


def test_updates_of_a_conversation_never_run_at_once(settings: Settings) -> None:
    """Four workers on six CRM effects of one conversation call the vendor one at a time."""
    at_work: list[str] = []
    collisions: list[list[str]] = []
    lock = Lock()

    def work(request: Request) -> None:
        with lock:
            at_work.append(request.idempotency_key)
            if len(at_work) > 1:
                collisions.append(list(at_work))
        connections["default"].ensure_connection()
        Effect.objects.count()  # a moment in which others could come in
        with lock:
            at_work.remove(request.idempotency_key)

    bind_callback(settings, work)
    conversation = ConversationFactory.create()
    for _ in range(10):
        EffectFactory.create_batch(6, conversation=conversation)
        run_together([partial(work_off, "crm")] * 4)
    assert collisions == []
    assert list(Effect.objects.values_list("state", "attempts_made")) == [("succeeded", 1)] * 60


def test_hint_for_a_conversation_that_is_locked_is_not_lost() -> None:
    """A worker stays for the moment that a projection has the conversation, and waits for no lock.

    Nobody is in its way then: it may take the effects of other conversations meanwhile.
    """
    effect = EffectFactory.create(due_at=Now() - timedelta(minutes=1))
    other = EffectFactory.create()

    def work_meanwhile() -> None:
        try:
            work_off("crm")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Conversation.objects.select_for_update().get(pk=effect.conversation_id)
            worker = pool.submit(work_meanwhile)
            with pytest.raises(TimeoutError):
                worker.result(0.5)
            other.refresh_from_db()
            assert other.state == "succeeded"
        worker.result(10)
    effect.refresh_from_db()
    assert effect.state == "succeeded"


def test_events_of_a_conversation_that_race_end_as_in_any_order(settings: Settings) -> None:
    """All events of a conversation at once, each twice, with effects run beside them."""
    settings.WEBHOOKS_MAX_ATTEMPTS = 50
    source = SourceFactory.create()
    ends = []
    for number in range(8):
        name = f"conversation-{number}"
        tellings = tell_whole()
        tellings += [type(telling)(telling.event_type, telling.data) for telling in tellings[1:]]
        events = store(tellings, source, name)
        calls: list[Callable[[], object]] = [partial(process, event) for event in events * 2]
        calls.append(partial(run_all, name))
        run_together(calls)
        assert {event.status for event in Event.objects.filter(conversation_uuid=name)} == {
            "processed"
        }
        run_all(name)
        effects = read_effects(name)
        assert set(effects.values()) == {"succeeded"}
        assert len(effects) == 5 + 5
        facts = read_conversation(name)
        del facts["stamps"], facts["conversation_uuid"]
        ledger = repr((read_ledger(name), facts)).replace(name, "NAME")
        ends.append(ledger)
    assert len(set(ends)) == 1


def test_replay_beside_an_event_that_settles_it_ends_in_no_deadlock() -> None:
    """An early event that is replayed while a later one plans it again: both get through."""
    source = SourceFactory.create(agent_scope=["agent-1"])
    for number in range(15):
        start, end, _ = tell_whole()
        early, later = store(
            [type(end)(end.event_type, end.data, agent_uuid=""), start], source, f"c-{number}"
        )
        process(early)
        reopen(early)
        run_together([partial(process, early), partial(process, later)])
    assert list(Event.objects.exclude(status="processed").values("status", "error")) == []
    assert not Effect.objects.filter(state="skipped").exists()
    assert Effect.objects.count() == 15 * 4


def test_batches_that_share_conversations_end_in_no_deadlock(settings: Settings) -> None:
    """Four workers on twenty conversations, with the events of each strewn over all batches.

    Some events settle others, some are replayed, and workers claim what has waited to be settled.
    """
    bind_callback(settings, lambda _: None)
    chance = random.Random(1)  # noqa: S311 -- only to be repeatable
    source = SourceFactory.create(agent_scope=["agent-1"])
    start, end, analysis = tell_whole()
    unnamed = replace(end, agent_uuid=""), replace(analysis, agent_uuid="", data=ANALYSIS)
    for number in range(4):
        tellings = [
            (f"c-{number}-{conversation}", replace(telling, event_id=uuid.uuid4()))
            for conversation in range(20)
            for telling in (*unnamed, *unnamed, start)
        ]
        chance.shuffle(tellings)
        if number % 2:  # then nobody waits for another that is just adding one
            names = sorted({name for name, _ in tellings})
            Conversation.objects.bulk_create(Conversation(conversation_uuid=name) for name in names)
        events = [store([telling], source, name)[0] for name, telling in tellings]
        early = events[:20]
        for event in early:
            process(event)
            reopen(event)
        batches = [events[place::4] for place in range(4)]
        lease = uuid.uuid4()
        Event.objects.filter(status="pending").update(attempts=1, lease=lease)
        Effect.objects.filter(state="pending").update(due_at=Now())
        calls: list[Callable[[], object]] = [
            partial(process_batch, Batch(tuple(event.pk for event in batch), 1, lease))
            for batch in batches
        ]
        calls += [partial(work_off, alias) for alias in ("tickets", "tasks", "crm")]
        run_together(calls)
        assert list(Event.objects.exclude(status="processed").values("status", "error")) == []
    assert not Effect.objects.filter(reason=AGENT_UNKNOWN).exists()
    assert not Event.objects.filter(attempts__gt=1).exists()


def test_redelivery_and_replay_beside_two_workers_process_each_event_once(
    settings: Settings,
) -> None:
    """Whoever comes at the same time, all is processed, and every side effect happens once."""
    applied: Counter[str] = Counter()
    bind_callback(settings, lambda request: applied.update([request.idempotency_key]))
    source = SourceFactory.create(slug="demo")
    source.add_secret(SECRET)
    row = Replay.objects.create(reason="a test", requested_from="a test", selection={})
    for _ in range(3):
        bodies = [build_event(event_id=str(uuid.uuid4())) for _ in range(30)]
        door = Door()
        assert {door.send_signed(body).status for body in bodies} == {202}

        def deliver_again(bodies: Sequence[bytes] = bodies) -> set[int]:
            return {Door().send_signed(body).status for body in bodies}

        def replay() -> None:
            for _ in range(5):
                restart_events(row, Event.objects.all(), set())

        calls: list[Callable[[], object]] = [work_off_events, work_off_events]
        run_together([*calls, deliver_again, replay])
        work_off_events()
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
    assert Event.objects.count() == 90
    for alias in REQUESTS:
        work_off(alias)
    keys = Effect.objects.exclude(state="skipped").values_list("idempotency_key", "state")
    assert dict(keys) == dict.fromkeys(applied, "succeeded")
    assert set(applied.values()) == {1}


def test_two_sources_that_report_the_same_end_bill_it_once() -> None:
    """The index on the business key decides, whoever plans at the same moment."""
    for _ in range(10):
        name = str(uuid.uuid4())
        events = [store(tell_whole()[1:2], SourceFactory.create(), name)[0] for _ in range(3)]
        run_together([partial(process, event) for event in events])
    owed = Effect.objects.filter(integration="usage").exclude(state="skipped")
    assert owed.count() == 10
    assert not owed.values("idempotency_key").annotate(n=Count("pk")).filter(n__gt=1).exists()


def test_planning_the_same_key_at_once_is_no_error() -> None:
    """Even without the conversation's lock, two that plan one key end with one effect."""
    conversation = ConversationFactory.create()
    events = EventFactory.create_batch(2, conversation_uuid=conversation.conversation_uuid)
    owed = [Owed("usage", "usage:call", {})]
    plans = [Plan(Occasion(event, Facts((1, "", ""), {}), conversation), owed) for event in events]
    run_together([partial(write_plans, [plan]) for plan in plans])
    assert sorted(Effect.objects.values_list("state", flat=True)) == ["pending", "skipped"]
    Effect.objects.all().delete()
    write_plans(plans)
    assert sorted(Effect.objects.values_list("state", flat=True)) == ["pending", "skipped"]


def test_a_replay_under_way_keeps_no_duplicate_waiting() -> None:
    """The replay's lock lets a delivery be recorded that refers to the locked event."""
    source = SourceFactory.create(slug="demo")
    source.add_secret(SECRET)
    door, body = Door(), build_event()
    assert door.send_signed(body).status == 202
    row = Replay.objects.create(reason="a test", requested_from="a test", selection={})
    with transaction.atomic():
        restart_events(row, Event.objects.all(), set())
        with ThreadPoolExecutor(1) as other:
            answer = other.submit(send_and_close, door, body).result()
    assert answer.outcome == (200, "duplicate")


def send_and_close(door: Door, body: bytes) -> Answer:
    """Deliver from a thread whose connection ends with it."""
    try:
        return door.send_signed(body)
    finally:
        connections.close_all()
