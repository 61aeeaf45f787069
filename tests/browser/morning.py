"""A busy hour, so that the dashboard has something to show."""

from datetime import timedelta

from django.utils import timezone

from tests.factories import DeliveryFactory, EventFactory
from webhooks.models import AcknowledgementCount, CountedUntil, Source
from webhooks.statistics.counting import count_what_happened


def be_busy(source: Source) -> None:
    """Write down an hour's deliveries and how long their answers took; count them."""
    event = EventFactory.create(source=source, status="processed")
    now = timezone.now()
    for minutes in range(58, -1, -2):
        for outcome in ["accepted"] * (3 + minutes % 7) + ["duplicate"] * (minutes % 3):
            moment = now - timedelta(minutes=minutes)
            DeliveryFactory.create(event=event, outcome=outcome, received_at=moment)
        for step, number in {3: 40, 8: 20, 30 + 50 * (minutes % 4 // 2): 3}.items():
            AcknowledgementCount.objects.get_or_create(
                since=now.replace(second=0, microsecond=0)
                - timedelta(minutes=now.minute % 5 + 5 * (minutes // 5)),
                answer="taken",
                at_most_ms=step,
                defaults={"count": number},
            )
    count()
    # Counting begins with the first row, which is of now here.
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    CountedUntil.objects.update(until=hour)
    count()


def count() -> None:
    """Count at once, as the sweep does every few seconds."""
    CountedUntil.objects.update(due_at=timezone.now())
    for _ in range(3):
        count_what_happened()
