"""Replaying stored events: what is foretold, what happens, and that it happens once."""

import itertools
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations.ledger import models as ledger
from tests.factories import EffectFactory, EventFactory, SourceFactory
from tests.operations.asking import because, have_done
from tests.operations.brokers import broker_in, no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.processing.test_backlog import fill_tables
from tests.together import run_together
from webhooks.models import Attempt, Conversation, Effect, Event, Replay, Route
from webhooks.operations.conversations import Shape
from webhooks.operations.follow import Followed, follow_events
from webhooks.operations.forecast import Forecast, forecast_events
from webhooks.operations.runs import Asked, NothingToDoError, ask_for, carry_out
from webhooks.operations.selection import Selection, select_events
from webhooks.processing.batches import BATCH, claim_fresh
from webhooks.processing.sweep import GRACE, sweep

EVERYTHING = Selection()


def ask(selection: Selection = EVERYTHING, asked: Asked | None = None) -> Replay:
    """Have it replayed."""
    return have_done(Replay.Action.REPLAY, selection, asked)


def look(selection: Selection = EVERYTHING) -> Forecast:
    """Return what a replay would do."""
    events = select_events(selection).select_related("source").order_by("pk")
    return forecast_events(events, set(), reopens=selection.names_closed)


def count_ledger() -> list[int]:
    """Return how much there is in each of the ledger's tables."""
    tables = (
        ledger.LedgerActivity,
        ledger.LedgerTicket,
        ledger.LedgerUsageRecord,
        ledger.LedgerFollowUp,
    )
    return [table._default_manager.count() for table in tables]  # noqa: SLF001 -- Django's documented API


def read_effects() -> dict[str, tuple[str, int]]:
    """Return every effect's state and attempts."""
    return {
        f"{effect.event_id} {effect.idempotency_key}": (effect.state, effect.attempts_made)
        for effect in Effect.objects.all()
    }


@pytest.fixture(autouse=True)
def _sending(request: pytest.FixtureRequest) -> Any:
    """Have a broker in the test's own database where it has one, and none otherwise."""
    if "own_database" in request.fixturenames:
        with broker_in(request.getfixturevalue("own_database")):
            yield
    else:
        with no_broker():
            yield


@pytest.mark.django_db
def test_a_replay_of_what_was_done_does_nothing_again() -> None:
    """The same keys: no effect is run, none is added, and the ledger stays as it is."""
    events = store_conversation()
    run_all(events)
    before, ledger_before = read_effects(), count_ledger()
    run = ask()
    assert (run.events, run.effects_to_run, run.effects_kept) == (3, 0, 6)
    run_all(events)
    assert read_effects() == before
    assert count_ledger() == ledger_before == [1, 1, 1, 1]
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["failed", "dead"])
def test_a_stopped_effect_is_run_again_with_all_its_attempts(state: str) -> None:
    """What people have to set going is set going, and nothing beside it."""
    events = store_conversation()
    run_all(events)
    stopped = make_stopped("tickets", state)
    assert look().retried == 1
    assert ask().effects_to_run == 1
    stopped.refresh_from_db()
    assert stopped.state == "pending"
    assert stopped.attempts_limit - stopped.attempts_made == settings.WEBHOOKS_MAX_ATTEMPTS
    assert stopped.priority == Effect.Priority.REPLAY
    run_all(events)
    stopped.refresh_from_db()
    assert stopped.state == "succeeded"
    assert Attempt.objects.filter(effect=stopped).count() == 2


@pytest.mark.django_db
def test_what_todays_routes_owe_beyond_that_is_planned() -> None:
    """A route that was off when the events came is made up for, behind all live work."""
    Route.objects.filter(integration="usage").update(is_active=False)
    events = store_conversation()
    run_all(events)
    assert look().skipped == 1
    Route.objects.filter(integration="usage").update(is_active=True)
    assert (look().planned, look().skipped, look().retried) == (1, 0, 0)
    ask()
    run_all(events)
    usage = Effect.objects.get(integration="usage")
    assert (usage.state, usage.priority) == ("succeeded", Effect.Priority.REPLAY)
    assert set(Effect.objects.exclude(pk=usage.pk).values_list("priority", flat=True)) == {0}


