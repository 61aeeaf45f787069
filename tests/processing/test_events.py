"""An event is processed once, and one that cannot be processed stays where people see it."""

import uuid
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from pytest_django import Settings

from tests.factories import EventFactory
from tests.processing.stories import reopen
from tests.workers import claim_event, process_event
from webhooks.models import Conversation, Effect, Event
from webhooks.processing import drafting, events
from webhooks.processing.batches import Batch, claim_fresh, claim_tried

pytestmark = pytest.mark.django_db


def let_time_pass(event: Event) -> None:
    """Make the event due, as time does."""
    Event.objects.filter(pk=event.pk).update(due_at=Now() - timedelta(seconds=1))


def break_planning() -> AbstractContextManager[Any]:
    """Let planning fail as a bug would, with the payload in its message."""
    return patch.object(drafting, "find_owed", side_effect=KeyError("+12025550123 said hello"))


def test_event_is_processed_once() -> None:
    """A second hint finds nothing to do."""
    event = EventFactory.create()
    assert process_event(event.pk)
    assert process_event(event.pk) == []
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("processed", 1, "")
    assert event.processed_at is not None


def test_event_that_is_gone_is_no_error() -> None:
    """An event may be deleted while a worker has it in hand."""
    assert events.process_batch(Batch((0,), 1, uuid.uuid4())) == []


def test_fault_leaves_the_event_pending_and_undoes_its_projection() -> None:
    """Projection and plan are there together or not at all, and the next try may mend it."""
    event = EventFactory.create(data={"status": "completed"})
    with break_planning():
        assert process_event(event.pk) == []
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("pending", 1, "KeyError")
    assert not Conversation.objects.exists()
    assert not Effect.objects.exists()
    let_time_pass(event)
    assert process_event(event.pk)
    event.refresh_from_db()
    assert (event.status, event.error) == ("processed", "")


def test_fault_that_stays_ends_as_dead(settings: Settings) -> None:
    """After the last attempt people have to look, and the error says nothing of the payload."""
    settings.WEBHOOKS_MAX_ATTEMPTS = 3
    event = EventFactory.create()
    with break_planning():
        for _ in range(5):
            let_time_pass(event)
            process_event(event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("dead", 3, "KeyError")


def test_event_that_kills_its_worker_each_time_ends_as_dead(settings: Settings) -> None:
    """An attempt counts though its worker never came back, so that this has an end."""
    settings.WEBHOOKS_MAX_ATTEMPTS = 3
    event = EventFactory.create()
    for _ in range(3):
        assert claim_event(event.pk)
        let_time_pass(event)
    assert claim_tried() is None
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("dead", 3)
    assert event.error == "Its worker did not come back, time and again."


@pytest.mark.parametrize("limit", [3, 16])
def test_outages_however_many_never_add_up_to_an_events_death(
    settings: Settings, limit: int
) -> None:
    """Nor does one more that nobody can record, since some attempts are always left."""
    settings.WEBHOOKS_MAX_ATTEMPTS = limit
    event = EventFactory.create()
    assert claim_fresh() is not None
    let_time_pass(event)
    for _ in range(2 * limit):
        batch = claim_tried()
        assert batch is not None
        events.record_failure(batch, OperationalError("the server closed the connection"))
        let_time_pass(event)
    lost = claim_tried()
    assert lost is not None
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("pending", lost.attempt)
    assert lost.attempt <= limit // 2 + 1
    let_time_pass(event)
    assert claim_tried() is not None


def test_outages_among_faults_do_not_save_an_event_from_its_end(settings: Settings) -> None:
    """What fails by itself again and again is dead after as many faults as may be."""
    settings.WEBHOOKS_MAX_ATTEMPTS = 6
    event = EventFactory.create()
    faults = 0
    while event.status == "pending":
        for error in (OperationalError("gone"), KeyError("a bug")):
            batch = claim_event(event.pk)
            if batch is not None:
                events.record_failure(batch, error)
                faults += isinstance(error, KeyError)
            let_time_pass(event)
        event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("dead", 6, "KeyError")
    assert faults <= 6


def test_body_that_cannot_be_read_fails_at_once() -> None:
    """No later attempt could read it, and the error says what is wrong."""
    event = EventFactory.create(body=None)
    process_event(event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("failed", 1)
    assert event.error == "UnprojectableBodyError: the body is no longer stored"
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("late", ["result", "fault"])
def test_worker_that_outlived_its_lease_changes_nothing(late: str) -> None:
    """Neither its result nor its fault is recorded while another worker has the event in hand."""
    event = EventFactory.create()
    overtaken = claim_event(event.pk)
    let_time_pass(event)
    current = claim_event(event.pk)
    assert overtaken is not None
    assert current is not None
    if late == "result":
        assert events.process_batch(overtaken) == []
    else:
        events.record_failure(overtaken, KeyError("late"))
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("pending", 2, "")
    assert not Effect.objects.exists()
    assert events.process_batch(current)
    events.record_failure(current, KeyError("later still"))
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("processed", 2, "")


def test_odd_texts_are_stored(settings: Settings) -> None:
    """What JSON can say and Postgres cannot hold makes no event fail."""
    settings.WEBHOOKS_ANALYSIS_FIELDS = {}
    odd = "a\0b"
    event = EventFactory.create(
        event_type="conversation.analysis.completed",
        data={
            "agent_name": odd,
            "channel": odd * 100,
            "summary": odd,
            "goals": {odd: {"achieved": False, "reason": odd}},
            "follow_ups": {odd: odd, "x": {"title": odd, "assignee": odd, "id": odd}},
            "score": 1e308,
            "duration_seconds": 2**31 - 0.5,
            "started_at": "0001-01-01T00:00:00Z",
        },
    )
    process_event(event.pk)
    event.refresh_from_db()
    assert (event.status, event.error) == ("processed", "")
    conversation = Conversation.objects.get()
    assert conversation.score == 1e308
    assert conversation.started_at is not None
    assert conversation.started_at.year == 1


def test_replay_corrects_a_fact_that_is_read_in_another_way_now(settings: Settings) -> None:
    """Who finds where the score is has it read from what is stored already."""
    event = EventFactory.create(
        event_type="conversation.analysis.completed",
        conversation_uuid="call",
        data={"conversation_uuid": "call", "score": 1, "rating": {"total": 9}},
    )
    process_event(event.pk)
    assert Conversation.objects.get().score == 1
    settings.WEBHOOKS_ANALYSIS_FIELDS = {"score": ["rating.total"]}
    for _ in range(2):  # the second time there is nothing new
        reopen(event)
        process_event(event.pk)
        conversation = Conversation.objects.get()
        assert (conversation.score, conversation.version) == (9, 2)
