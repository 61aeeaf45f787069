"""A pending event says whether it waits, is worked on, failed, or has cost workers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import EventFactory
from webhooks.admin.words.explanations import explain_event
from webhooks.processing.batches import LOST_WORKER

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("attempts", "due_in", "said"),
    [
        (0, -MINUTE, "Waiting for a worker."),
        (1, MINUTE, "A worker is at it."),
        (1, -MINUTE, "Its worker was lost, 1 time by now: what it says may be to blame. It is"),
        (5, -MINUTE, "Its worker was lost, 5 times by now: what it says may be to blame. It is"),
        (5, MINUTE, "Its worker was lost, 4 times by now: what it says may be to blame. Another"),
    ],
)
def test_event_of_which_nobody_said_a_word_tells_of_its_workers(
    attempts: int, due_in: timedelta, said: str
) -> None:
    """By how often it was claimed, and whether that still holds."""
    event = EventFactory.create(attempts=attempts, due_at=timezone.now() + due_in)
    assert explain_event(event).startswith(said)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [LOST_WORKER, "KeyError", "UnprojectableBodyError: it is gone"])
@pytest.mark.parametrize("status", ["pending", "failed", "dead", "closed"])
def test_what_went_wrong_ends_as_one_sentence(status: str, error: str) -> None:
    """Whether it is one already or not."""
    event = EventFactory.create(status=status, error=error, attempts=3, due_at=timezone.now())
    said = explain_event(event)
    assert f"{error.removesuffix('.')}." in said
    assert ".." not in said
