"""What happened in each five minutes, counted once so that nobody has to count it again.

Written by `webhooks.statistics` alone. Turned-away deliveries are in `RejectionCount`, since most
of them leave no row that could be counted.
"""

from typing import ClassVar

from django.db import models

from webhooks.models.delivery import Delivery
from webhooks.models.effect import Attempt, Effect


class DeliveryCount(models.Model):
    """Verified deliveries of a source in five minutes, by what became of them."""

    since = models.DateTimeField(help_text="When the five minutes began.")
    source = models.ForeignKey("webhooks.Source", models.CASCADE, related_name="+", db_index=False)
    outcome = models.CharField(max_length=10, choices=Delivery.Outcome)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["since", "source", "outcome"], name="deliveries_are_counted_once"
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
    """Acknowledgements in five minutes that took at most so long, and longer than the step before.

    Each receiver process adds what it has measured itself.
    """

    since = models.DateTimeField(help_text="When the five minutes began.")
    at_most_ms = models.PositiveIntegerField(help_text="One of `webhooks.statistics`'s steps.")
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["since", "at_most_ms"], name="acknowledgements_are_counted_once"
            )
        ]
