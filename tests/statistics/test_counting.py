"""Counts of five minutes are exact, whoever counts when and how often."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from tests.factories import AttemptFactory, DeliveryFactory, EffectFactory, EventFactory
from webhooks.models import (
    AcknowledgementCount,
    Attempt,
    AttemptCount,
    CountedUntil,
    Delivery,
    DeliveryCount,
)
from webhooks.statistics import counting, retention
from webhooks.statistics.counting import count_what_happened
from webhooks.statistics.spans import SPAN

pytestmark = pytest.mark.django_db

Outcome = Delivery.Outcome
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count whenever it is asked for."""
    monkeypatch.setattr(counting, "INTERVAL", timedelta(0))
    monkeypatch.setattr(counting, "RESTS", 0)


def begin_of(moment: datetime) -> datetime:
    """Return when the five minutes of `moment` began."""
    return moment - (moment - EPOCH) % SPAN


def count_deliveries() -> dict[tuple[datetime, int, str], int]:
    """Return what is counted of genuine deliveries."""
    counts = DeliveryCount.objects.filter(verification="verified")
    return {(row.since, row.source_id, row.outcome): row.count for row in counts}


def tally_deliveries() -> dict[tuple[datetime, int, str], int]:
    """Return what there is to count, row by row."""
    return dict(
        Counter(
            (begin_of(row.received_at), row.source_id, row.outcome)
            for row in Delivery.objects.filter(verification="verified")
        )
    )


def count_attempts() -> dict[tuple[datetime, str, str], int]:
    """Return what is counted of attempts."""
    return {
        (row.since, row.integration, row.outcome): row.count for row in AttemptCount.objects.all()
    }


def catch_up() -> None:
    """Count until there is nothing more to count."""
    for _ in range(50):
        count_what_happened()


def test_deliveries_are_counted_by_source_outcome_and_five_minutes() -> None:
    """Those at a border belong to the five minutes that begin there."""
    border = begin_of(timezone.now()) - 3 * SPAN
    one, other = EventFactory.create_batch(2)
    moments = [border - timedelta(microseconds=1), border, border + SPAN, border + SPAN]
    for moment in moments:
        for outcome in (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.DUPLICATE):
            DeliveryFactory.create(event=one, outcome=outcome, received_at=moment)
    DeliveryFactory.create(event=other, outcome=Outcome.CONFLICT, received_at=border)
    catch_up()
    assert count_deliveries() == {
        (border - SPAN, one.source_id, "accepted"): 2,
        (border - SPAN, one.source_id, "duplicate"): 1,
        (border, one.source_id, "accepted"): 2,
        (border, one.source_id, "duplicate"): 1,
        (border, other.source_id, "conflict"): 1,
        (border + SPAN, one.source_id, "accepted"): 4,
        (border + SPAN, one.source_id, "duplicate"): 2,
    }


def test_counting_again_changes_nothing_and_adds_what_has_come() -> None:
    """The five minutes that are not over are counted anew each time."""
    event = EventFactory.create()
    DeliveryFactory.create(event=event)
    catch_up()
    before = count_deliveries()
    assert sum(before.values()) == 1
    catch_up()
    assert count_deliveries() == before
    DeliveryFactory.create_batch(2, event=event)
    catch_up()
    assert count_deliveries() == tally_deliveries()
    assert sum(count_deliveries().values()) == 3


def test_what_is_counted_for_good_is_not_looked_at_again() -> None:
    """Rows that somebody deletes later leave their counts."""
    old = timezone.now() - timedelta(hours=2)
    delivery = DeliveryFactory.create(received_at=old)
    catch_up()
    Delivery.objects.filter(pk=delivery.pk).delete()
    catch_up()
    assert sum(count_deliveries().values()) == 1


