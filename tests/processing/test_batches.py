"""Events are claimed by the batch; neither backlog nor poison keeps the others waiting."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from tests.factories import EventFactory, SourceFactory
from webhooks.models import Event
from webhooks.processing import batches
from webhooks.processing.batches import BATCH, Batch, claim_fresh, claim_tried, count_due

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def make_backlog(count: int, **columns: object) -> list[int]:
    """Return the keys of events that became due one after the other, the longest due first."""
    source = SourceFactory.create()
    return [
        EventFactory.create(source=source, due_at=Now() - MINUTE * (count - number), **columns).pk
        for number in range(count)
    ]


def list_claimed(batch: Batch | None) -> tuple[list[int], int]:
    """Return the keys of the events that were claimed, and which attempt it is."""
    assert batch is not None
    return list(batch.keys), batch.attempt


def test_batch_is_half_of_the_longest_due_and_half_of_the_newest() -> None:
    """A backlog is worked off from its beginning, and a fresh event does not wait for its end."""
    keys = make_backlog(BATCH * 2)
    first, second = claim_fresh(), claim_fresh()
    half = BATCH // 2
    assert list_claimed(first) == ([*keys[:half], *keys[-half:]], 1)
    assert list_claimed(second) == (keys[half:-half], 1)
    assert claim_fresh() is None


def test_few_events_are_one_batch() -> None:
    """Who is among the longest due and among the newest is claimed once."""
    keys = make_backlog(BATCH // 2 + 3)
    assert list_claimed(claim_fresh()) == (keys, 1)


def test_claimed_events_are_kept_from_others_for_a_lease(settings: Settings) -> None:
    """While one worker is at them, neither a hint nor the sweep starts a second."""
    keys = make_backlog(3)
    assert claim_fresh() is not None
    assert (claim_fresh(), claim_tried(), count_due(10)) == (None, None, 0)
    ours = Event.objects.filter(pk__in=keys, attempts=1, status="pending")
    assert ours.filter(due_at__gt=Now() + settings.WEBHOOKS_EVENT_LEASE * 0.9).count() == 3


def test_what_was_lost_with_its_worker_comes_alone() -> None:
    """So what kills its worker takes no other event with it a second time."""
    keys = make_backlog(3)
    fresh = make_backlog(1)
    Event.objects.filter(pk__in=keys).update(attempts=1)
    assert list_claimed(claim_fresh()) == (fresh, 1)
    assert [list_claimed(claim_tried()) for _ in keys] == [([key], 2) for key in keys]
    assert claim_tried() is None


def test_backlog_of_fresh_events_keeps_no_other_waiting() -> None:
    """What was tried before has its own turn, though everything else has been due for longer."""
    make_backlog(BATCH)
    tried = EventFactory.create(attempts=3)
    assert list_claimed(claim_tried()) == ([tried.pk], 4)


def test_bodies_of_a_batch_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large bodies make a batch of fewer events, and one that is too large comes all the same."""
    monkeypatch.setattr(batches, "MOST_BYTES", 2000)
    keys = make_backlog(8, body=b"x" * 400)
    # Of each half the first, and as many more as begin before the limit.
    assert list_claimed(claim_fresh()) == ([*keys[:3], *keys[-3:]], 1)
    Event.objects.all().delete()
    keys = make_backlog(3, body=b"x" * 5000)
    assert list_claimed(claim_fresh()) == ([keys[0], keys[2]], 1)


def test_what_is_done_or_not_due_is_left_alone() -> None:
    """Neither an end state nor a back-off nor a lease is anybody's business."""
    for status in ("processed", "ignored", "failed", "dead"):
        EventFactory.create(status=status)
        EventFactory.create(status=status, attempts=1)
    EventFactory.create(due_at=Now() + MINUTE)
    EventFactory.create(due_at=Now() + MINUTE, attempts=1)
    assert (claim_fresh(), claim_tried(), count_due(10)) == (None, None, 0)


def test_count_goes_no_further_than_is_asked() -> None:
    """However long the backlog, counting costs no more than the answer is good for."""
    make_backlog(5)
    assert (count_due(3), count_due(10), count_due(10, MINUTE * 3)) == (3, 5, 3)
