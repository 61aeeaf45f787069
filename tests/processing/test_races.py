"""Workers that get at the same rows at the same moment, each on a connection of its own."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Count
from pytest_django import Settings

from integrations.base import Alias, Request
from integrations.kinds import REQUESTS
from tests.contracts.requests import make_follow_up, make_ticket_request, make_usage_record
from tests.factories import ConversationFactory, EffectFactory, EventFactory, SourceFactory
from tests.ingest.door import SECRET, Answer, Door
from tests.processing.integration import assert_outside_transactions, bind_callback
from tests.processing.stories import (
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
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.events import claim_event
from webhooks.processing.planning import plan
from webhooks.processing.projection import Facts
from webhooks.processing.sweep import sweep
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
        assert sorted(map(bool, claims)) == [False, False, False, True]
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


def test_workers_racing_for_an_event_make_one_claim() -> None:
    """Of four that take up an event at once exactly one gets it, round after round."""
    for event in EventFactory.create_batch(25):
        claims = run_together([partial(claim_event, event.pk)] * 4)
        assert sorted(claims) == [False, False, False, True]


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
    """A claim waits for the moment that a projection holds the conversation's lock."""
    effect = EffectFactory.create()

    def claim_meanwhile() -> object:
        try:
            return claim_best("crm")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Conversation.objects.select_for_update().get(pk=effect.conversation_id)
            claim = pool.submit(claim_meanwhile)
            with pytest.raises(TimeoutError):
                claim.result(0.5)
        assert isinstance(claim.result(10), Claim)


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
    events = EventFactory.create_batch(
        2, conversation_uuid=conversation.conversation_uuid, data={"duration_seconds": 5}
    )
    facts = Facts((1, "", ""), {"duration_seconds": 5})
    run_together(
        [
            partial(plan, event, facts, Conversation.objects.get(pk=conversation.pk))
            for event in events
        ]
    )
    states = Effect.objects.filter(integration="usage").values_list("state", flat=True)
    assert sorted(states) == ["pending", "skipped"]


def test_sweeps_at_once_take_no_event_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is handed over by one of the sweeps, and none is left."""
    sent: list[int] = []
    monkeypatch.setattr("webhooks.processing.sweep.BATCH", 7)
    monkeypatch.setattr("webhooks.processing.sweep.send_events", sent.extend)
    events = EventFactory.create_batch(100)
    swept = run_together([sweep] * 3)
    assert sorted(sent) == [event.pk for event in events]
    assert sum(each.events for each in swept) == 100


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
