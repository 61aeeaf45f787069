"""Asking for a run: what is written down, what is refused, who is told, and how it is stopped."""

import threading
import time
import uuid
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.db.models.functions import Now

from tests.factories import EffectFactory, EventFactory, ReplayFactory, SourceFactory
from tests.operations.asking import SOMEBODY, because, have_done
from tests.operations.brokers import broker_in, no_broker, silent_broker
from tests.together import run_together
from webhooks.models import AuditEntry, Event, Replay
from webhooks.operations.claims import claim_run, hold
from webhooks.operations.runs import (
    Asked,
    NothingToDoError,
    RequestKeyTakenError,
    ask_for,
    carry_out,
    preview_run,
    stop,
)
from webhooks.operations.selection import AnySelection, EffectSelection, Selection
from webhooks.processing.hints import count_waiting
from webhooks.processing.sweep import GRACE, sweep

Action = Replay.Action


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "selection"),
    [
        (Action.REPLAY, Selection()),
        (Action.RETRY, EffectSelection()),
        (Action.REDO, EffectSelection()),
        (Action.CLOSING, Selection()),
        (Action.CLOSING, EffectSelection()),
    ],
)
def test_each_action_ends_in_one_run_and_one_audit_entry(
    action: Replay.Action, selection: AnySelection
) -> None:
    """With who, why and what, and none where there is nothing to do."""
    with no_broker():
        with pytest.raises(NothingToDoError, match="Nothing to do"):
            ask_for(action, selection, because())
        assert not Replay.objects.exists()
        assert not AuditEntry.objects.exists()
        EffectFactory.create(state="dead", event__status="failed")
        EffectFactory.create(state="succeeded", event__status="dead")
        ada = User.objects.create_user("ada")
        run = have_done(action, selection, because("Mended.", ada))
    assert (run.state, run.requested_by, run.requested_from) == ("finished", ada, "admin")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.detail) == (action.value, ada, "Mended.")
    assert (entry.subject_type, entry.subject_id) == ("webhooks.replay", str(run.pk))


@pytest.mark.django_db
def test_rows_that_come_later_are_not_meant() -> None:
    """What was looked at before is what is done, and no more."""
    source = SourceFactory.create()
    EventFactory.create_batch(2, source=source, status="dead")
    with no_broker():
        run = ask_for(Action.CLOSING, Selection(source=source.slug), because())
        late = EventFactory.create(source=source, status="dead")
        run = carry_out(run)
    late.refresh_from_db()
    assert (run.found, run.looked_at, run.events, late.status) == (2, 2, 2, "dead")


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_given_and_no_novel(reason: str) -> None:
    """Nothing is written without one."""
    EventFactory.create(status="dead")
    with pytest.raises(ValueError, match="Say why"):
        ask_for(Action.CLOSING, Selection(), because(reason))
    assert not Replay.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "selection"),
    [
        (Action.REPLAY, EffectSelection()),
        (Action.RETRY, Selection()),
        (Action.REDO, Selection()),
    ],
)
def test_an_action_is_for_rows_of_its_kind(action: Replay.Action, selection: AnySelection) -> None:
    """Events are not retried, and effects not replayed."""
    for ask in (partial(preview_run, action, selection), partial(ask_for, action, selection)):
        with pytest.raises(ValueError, match="is not for"):
            ask(*([because()] if ask.func is ask_for else []))


@pytest.mark.usefixtures("own_database")
def test_a_form_that_is_sent_twice_asks_once() -> None:
    """Also at the same moment: both are given the one run."""
    EventFactory.create_batch(3, status="dead", source=SourceFactory.create())
    asked = Asked(actor=SOMEBODY, reason="a test", request_key=uuid.uuid4())
    with no_broker():
        runs = run_together([partial(ask_for, Action.CLOSING, Selection(), asked)] * 4)
        assert len({run.pk for run in runs}) == 1
        carry_out(runs[0])
        assert ask_for(Action.CLOSING, Selection(), asked).pk == runs[0].pk
        with pytest.raises(RequestKeyTakenError):
            ask_for(Action.REPLAY, Selection(), asked)
    assert Replay.objects.count() == AuditEntry.objects.count() == 1