SHAPES = (Shape("failed", 2, 2), Shape("completed", 0, 0), Shape("transferred", 1, 1))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scoped", "rerouted", "stopped", "emitted_again"),
    [*itertools.product((False, True), repeat=4)],
)
def test_the_preview_says_what_will_be(
    *, scoped: bool, rerouted: bool, stopped: bool, emitted_again: bool
) -> None:
    """Whatever has changed since, the counts foretold are the counts that come about."""
    source = SourceFactory.create()
    events = [event for shape in SHAPES for event in store_conversation(shape, source)]
    run_all(events)
    if scoped:
        source.agent_scope = [events[0].agent_uuid]
        source.save()
    if rerouted:
        Route.objects.filter(integration="tickets").update(is_active=False)
        Route.objects.create(event_type="conversation.started", integration="tasks")
    if stopped:
        make_stopped("usage", "dead")
        make_stopped("crm", "failed")
    if emitted_again:
        ended = events[1]
        events.append(
            EventFactory.create(
                source=source,
                conversation_uuid=ended.conversation_uuid,
                event_type=ended.event_type,
                body=ended.body,
                status="failed",
            )
        )
    before = {effect.pk: effect.state for effect in Effect.objects.all()}
    foretold = look()
    assert {effect.pk: effect.state for effect in Effect.objects.all()} == before
    ask()
    replayed_and_pending = set(Effect.objects.filter(state="pending").values_list("pk", flat=True))
    run_all(events)
    after = {effect.pk: effect.state for effect in Effect.objects.all()}
    live = [pk for pk, state in after.items() if state != "skipped"]
    assert foretold.retried == len(replayed_and_pending)
    assert foretold.planned == len([pk for pk in live if before.get(pk, "skipped") == "skipped"])
    assert foretold.kept == len([pk for pk in live if before.get(pk) == "succeeded"])
    assert foretold.skipped == len(after) - len(live)
    assert Effect.objects.exclude(state__in=["succeeded", "skipped"]).count() == 0


