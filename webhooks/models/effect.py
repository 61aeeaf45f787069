"""A side effect that is owed, and every try at it."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


def read_attempts_limit() -> int:
    """Return how many attempts an effect that is planned now has."""
    limit: int = settings.WEBHOOKS_MAX_ATTEMPTS
    return limit


class Effect(models.Model):
    """One side effect owed to one integration: an event's processing outcome.

    `idempotency_key` is a business key: whatever event asks for it, what it names happens once.
    """

    class State(models.TextChoices):
        """pending -> running -> succeeded; see `processing.effects` for the ways between."""

        PENDING = "pending", "pending"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        DEAD = "dead", "dead"
        SKIPPED = "skipped", "skipped"
        CLOSED = "closed", "closed"

    STOPPED: ClassVar = (State.FAILED, State.DEAD)
    """What waits for people, who retry it or close it."""
    RETRYABLE: ClassVar = (*STOPPED, State.CLOSED)
    """What people may have tried again."""

    class Integration(models.TextChoices):
        """The aliases of `settings.INTEGRATIONS`."""

        CRM = "crm", "CRM"
        TICKETS = "tickets", "tickets"
        USAGE = "usage", "usage"
        TASKS = "tasks", "tasks"

    class Priority(models.IntegerChoices):
        """Of what is due at an integration, the lowest number goes first."""

        LIVE = 0, "live"
        RETRY = 1, "retry"
        REPLAY = 2, "replay"

    event = models.ForeignKey(
        "webhooks.Event", models.CASCADE, related_name="effects", db_index=False
    )
    conversation = models.ForeignKey(
        "webhooks.Conversation", models.CASCADE, related_name="effects"
    )
    integration = models.CharField(max_length=10, choices=Integration)
    idempotency_key = models.CharField(max_length=255)
    request = models.JSONField(
        null=True, help_text="What is asked, where it was settled when the effect was planned."
    )

    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=500, blank=True, default="", help_text="Why it is so.")
    attempts_made = models.PositiveSmallIntegerField("attempts", default=0)
    attempts_limit = models.PositiveSmallIntegerField(
        default=read_attempts_limit, help_text="With how many attempts it is dead."
    )
    due_at = models.DateTimeField(
        "due",
        db_default=Now(),
        help_text="When a worker may run it; while running, the lease's end.",
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority,
        default=Priority.LIVE,
        help_text="Live work goes before retries, and these before replays.",
    )
    lease = models.UUIDField(null=True, help_text="The claim whose result will be recorded.")

    preview = models.JSONField(
        null=True, help_text="What would have been sent, where the integration only rehearsed."
    )
    external_id = models.CharField(max_length=255, blank=True, default="")
    external_url = models.CharField(max_length=500, blank=True, default="")
    replay = models.ForeignKey(
        "webhooks.Replay",
        models.SET_NULL,
        null=True,
        related_name="restarted_effects",
        db_index=False,
        verbose_name="last retry",
        help_text="Who last had it tried again or closed it, and why.",
    )
    redo_of = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        related_name="redone_by",
        db_index=False,
        verbose_name="done again",
        help_text="The effect that somebody had done again although it had succeeded.",
    )
    created_at = models.DateTimeField("planned", db_default=Now())
    finished_at = models.DateTimeField("finished", null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # What makes an effect happen once. A skipped row only records that somebody asked.
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=~Q(state="skipped"),
                name="one_effect_per_business_key",
            ),
            models.UniqueConstraint(
                fields=["event", "idempotency_key"], name="an_event_owes_an_effect_once"
            ),
        ]
        indexes: ClassVar = [
            # A worker's only question: which is next? The index holds no more than the backlog,
            # in the order in which it is worked off.
            models.Index(
                fields=["integration", "priority", "due_at", "id"],
                name="effect_next",
                condition=Q(state__in=["pending", "running"]),
            ),
            models.Index(fields=["state", "-id"], name="effect_by_state"),
            models.Index(fields=["integration", "state", "-id"], name="effect_by_integration"),
            # What waits for people, in the order in which it is listed and dealt with: a walk
            # along the primary key passes all that is done to find the first.
            models.Index(
                fields=["id"], name="effect_stopped", condition=Q(state__in=["failed", "dead"])
            ),
            # The events that are failed by an effect, in the order in which they are replayed.
            models.Index(
                fields=["event"],
                name="effect_stopped_by_event",
                condition=Q(state__in=["failed", "dead"]),
            ),
            # Few effects ever need people, and the others' inserts need not pay for it.
            models.Index(
                fields=["replay"], name="effect_by_replay", condition=Q(replay__isnull=False)
            ),
            models.Index(
                fields=["redo_of"], name="effect_by_redo_of", condition=Q(redo_of__isnull=False)
            ),
            # A ticket's number, a contact's id: what people have from the vendor's own pages.
            models.Index(
                fields=["external_id"], name="effect_by_external_id", condition=~Q(external_id="")
            ),
            # As of events. What was retried ends long after its neighbours, so that a range of
            # pages is summed up in several spans.
            BrinIndex(fields=["created_at"], name="effect_by_planned", autosummarize=True),
            BrinIndex(
                fields=["finished_at"],
                name="effect_by_end",
                autosummarize=True,
                opclasses=["timestamptz_minmax_multi_ops"],
            ),
        ]
        permissions: ClassVar = [
            ("retry_effect", "Can retry effects, and close those that failed"),
            ("redo_effect", "Can have effects done again although they succeeded"),
        ]

    def __str__(self) -> str:
        return self.idempotency_key


class Attempt(models.Model):
    """One try of an effect, recorded when it begins and again when it ends."""

    class Outcome(models.TextChoices):
        """How the try ended."""

        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        TEMPORARY = "temporary", "temporary failure"
        PERMANENT = "permanent", "permanent failure"
        LOST = "lost", "lost with its worker"
        DRY_RUN = "dry_run", "dry run"

    effect = models.ForeignKey(Effect, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    lease = models.UUIDField()
    worker = models.CharField(max_length=100)
    started_at = models.DateTimeField("started", db_default=Now())
    finished_at = models.DateTimeField("finished", null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    error_class = models.CharField(max_length=100, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["effect", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["effect", "number"], name="attempts_are_numbered")
        ]
        indexes: ClassVar = [
            BrinIndex(fields=["started_at"], name="attempt_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