def test_a_worker_is_told_once_it_is_committed(own_database: str) -> None:
    """A hint lies in the queue for it, and none before."""
    EventFactory.create(status="dead")
    with broker_in(own_database):
        with transaction.atomic():
            ask_for(Action.CLOSING, Selection(), because())
            assert count_hints() == 0
        assert count_hints() == 1


def count_hints() -> int:
    """Return how many hints wait for a worker that carries out runs."""
    from config.celery import app  # noqa: PLC0415 -- as the broker is now

    with app.connection_for_write() as broker:
        return count_waiting("replays", broker)


def test_a_broker_that_is_down_loses_no_run(own_database: str) -> None:
    """The sweep finds it when it has been due for a moment, and not when it is done."""
    EventFactory.create(status="dead")
    with no_broker():
        run = ask_for(Action.CLOSING, Selection(), because())
    with broker_in(own_database):
        assert sweep().runs == 0
        Replay.objects.update(due_at=Now() - GRACE)
        assert sweep().runs == 1
        Replay.objects.filter(pk=run.pk).update(state="finished")
        assert sweep().runs == 0
        assert count_hints() == 1


@pytest.mark.usefixtures("own_database")
def test_a_broker_that_hangs_keeps_nobody_waiting() -> None:
    """Whoever asks is answered within about a second, and the run is there."""
    EventFactory.create(status="dead")
    with silent_broker():
        began = time.monotonic()
        ask_for(Action.CLOSING, Selection(), because())
        assert time.monotonic() - began < 3
    assert Replay.objects.filter(state="waiting").count() == 1


@pytest.mark.django_db
def test_a_run_that_waits_is_stopped_at_once_and_only_once() -> None:
    """With who said so; nobody takes it up after that."""
    ada = User.objects.create_user("ada")
    run = ReplayFactory.create()
    actor = because("", ada).actor
    assert stop(run, actor)
    assert (run.state, run.stopped_by, run.finished_at is not None) == ("stopped", ada, True)
    assert not stop(run, actor)
    assert claim_run() is None
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_id) == ("stop", str(run.pk))


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_a_run_that_has_ended_is_not_stopped(state: str) -> None:
    """And nothing is written of that."""
    run = ReplayFactory.create(state=state)
    assert not stop(run, SOMEBODY)
    assert run.state == state
    assert not AuditEntry.objects.exists()


@pytest.mark.usefixtures("own_database")
def test_who_stops_a_run_does_not_wait_for_its_batch() -> None:
    """It is said at once, and heeded when the batch is done."""
    run = ReplayFactory.create()
    claim = claim_run()
    assert claim is not None
    is_held, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            hold(claim)
            is_held.set()
            may_end.wait(10)
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert is_held.wait(10)
        began = time.monotonic()
        assert stop(run, SOMEBODY)
        assert time.monotonic() - began < 2
    finally:
        may_end.set()
        worker.join()
    assert (run.state, run.is_stopping) == ("running", True)


@pytest.mark.django_db
def test_a_run_whose_worker_is_gone_is_stopped_at_once() -> None:
    """Nobody would come back to it before its lease has ended."""
    run = ReplayFactory.create()
    claim_run()
    Replay.objects.update(due_at=Now() - timedelta(seconds=1))
    assert stop(run, SOMEBODY)
    assert run.state == "stopped"


@pytest.mark.django_db
def test_a_look_ahead_is_limited_and_says_so() -> None:
    """Whoever cannot wait is told how much of it was looked at; all are meant all the same."""
    EventFactory.create_batch(5, source=SourceFactory.create(), status="dead")
    seen = preview_run(Action.CLOSING, Selection(), limit=3)
    assert (seen.found, seen.examined, seen.rows, seen.is_partial) == (5, 3, 3, True)
    assert seen.notes == ["Only the first 3 of 5 were looked at; all are meant."]
    whole = preview_run(Action.CLOSING, Selection(), limit=5)
    assert (whole.found, whole.rows, whole.is_partial, whole.notes) == (5, 5, False, [])
    assert set(Event.objects.values_list("status", flat=True)) == {"dead"}


@pytest.mark.django_db
def test_a_look_ahead_warns_of_what_is_paused() -> None:
    """Whoever replays before the source is resumed is not left wondering."""
    EventFactory.create(status="processed", source__paused_at=Now(), source__slug="clinic")
    seen = preview_run(Action.REPLAY, Selection())
    assert seen.notes == ["The source clinic is paused: its events wait until it is resumed."]