@pytest.mark.django_db
def test_the_preview_changes_nothing_and_asks_little(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    """Events that were never projected are foretold too, without making their conversation."""
    for _ in range(10):
        for event in store_conversation():
            event.status = "failed"
            event.save()
    with django_assert_max_num_queries(10):
        assert look().planned == 60
    assert not Conversation.objects.exists()
    assert not Effect.objects.exists()


@pytest.mark.django_db
def test_an_event_that_waits_already_is_left_alone() -> None:
    """Its attempts and its turn stay as they are."""
    event, other, _ = store_conversation()
    run_all([other])
    Event.objects.filter(status="pending").update(attempts=3)
    assert look().pending == 2
    run = ask()
    event.refresh_from_db()
    assert (run.looked_at, run.events, event.attempts) == (3, 1, 3)


@pytest.mark.django_db
def test_an_event_that_is_held_is_left_to_its_source() -> None:
    """It is processed when somebody resumes that, and whoever asks is told so."""
    held = EventFactory.create(status="held")
    assert (look().held, look().events) == (1, 0)
    with pytest.raises(NothingToDoError):
        ask()
    held.refresh_from_db()
    assert held.status == "held"


@pytest.mark.django_db
def test_an_event_whose_body_is_gone_is_counted_and_left_alone() -> None:
    """There is nothing left to process."""
    events = store_conversation()
    run_all(events)
    Event.objects.filter(pk=events[0].pk).update(body=None)
    assert look().gone == 1
    assert ask().events == 2
    assert Event.objects.get(pk=events[0].pk).status == "processed"


@pytest.mark.django_db
def test_an_event_that_will_fail_again_is_foretold() -> None:
    """A body that cannot be read does not become readable."""
    EventFactory.create(body=b"[]", status="failed")
    assert (look().events, look().failing) == (1, 1)


@pytest.mark.django_db
def test_a_failed_event_starts_with_all_its_attempts_and_no_error() -> None:
    """As if it had just arrived."""
    event = store_conversation()[0]
    Event.objects.filter(pk=event.pk).update(status="failed", attempts=16, error="KeyError")
    ask(Selection(failed=True))
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("pending", 0, "")
    assert event.due_at <= timezone.now()


@pytest.mark.django_db
def test_a_replay_leaves_the_newest_half_to_what_has_just_come_in() -> None:
    """However much is replayed: it works off the replay with the half that is due for longest."""
    source = SourceFactory.create()
    hour_ago = timezone.now() - timedelta(hours=1)
    old = EventFactory.create_batch(
        2 * BATCH, source=source, status="processed", received_at=hour_ago
    )
    fresh = EventFactory.create_batch(2 * BATCH, source=source)
    ask(Selection(status="processed"))
    batch = claim_fresh()
    assert batch is not None
    claimed = set(batch.keys)
    assert {event.pk for event in fresh[-(BATCH // 2) :]} <= claimed
    assert len({event.pk for event in old} & claimed) == BATCH // 2


@pytest.mark.django_db
def test_a_replayed_event_is_due_though_a_clock_was_wrong_when_it_came() -> None:
    """It does not wait until the time at which it is said to have come."""
    event = EventFactory.create(status="processed", received_at=timezone.now() + timedelta(hours=1))
    ask(Selection(status="processed"))
    event.refresh_from_db()
    assert event.due_at <= timezone.now()


@pytest.mark.django_db
def test_who_asked_for_what_and_why_is_recorded() -> None:
    """With how many events and effects it came to."""
    run_all(store_conversation())
    make_stopped("usage", "dead")
    person = User.objects.create_user("ada")
    chosen = Selection(event_type="conversation.ended", received_from=timezone.now())
    Event.objects.update(received_at=timezone.now() + timedelta(hours=1))
    row = ask(chosen, because("The CRM was down.", person))
    assert row == Replay.objects.get()
    assert (row.requested_by, row.reason, row.requested_from) == (
        person,
        "The CRM was down.",
        "admin",
    )
    assert row.selection["event_type"] == "conversation.ended"
    assert (row.events, row.effects_to_run, row.effects_kept) == (1, 1, 1)


def test_without_a_broker_the_replay_stands_and_the_sweep_finds_it(own_database: str) -> None:
    """Nothing was handed over, everything is due."""
    run_all(store_conversation())
    with no_broker():
        assert ask().events == 3
    Event.objects.update(due_at=Now() - GRACE)
    with broker_in(own_database):
        assert sweep().events == 1


def test_with_a_broker_every_event_is_handed_over(own_database: str) -> None:  # noqa: ARG001
    """A hint at all of them lies in the queue."""
    run_all(store_conversation())
    assert ask().events == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pgmq.q_switchboard_events")
        assert cursor.fetchone() == (1,)


def test_two_replays_at_once_restart_each_event_once(own_database: str) -> None:  # noqa: ARG001
    """The one that comes second finds the events pending, and leaves them alone."""
    for _ in range(20):
        run_all(store_conversation())
    runs = [ask_for(Replay.Action.REPLAY, EVERYTHING, because()) for _ in range(2)]
    run_together([partial(carry_out, run) for run in runs])
    counts = list(Replay.objects.values_list("events", "looked_at", "state"))
    assert sum(events for events, _, _ in counts) == 60
    assert {(looked_at, state) for _, looked_at, state in counts} == {(60, "finished")}


@pytest.mark.django_db
def test_each_choice_narrows_the_selection() -> None:
    """Everything that is given must hold."""
    one, other = store_conversation()[0], store_conversation()[1]
    Event.objects.filter(pk=one.pk).update(status="failed")
    moment = timezone.now()
    for given in (
        Selection(event_ids=(one.event_id,)),
        Selection(event_type=one.event_type, conversation=one.conversation_uuid),
        Selection(status="failed"),
        Selection(failed=True),
        Selection(needs_people=True),
        Selection(keys=(one.pk,)),
        Selection(source=one.source.slug, event_type=one.event_type),
    ):
        assert list(select_events(given)) == [one], given
    assert not select_events(Selection(status="failed", source=other.source.slug)).exists()
    assert not select_events(Selection(received_from=moment + timedelta(hours=1))).exists()
    assert select_events(Selection(received_to=moment + timedelta(hours=1))).count() == 6


@pytest.mark.django_db
def test_failed_means_a_stopped_effect_too_and_counts_an_event_once() -> None:
    """However many of its effects have failed."""
    events = store_conversation(Shape("completed", 1, 2))
    run_all(events)
    Effect.objects.filter(integration="tasks").update(state="failed")
    assert list(select_events(Selection(failed=True))) == [events[2]]


@pytest.mark.usefixtures("own_database")
def test_what_failed_is_found_by_indexes_that_hold_nothing_else() -> None:
    """Among tens of thousands of rows that are well: to count them, and batch by batch."""
    fill_tables()
    source = SourceFactory.create()
    failed = EventFactory.create_batch(3, source=source, status="failed")
    done = EventFactory.create(source=source, status="processed")
    Effect.objects.filter(integration="crm", state="pending").update(state="dead", event=done)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")
    found = select_events(Selection(failed=True))
    assert set(found) == {*failed, done}
    bounded = select_events(Selection(failed=True), failed[0].pk, done.pk)
    assert set(bounded) == {*failed[1:], done}
    batch = bounded.order_by("pk").values_list("pk")[:50]
    for question in (found.order_by().values_list("pk"), batch):
        plan = question.explain()
        assert "event_stopped" in plan or "event_not_processed" in plan
        assert "effect_stopped" in plan or "effect_by_state" in plan
        assert "Seq Scan" not in plan


@pytest.mark.django_db
def test_following_ends_when_all_effects_have() -> None:
    """Done, failed and under way are told apart."""
    events = store_conversation()
    run_all(events)
    make_stopped("usage", "dead")
    make_stopped("tasks", "running")
    keys = [event.pk for event in events]
    assert follow_events(keys, 0) == Followed(done=1, failed=1, held=0, under_way=1)
    Effect.objects.filter(state="running").update(state="succeeded")
    seen: list[int] = []
    assert follow_events(keys, 5, seen.append) == Followed(done=2, failed=1, held=0, under_way=0)
    assert sum(seen) == 3


@pytest.mark.django_db
def test_a_step_of_a_walk_reads_no_failed_effects_but_those_in_its_range() -> None:
    """Else each batch of a replay of all that failed would read all of them again."""
    done = EventFactory.create(status="processed")
    EffectFactory.create_batch(300, event=done, state="dead", created_at=timezone.now())
    late = EffectFactory.create(event__status="processed", state="failed")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_event, webhooks_effect")
        # The tables are so small here that Postgres would read them whole.
        cursor.execute("SET LOCAL enable_seqscan = off")
    batch = select_events(Selection(failed=True), late.event_id - 1, late.event_id)
    question = batch.order_by("pk").values_list("pk")[:50]
    assert list(question) == [(late.event_id,)]
    plan = question.explain(analyze=True, costs=False, timing=False)
    (scan,) = [line for line in plan.splitlines() if "on webhooks_effect" in line]
    assert "effect_stopped_by_event" in plan
    assert "event_id >" in plan
    assert "rows=1 " in scan.replace(".00", "")


@pytest.mark.django_db
def test_held_events_are_not_done_and_keep_nobody_waiting() -> None:
    """Nothing becomes of them until their source is resumed, whatever their effects say."""
    events = store_conversation()
    run_all(events)
    make_stopped("usage", "dead")
    Event.objects.update(status="held")
    keys = [event.pk for event in events]
    assert follow_events(keys, 60) == Followed(done=0, failed=0, held=3, under_way=0)
