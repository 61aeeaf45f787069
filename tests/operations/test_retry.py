"""Retrying and closing what waits for people."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.operations.asking import because, have_done
from tests.operations.brokers import no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.together import run_together
from tests.workers import run_due
from webhooks.models import Attempt, Effect, Event, Replay
from webhooks.operations.retry import EffectRetry
from webhooks.operations.runs import NothingToDoError, ask_for, carry_out, preview_run
from webhooks.operations.selection import AnySelection, EffectSelection, Selection

ALL = EffectSelection()


def retry(selection: AnySelection = ALL) -> Replay:
    """Have effects tried again."""
    return have_done(Replay.Action.RETRY, selection)


def close(selection: AnySelection = ALL) -> Replay:
    """Have effects or events closed."""
    return have_done(Replay.Action.CLOSING, selection)


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
    assert retry().effects_to_run == 1
    assert run_due() == 1
    done = Effect.objects.get(pk=effect.pk)
    assert (done.state, done.idempotency_key) == ("succeeded", effect.idempotency_key)
    assert done.attempts.count() == before + 1
    with pytest.raises(NothingToDoError):
        retry()


@pytest.mark.django_db
def test_a_look_ahead_foretells_what_is_done() -> None:
    """In every state: failed, dead and closed are tried again, the others left alone."""
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    for state in Effect.State.values:
        EffectFactory.create(event=event, conversation=conversation, state=state)
    selection = EffectSelection(effects=tuple(Effect.objects.values_list("pk", flat=True)))
    seen = preview_run(Replay.Action.RETRY, selection)
    assert (seen.rows, seen.found, seen.examined) == (3, 7, 7)
    assert dict(seen.lines) == {
        "CRM: tried again": 3,
        "Left alone: tried by itself, now or when its back-off is over": 1,
        "Left alone: under way": 1,
        "Left alone: done": 1,
        "Left alone: nothing to do": 1,
    }
    run = retry(selection)
    assert (run.looked_at, run.effects_to_run, run.effects_kept) == (7, 3, 4)


@pytest.mark.django_db
def test_without_a_name_only_what_waits_for_people_is_meant() -> None:
    """Nobody means a retry of what is done, or closed, by all effects of an integration."""
    event = EventFactory.create(status="processed")
    conversation = ConversationFactory.create()
    for state in Effect.State.values:
        EffectFactory.create(event=event, conversation=conversation, state=state)
    for action in (Replay.Action.RETRY, Replay.Action.CLOSING):
        seen = preview_run(action, EffectSelection(integration="crm"))
        assert (seen.found, seen.rows) == (2, 2)
    assert preview_run(Replay.Action.RETRY, EffectSelection(state="closed")).rows == 1


@pytest.mark.django_db
def test_a_closed_effect_keeps_its_key_through_a_replay() -> None:
    """What somebody has decided not to do is neither done nor planned anew."""
    events = store_conversation()
    run_all(events)
    effect = make_stopped("usage", "failed")
    assert close().effects_closed == 1
    have_done(Replay.Action.REPLAY, Selection())
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
    closing = close(Selection(keys=(event.pk,)))
    if "event_ids" in given:
        given = {"event_ids": (event.event_id,)}
    selection = Selection(**given)
    assert preview_run(Replay.Action.REPLAY, selection).rows == int(restarted)
    if restarted:
        run = have_done(Replay.Action.REPLAY, selection)
        event.refresh_from_db()
        assert (event.status, event.replay) == ("pending", run)
    else:
        with pytest.raises(NothingToDoError):
            ask_for(Replay.Action.REPLAY, selection, because())
        event.refresh_from_db()
        assert (event.status, event.replay) == ("closed", closing)


@pytest.mark.django_db
def test_only_events_that_stopped_are_closed() -> None:
    """One that is on its way, or done, cannot be taken away."""
    events = {status: EventFactory.create(status=status) for status in Event.Status.values}
    chosen = Selection(keys=tuple(event.pk for event in events.values()))
    assert preview_run(Replay.Action.CLOSING, chosen).rows == 2
    run = close(chosen)
    assert (run.events, run.looked_at) == (2, len(events))
    for status, event in events.items():
        event.refresh_from_db()
        closed = status in {"failed", "dead", "closed"}
        assert event.status == ("closed" if closed else status)


@pytest.mark.django_db
def test_a_restarted_effect_of_a_replay_names_it() -> None:
    """One record for both: who wanted it, and why."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    run = have_done(Replay.Action.REPLAY, Selection(failed=True))
    effect.refresh_from_db()
    assert effect.replay == run


@pytest.mark.usefixtures("own_database")
def test_two_people_who_retry_the_same_do_it_once() -> None:
    """The second one finds it done; neither fails, and each has a record of its own."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    chosen = EffectSelection(effects=(effect.pk,))
    runs = [ask_for(Replay.Action.RETRY, chosen, because()) for _ in range(2)]
    run_together([partial(carry_out, run) for run in runs])
    records = Replay.objects.values_list("effects_to_run", "effects_kept", "state")
    assert sorted(records) == [(0, 1, "finished"), (1, 0, "finished")]


@pytest.mark.django_db
def test_an_effect_that_runs_is_not_taken_from_its_worker() -> None:
    """Its lease and its attempt stay as they are, whatever its key is named in."""
    run_all(store_conversation())
    effect = make_stopped("usage", "running")
    Effect.objects.filter(pk=effect.pk).update(due_at=Now())
    with pytest.raises(NothingToDoError):
        retry(EffectSelection(keys=(effect.idempotency_key,)))
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
    meant = EffectRetry(ALL).find()
    keys = meant.order_by("pk").filter(pk__gt=0, pk__lte=9999).values_list("pk")[:500]
    listed = Effect.objects.filter(state__in=Effect.STOPPED)[:51]
    assert "effect_stopped" in keys.explain()
    assert "effect_stopped" in listed.explain()
