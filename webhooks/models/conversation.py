"""What all events of a conversation say together."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from webhooks.models.numbers import by_digits


class Conversation(models.Model):
    """A conversation as far as it is known; written only by `processing.projection`.

    Every fact keeps the stamp of the event that it came from, and only a later stamp replaces
    it: events may arrive in any order and any number of times.
    """

    class Status(models.TextChoices):
        """The sender's own words."""

        UNKNOWN = "", "unknown"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"
        TRANSFERRED = "transferred", "transferred"

    conversation_uuid = models.CharField("conversation", max_length=100, unique=True)
    organization_uuid = models.CharField("organization id", max_length=100, default="")
    organization_name = models.CharField("organization", max_length=200, default="")
    agent_uuid = models.CharField("agent id", max_length=100, default="")
    agent_name = models.CharField("agent", max_length=200, default="")
    channel = models.CharField(max_length=50, default="")
    direction = models.CharField(max_length=50, default="")
    from_number = models.CharField(max_length=50, default="")
    to_number = models.CharField(max_length=50, default="")
    campaign_uuid = models.CharField("campaign", max_length=100, default="")
    status = models.CharField(max_length=50, choices=Status, default="")
    answer_status = models.CharField(max_length=100, default="")
    started_at = models.DateTimeField("started", null=True)
    ended_at = models.DateTimeField("ended", null=True)
    duration_seconds = models.PositiveIntegerField("duration (s)", null=True)
    analysed_at = models.DateTimeField("analysed", null=True)
    score = models.FloatField(null=True)
    summary = models.TextField(default="")
    goals = models.JSONField(default=list, help_text="name, achieved (or null), reason")
    follow_ups = models.JSONField(default=list, help_text="what the analysis asks people to do")

    version = models.PositiveIntegerField(default=0, help_text="Grows with each event taken in.")
    stamps = models.JSONField(default=dict, help_text="The event that each fact came from.")
    first_seen_at = models.DateTimeField("first seen", auto_now_add=True)
    updated_at = models.DateTimeField("updated", auto_now=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["from_number"], name="conversation_by_from"),
            models.Index(fields=["to_number"], name="conversation_by_to"),
            # However a number is written, and by its end: what people type into a search box.
            models.Index(
                by_digits("from_number"),
                F("id").desc(),
                name="conversation_by_from_digits",
                condition=~Q(from_number=""),
            ),
            models.Index(
                by_digits("to_number"),
                F("id").desc(),
                name="conversation_by_to_digits",
                condition=~Q(to_number=""),
            ),
            models.Index(fields=["status", "-id"], name="conversation_by_status"),
            models.Index(
                fields=["organization_uuid", "-id"],
                name="conversation_by_organization",
                condition=~Q(organization_uuid=""),
            ),
            # The sender's clock is in no order with ours, so that keys say nothing of it: a list
            # of what ended in a span of time is in the order of this.
            models.Index(
                fields=["-ended_at", "-id"],
                name="conversation_by_end",
                condition=Q(ended_at__isnull=False),
            ),
            # Those whose analysis is still to come, or never will.
            models.Index(
                fields=["ended_at"],
                name="conversation_not_analysed",
                condition=models.Q(ended_at__isnull=False, analysed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.conversation_uuid

    @property
    def other_party(self) -> str:
        """The number of the person the agent spoke with, empty where there is none."""
        return self.to_number if self.direction == "outbound" else self.from_number