def test_hours_that_nobody_counted_are_caught_up_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time a bounded step, until all is counted; exact whenever it was interrupted."""
    monkeypatch.setattr(counting, "PATIENCE", 0.0)
    chance = random.Random(1)  # noqa: S311 -- nothing to guess here
    now = timezone.now()
    event = EventFactory.create()
    DeliveryFactory.create(event=event, received_at=now - timedelta(hours=7))
    for _ in range(60):
        age = timedelta(seconds=chance.uniform(0, 7 * 3600))
        outcome = chance.choice([Outcome.ACCEPTED, Outcome.DUPLICATE])
        DeliveryFactory.create(event=event, outcome=outcome, received_at=now - age)
    count_what_happened()  # begins
    seen = []
    for _ in range(20):
        count_what_happened()
        seen.append(CountedUntil.objects.get(subject="deliveries").until)
    steps = [later - earlier for earlier, later in pairwise(seen)]
    assert max(steps) == counting.STEP
    assert count_deliveries() == tally_deliveries()


def test_counting_begins_no_further_back_than_anybody_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database with years of deliveries is not read from the beginning."""
    monkeypatch.setattr(counting, "PATIENCE", 0.0)
    DeliveryFactory.create(received_at=timezone.now() - timedelta(days=300))
    count_what_happened()
    began = CountedUntil.objects.get(subject="deliveries").until
    assert timedelta(days=7) < timezone.now() - began < timedelta(days=9)


def test_attempt_is_counted_once_wherever_it_ends() -> None:
    """While it runs as running, later by how it ended; in the five minutes in which it began."""
    now = timezone.now()
    effect = EffectFactory.create(integration="usage")
    attempt = AttemptFactory.create(effect=effect, started_at=now)
    catch_up()
    since = begin_of(now)
    assert count_attempts() == {(since, "usage", "running"): 1}
    Attempt.objects.filter(pk=attempt.pk).update(outcome="temporary", finished_at=now)
    AttemptFactory.create(effect=effect, started_at=now, outcome="succeeded")
    AttemptFactory.create(started_at=now, outcome="succeeded")
    catch_up()
    assert count_attempts() == {
        (since, "usage", "temporary"): 1,
        (since, "usage", "succeeded"): 1,
        (since, "crm", "succeeded"): 1,
    }


def test_attempt_whose_lease_has_ended_is_counted_as_lost_and_so_for_good() -> None:
    """Also where nobody takes its effect over for days; then it is not counted again."""
    began = timezone.now() - timedelta(hours=1)
    attempt = AttemptFactory.create(started_at=began)
    catch_up()
    assert count_attempts() == {(begin_of(began), "crm", "lost"): 1}
    Attempt.objects.filter(pk=attempt.pk).update(outcome="lost", finished_at=timezone.now())
    catch_up()
    assert count_attempts() == {(begin_of(began), "crm", "lost"): 1}


@pytest.mark.parametrize("outcome", ["deliveries", "attempts"])
def test_late_result_is_counted_while_it_can_still_come(outcome: str) -> None:
    """What has ended since the five minutes were over is counted anew in them."""
    began = begin_of(timezone.now()) - timedelta(seconds=1)
    if outcome == "attempts":
        attempt = AttemptFactory.create(started_at=began)
        catch_up()
        Attempt.objects.filter(pk=attempt.pk).update(outcome="succeeded")
        catch_up()
        # Within its lease, whatever time of the five minutes this is run at.
        assert set(count_attempts().values()) == {1}
    else:
        DeliveryFactory.create(received_at=began)
        catch_up()
        assert count_deliveries() == tally_deliveries()


@pytest.fixture
def old_counts() -> None:
    """Have counts of long ago and of yesterday."""
    for age in (timedelta(days=91), timedelta(days=89)):
        for step in range(7):
            AcknowledgementCount.objects.create(
                since=timezone.now() - age, answer="taken", at_most_ms=step, count=1
            )


@pytest.mark.usefixtures("old_counts")
def test_old_counts_go_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no deletion is ever long."""
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    left = []
    for _ in range(4):
        count_what_happened()
        left.append(AcknowledgementCount.objects.count())
    assert left == [11, 8, 7, 7]
