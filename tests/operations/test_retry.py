"""Retrying and closing what waits for people."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.operations.brokers import no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.workers import run_due
from webhooks.models import Attempt, Effect, Event, Replay
from webhooks.operations import retry as retrying
from webhooks.operations.forecast import preview
from webhooks.operations.replay import replay
from webhooks.operations.retry import Asked, close_effects, close_events, preview_retry, retry
from webhooks.operations.selection import (
    EffectSelection,
    Selection,
    select_effects,
    select_events,
)

ASKED = Asked(reason="a test", requested_by=None, requested_from="test")
ALL = EffectSelection()


@pytest.fixture(autouse=True)
def _nobody_to_tell() -> Iterator[None]:
    with no_broker():
        yield


@pytest.mark.django_db
def test_an_effect_is_tried_again_until_it_is_done_and_keeps_its_key() -> None:
    """Its attempts are numbered on, and a second retry finds nothing to do."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    before = effect.attempts.count()
    assert retry(ALL, ASKED).rows == 1
    assert run_due() == 1
    done = Effect.objects.get(pk=effect.pk)
    assert (done.state, done.idempotency_key) == ("succeeded", effect.idempotency_key)
    assert done.attempts.count() == before + 1
    assert retry(ALL, ASKED).rows == 0


@pytest.mark.django_db
def test_a_look_ahead_foretells_what_is_done() -> None:
    """In every state: failed, dead and closed are tried again, the others left alone."""
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    for state in Effect.State.values:
        EffectFactory.create(event=event, conversation=conversation, state=state)
    selection = EffectSelection(effects=tuple(Effect.objects.values_list("pk", flat=True)))
    seen = preview_retry(select_effects(selection))
    assert (seen.rows, seen.total) == (3, len(Effect.State.values))
    assert set(seen.left_alone) == {"pending", "running", "succeeded", "skipped"}
    handled = retry(selection, ASKED)
    assert (handled.rows, handled.replay.effects_to_run, handled.replay.effects_kept) == (3, 3, 4)


@pytest.mark.django_db
def test_a_closed_effect_keeps_its_key_through_a_replay() -> None:
    """What somebody has decided not to do is neither done nor planned anew."""
    events = store_conversation()
    run_all(events)
    effect = make_stopped("usage", "failed")
    assert close_effects(ALL, ASKED).replay.effects_closed == 1
    replay(Selection(), reason="a test", requested_by=None, requested_from="test")
    run_all(events)
    same = Effect.objects.get(idempotency_key=effect.idempotency_key)
    assert (same.pk, same.state) == (effect.pk, "closed")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "restarted"),
    [
        ({}, False),
        ({"event_type": "conversation.ended"}, False),
        ({"status": "closed"}, True),
        ({"event_ids": True}, True),
    ],
)
def test_a_closed_event_is_replayed_only_where_it_is_named(
    given: dict[str, Any],
    restarted: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    """Else it stays as somebody has decided, and says who that was and why."""
    event = EventFactory.create(status="dead")
    closing = close_events([event.pk], ASKED).replay
    if "event_ids" in given:
        given = {"event_ids": (event.event_id,)}
    selection = Selection(**given)
    foretold = preview(select_events(selection), reopens=selection.names_closed).forecast
    assert (foretold.events, foretold.closed) == (int(restarted), int(not restarted))
    replayed = replay(selection, reason="a test", requested_by=None, requested_from="test")
    assert replayed.forecast == foretold
    event.refresh_from_db()
    if restarted:
        assert (event.status, event.replay) == ("pending", replayed.replay)
    else:
        assert (event.status, event.replay) == ("closed", closing)


@pytest.mark.django_db
def test_only_events_that_stopped_are_closed() -> None:
    """One that is on its way, or done, cannot be taken away."""
    events = {status: EventFactory.create(status=status) for status in Event.Status.values}
    handled = close_events([event.pk for event in events.values()], ASKED)
    assert (handled.rows, handled.replay.events) == (2, 2)
    for status, event in events.items():
        event.refresh_from_db()
        closed = status in {"failed", "dead", "closed"}
        assert event.status == ("closed" if closed else status)


@pytest.mark.django_db
def test_a_restarted_effect_of_a_replay_names_it() -> None:
    """One record for both: who wanted it, and why."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    row = replay(Selection(failed=True), reason="x", requested_by=None, requested_from="x").replay
    effect.refresh_from_db()
    assert effect.replay == row


@pytest.mark.usefixtures("own_database")
def test_rows_are_dealt_with_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch commits by itself: what one interruption leaves is little."""
    monkeypatch.setattr(retrying, "BATCH", 3)
    run_all(store_conversation())
    like = make_stopped("tickets", "dead")
    EffectFactory.create_batch(
        6, event=like.event, conversation=like.conversation, integration="usage", state="dead"
    )
    seen: list[tuple[int, int]] = []

    def look(number: int) -> None:
        assert not connection.in_atomic_block
        seen.append((number, Effect.objects.filter(state="pending").count()))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry(ALL, ASKED, look)
    assert seen == [(3, 3), (3, 6)]
    assert Replay.objects.get().effects_to_run == 6
    assert retry(ALL, ASKED).rows == 1


@pytest.mark.usefixtures("own_database")
def test_two_people_who_retry_the_same_do_it_once() -> None:
    """The second one waits for the first, and finds it done; neither fails."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    handled: list[int] = []

    def ask() -> None:
        handled.append(retry(EffectSelection(effects=(effect.pk,)), ASKED).rows)
        connection.close()

    with transaction.atomic():
        Effect.objects.select_for_update(no_key=True).get(pk=effect.pk)
        people = [threading.Thread(target=ask) for _ in range(2)]
        for person in people:
            person.start()
        people[0].join(0.5)
        assert all(person.is_alive() for person in people)
    for person in people:
        person.join(10)
    assert sorted(handled) == [0, 1]


@pytest.mark.django_db
def test_an_effect_that_runs_is_not_taken_from_its_worker() -> None:
    """Its lease and its attempt stay as they are, whatever its key is named in."""
    run_all(store_conversation())
    effect = make_stopped("usage", "running")
    Effect.objects.filter(pk=effect.pk).update(due_at=Now())
    assert retry(EffectSelection(keys=(effect.idempotency_key,)), ASKED).rows == 0
    effect.refresh_from_db()
    assert effect.state == "running"
    assert Attempt.objects.filter(effect=effect).count() == 1


@pytest.mark.usefixtures("own_database")
def test_what_waits_for_people_is_found_by_an_index_that_holds_nothing_else() -> None:
    """Whatever number of them is done and stands before the first that is not."""
    event = EventFactory.create(status="dead")
    conversation = ConversationFactory.create()
    Effect.objects.bulk_create(
        (
            Effect(
                event=event,
                conversation=conversation,
                idempotency_key=f"effect {number}",
                state="succeeded" if number < 5000 else "dead",
            )
            for number in range(5010)
        ),
        batch_size=1000,
    )
    EventFactory.create_batch(50, status="processed", source=event.source)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")
    keys = select_effects(ALL).order_by("pk").filter(pk__gt=0).values_list("pk")[:500]
    listed = Effect.objects.filter(state__in=Effect.STOPPED)[:51]
    assert "effect_stopped" in keys.explain()
    assert "effect_stopped" in listed.explain()
