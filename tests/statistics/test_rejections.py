"""Deliveries that nobody has vouched for are counted by what their counts have grown."""

from datetime import datetime, timedelta

import pytest
from django.db.models import F, Sum
from django.utils import timezone

from tests.factories import SourceFactory
from webhooks.models import CountedUntil, DeliveryCount, RejectionCount, Source
from webhooks.statistics import counting
from webhooks.statistics.counting import count_what_happened
from webhooks.statistics.spans import SPAN

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count whenever it is asked for."""
    monkeypatch.setattr(counting, "INTERVAL", timedelta(0))
    monkeypatch.setattr(counting, "RESTS", 0)


@pytest.fixture
def source() -> Source:
    """Return a source that strangers have found."""
    return SourceFactory.create()


def begin_hour() -> datetime:
    """Return when this hour began."""
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def reject(source: Source, hour: datetime, count: int, verification: str) -> RejectionCount:
    """Have so many deliveries turned away in an hour."""
    return RejectionCount.objects.create(
        source=source, hour=hour, verification=verification, count=count
    )


def sum_up() -> dict[tuple[int, str], int]:
    """Return what is counted of each source and reason."""
    rows = DeliveryCount.objects.filter(outcome="rejected")
    sums = rows.values_list("source", "verification").annotate(Sum("count")).order_by()
    return {(source, verification): count for source, verification, count in sums}


def test_growth_is_counted_once(source: Source) -> None:
    """However often it is looked at, and however it grows."""
    row = reject(source, begin_hour(), 7, "signature_mismatch")
    reject(source, begin_hour(), 2, "missing_signature")
    for _ in range(4):
        count_what_happened()
    RejectionCount.objects.filter(pk=row.pk).update(count=F("count") + 5)
    for _ in range(4):
        count_what_happened()
    assert sum_up() == {
        (source.pk, "signature_mismatch"): 12,
        (source.pk, "missing_signature"): 2,
    }
    spans = DeliveryCount.objects.values_list("since", flat=True)
    assert max(spans) <= timezone.now() < max(spans) + SPAN


def test_hours_that_nobody_counted_are_counted_in_their_hour(source: Source) -> None:
    """And not as if all had come just now."""
    hour = begin_hour() - 5 * HOUR
    reject(source, hour, 30, "signature_mismatch")
    reject(source, begin_hour() - HOUR, 3, "signature_mismatch")
    for _ in range(20):
        count_what_happened()
    counts = dict(DeliveryCount.objects.values_list("since", "count"))
    assert counts == {hour + 55 * (SPAN / 5): 30, begin_hour() - SPAN: 3}


def test_end_of_an_hour_is_not_missed(source: Source) -> None:
    """What the hour before has grown by after it was looked at last belongs to that hour."""
    hour = begin_hour() - HOUR
    row = reject(source, hour, 1, "stale_timestamp")
    count_what_happened()
    count_what_happened()
    CountedUntil.objects.filter(subject="rejections").update(until=begin_hour())
    RejectionCount.objects.filter(pk=row.pk).update(count=4)
    count_what_happened()
    assert sum_up() == {(source.pk, "stale_timestamp"): 4}
    assert DeliveryCount.objects.filter(since__gte=begin_hour()).count() == 0
