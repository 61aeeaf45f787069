"""What happened in each five minutes, counted once so that nobody has to count it again.

Written by `webhooks.statistics` alone, and kept for as long as it says.
"""

from typing import ClassVar

from django.db import models

from webhooks.models.delivery import Delivery
from webhooks.models.effect import Attempt, Effect


class DeliveryCount(models.Model):
    """Deliveries to a source in five minutes, by what became of them and the signature's verdict.

    Those that were verified are counted by their rows. Of the others most leave no row: they are
    what `RejectionCount` has grown by.
    """

    since = models.DateTimeField(help_text="When the five minutes began.")
    source = models.ForeignKey("webhooks.Source", models.CASCADE, related_name="+", db_index=False)
    outcome = models.CharField(max_length=10, choices=Delivery.Outcome)
    verification = models.CharField(max_length=20, choices=Delivery.Verification)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["since", "source", "outcome", "verification"],
                name="deliveries_are_counted_once",
            )
        ]


class AttemptCount(models.Model):
    """Attempts at an integration that began in five minutes, by how they ended."""

    since = models.DateTimeField(help_text="When the five minutes began.")
    integration = models.CharField(max_length=10, choices=Effect.Integration)
    outcome = models.CharField(max_length=10, choices=Attempt.Outcome)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["since", "integration", "outcome"], name="attempts_are_counted_once"
            )
        ]


class AcknowledgementCount(models.Model):
    """Answers in five minutes that took at most so long, and longer than the step before.

    Each receiver's process adds what it has measured itself.
    """

    class Answer(models.TextChoices):
        """What the sender was told; what is turned away for its own faults is not measured."""

        TAKEN = "taken", "acknowledged"
        PUT_OFF = "put_off", "told to come back"

    since = models.DateTimeField(help_text="When the five minutes began.")
    answer = models.CharField(max_length=10, choices=Answer)
    at_most_ms = models.PositiveIntegerField(help_text="One of `statistics.latency.STEPS`.")
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["since", "answer", "at_most_ms"], name="acknowledgements_are_counted_once"
            )
        ]


class CountedUntil(models.Model):
    """How far counting has come. Who counts has the row locked, so that nobody does so as well."""

    class Subject(models.TextChoices):
        """What is counted."""

        DELIVERIES = "deliveries", "deliveries"
        REJECTIONS = "rejections", "rejections"
        ATTEMPTS = "attempts", "attempts"

    subject = models.CharField(max_length=10, choices=Subject, primary_key=True)
    until = models.DateTimeField(help_text="What began before then is counted for good.")
    counted_at = models.DateTimeField(help_text="When it was counted last.")
    due_at = models.DateTimeField(help_text="When it is worth counting again.")

    def __str__(self) -> str:
        return self.subject
