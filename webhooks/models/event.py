"""A verified fact, and how far its processing has come."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

COMMON_TYPES = (
    "conversation.started",
    "conversation.ended",
    "conversation.analysis.completed",
)
"""The types of which every conversation has one."""


class Event(models.Model):
    """One thing that a sender reported, once, whatever number of deliveries brought it.

    Rows are inserted by `ingest.recorder` in SQL; `processing` moves `status` on.
    """

    class Status(models.TextChoices):
        """The state of the event's projection and planning; its effects have their own.

        `held`: its source is paused, so it is not processed before somebody resumes that. As an
        effect's: `failed` is for good, `dead` is when the attempts are used up. Both wait for
        people, who retry it or close it.
        """

        PENDING = "pending", "pending"
        HELD = "held", "held"
        PROCESSED = "processed", "processed"
        IGNORED = "ignored", "ignored"
        FAILED = "failed", "failed"
        DEAD = "dead", "dead"
        CLOSED = "closed", "closed"

    STOPPED: ClassVar = (Status.FAILED, Status.DEAD)
    """What waits for people."""
    RETRYABLE: ClassVar = (*STOPPED, Status.CLOSED)
    """What people may have processed again because it went wrong."""

    event_id = models.UUIDField("event id", unique=True, help_text="The sender's, unique here.")
    event_type = models.CharField(max_length=100)
    source = models.ForeignKey(
        "webhooks.Source", models.PROTECT, related_name="events", db_index=False
    )
    conversation_uuid = models.CharField("conversation", max_length=100, blank=True, default="")
    agent_uuid = models.CharField("agent", max_length=100, blank=True, default="")
    organization_uuid = models.CharField("organization id", max_length=100, blank=True, default="")
    organization_name = models.CharField("organization", max_length=200, blank=True, default="")
    created = models.DateTimeField(help_text="When the sender created the event.")
    received_at = models.DateTimeField("received", db_default=Now())
    body = models.BinaryField(null=True, help_text="The request's bytes as they came.")
    body_sha256 = models.BinaryField(max_length=32)
    body_bytes = models.PositiveIntegerField("size (bytes)")

    status = models.CharField(max_length=10, choices=Status, db_default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    due_at = models.DateTimeField(
        "due",
        db_default=Now(),
        help_text="When a worker may take the event up; while one is at it, the lease's end.",
    )
    lease = models.UUIDField(null=True, help_text="The claim whose outcome will be recorded.")
    processed_at = models.DateTimeField("processed", null=True)
    error = models.CharField(max_length=500, blank=True, db_default="")
    replay = models.ForeignKey(
        "webhooks.Replay",
        models.SET_NULL,
        null=True,
        related_name="replayed_events",
        db_index=False,
        verbose_name="last replay",
        help_text="What `status`, `attempts` and `processed` date from, if not from the arrival.",
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # A worker's questions: which have been due for longest, which are the newest, and
            # which of those that were tried before is next? Both hold no more than the backlog.
            models.Index(fields=["due_at", "id"], name="event_due", condition=Q(status="pending")),
            models.Index(
                fields=["due_at", "id"],
                name="event_tried",
                condition=Q(status="pending", attempts__gt=0),
            ),
            # Processed events are the rule, and people look for the others.
            models.Index(
                fields=["status", "-id"],
                name="event_not_processed",
                condition=Q(status__in=["held", "ignored", "failed", "dead", "closed"]),
            ),
            # What a sweep looks for, by source: it must not read those of one that stays paused.
            models.Index(
                fields=["source", "due_at"], name="event_held", condition=Q(status="held")
            ),
            # As the effects that wait for people.
            models.Index(
                fields=["id"], name="event_stopped", condition=Q(status__in=["failed", "dead"])
            ),
            models.Index(fields=["source", "-id"], name="event_by_source"),
            # Few events are ever replayed, and the others' inserts need not pay for it.
            models.Index(
                fields=["replay"], name="event_by_replay", condition=Q(replay__isnull=False)
            ),
            models.Index(fields=["conversation_uuid"], name="event_by_conversation"),
            # Types that make up most events are found anywhere, and pay nothing for the others.
            models.Index(
                fields=["event_type", "-id"],
                name="event_of_rare_type",
                condition=~Q(event_type__in=COMMON_TYPES),
            ),
            # Rows come in the order of time, so a summary of each range of pages is enough, and
            # costs an insert next to nothing.
            BrinIndex(fields=["received_at"], name="event_by_time", autosummarize=True),
        ]
        permissions: ClassVar = [
            ("view_payload", "Can see what was said: bodies, transcripts, phone numbers"),
            ("replay_event", "Can replay events, and close those that failed"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
