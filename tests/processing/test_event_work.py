"""One hint has a worker go on with batch after batch, as far as time allows."""

import time
from collections.abc import Mapping
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from pytest_django import Settings

from tests.factories import EventFactory, SourceFactory
from tests.processing.logs import read_log
from webhooks.models import Effect, Event
from webhooks.processing import event_work
from webhooks.processing import hints as hinting
from webhooks.processing.batches import BATCH, Batch
from webhooks.processing.event_work import work_off_events
from webhooks.processing.hints import Work

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[dict[Work, int]]:
    """Keep the hints that a worker leaves, where a test is not about the broker."""
    kept: list[dict[Work, int]] = []

    def keep(due: Mapping[Work, int]) -> None:
        kept.append(dict(due))

    monkeypatch.setattr(event_work, "hand_on", keep)
    monkeypatch.setattr(hinting, "hand_on", keep)
    return kept


def make_events(count: int, **columns: object) -> list[Event]:
    """Return due events of one source."""
    return EventFactory.create_batch(count, source=SourceFactory.create(), **columns)


def test_one_hint_is_enough_for_all_that_is_due(hints: list[dict[Work, int]]) -> None:
    """A worker goes on until none is left, tells the effects' workers, and leaves no hint."""
    make_events(2 * BATCH + 1)
    make_events(3, attempts=1)
    later = EventFactory.create(due_at=Now() + timedelta(minutes=1))
    work_off_events()
    assert Event.objects.get(status="pending") == later
    assert Effect.objects.filter(state="pending").count() == 2 * (2 * BATCH + 4)
    assert set().union(*hints) == {"crm", "usage"}


def test_worker_that_finds_nothing_tells_nobody(hints: list[dict[Work, int]]) -> None:
    """A hint too many costs two questions to Postgres."""
    work_off_events()
    assert hints == []


def test_worker_whose_time_is_over_ends_and_leaves_hints_at_the_rest(
    settings: Settings, hints: list[dict[Work, int]]
) -> None:
    """It finishes the batch that it has begun; as many go on as have something to do."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=0)
    make_events(2 * BATCH + 1)
    work_off_events()
    assert {"events": BATCH + 1} in hints
    work_off_events()
    assert {"events": 1} in hints
    work_off_events()
    assert not Event.objects.filter(status="pending").exists()
    assert [left["events"] for left in hints if "events" in left] == [BATCH + 1, 1, 0]


def test_what_was_tried_before_gets_half_of_the_time_at_most(settings: Settings) -> None:
    """While there are fresh events; and its turn comes after each of their batches."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=60)
    make_events(2 * BATCH)
    make_events(20, attempts=1)
    order: list[int] = []

    def take_a_while(batch: Batch) -> list[Effect]:
        order.append(len(batch.keys))
        time.sleep(0.3 if len(batch.keys) > 1 else 0.1)
        return []

    with patch.object(event_work, "process_batch", take_a_while):
        work_off_events()
    second = order.index(BATCH, 1)
    assert order[0] == BATCH
    assert 2 <= second <= 5
    assert order.count(BATCH) == 2
    assert order.count(1) == 20


def test_postgres_that_is_away_ends_the_work_with_one_line() -> None:
    """Nothing is lost by it: what is due stays due, and the sweep finds it."""
    make_events(1)
    with (
        patch.object(event_work, "claim_fresh", side_effect=OperationalError("+12025550123")),
        read_log() as log,
    ):
        work_off_events()
    assert "work_interrupted" in log.getvalue()
    assert "+12025550123" not in log.getvalue()
    assert Event.objects.filter(status="pending", attempts=0).count() == 1
