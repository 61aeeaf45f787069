"""What people have done with stored events and effects: who, when, why, what, and how far it is."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Replay(models.Model):
    """One request by a person, and the run that carries it out in the background.

    The rows that it concerned point here, each to the last one. It is the record of it whichever
    door they came through.
    """

    class Action(models.TextChoices):
        """What was asked for."""

        REPLAY = "replay", "replay of events"
        RETRY = "retry", "retry of effects"
        REDO = "redo", "doing effects again"
        CLOSING = "closing", "closing"

    class State(models.TextChoices):
        """waiting -> running -> finished; stopped by somebody, or failed for a reason of ours."""

        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        FINISHED = "finished", "finished"
        STOPPED = "stopped", "stopped"
        FAILED = "failed", "failed"

    UNDER_WAY: ClassVar = (State.WAITING, State.RUNNING)
    """What a worker may take up."""

    action = models.CharField(max_length=10, choices=Action, default=Action.REPLAY)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    requested_from = models.CharField(
        max_length=100, help_text="The door: the admin, the API, or a command and who used it."
    )
    reason = models.CharField(max_length=500)
    selection = models.JSONField(help_text="How the events or effects were chosen.")
    request_key = models.UUIDField(
        null=True,
        unique=True,
        editable=False,
        help_text="The page on which it was asked for (`Asked.request_key`, kept by `ask_for`): a"
        " form that is sent twice asks for one run, and whoever comes second is given that one.",
    )
    created_at = models.DateTimeField("requested", db_default=Now())

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    found = models.PositiveIntegerField(
        "chosen", default=0, help_text="How many rows were chosen; 0 until they are counted."
    )
    looked_at = models.PositiveIntegerField(default=0, help_text="How many of them are dealt with.")
    position = models.PositiveBigIntegerField(
        default=0, help_text="The key of the last row that was dealt with."
    )
    last_key = models.PositiveBigIntegerField(
        default=0, help_text="Rows that have come since, with a higher key, are not meant."
    )
    due_at = models.DateTimeField(
        "due",
        db_default=Now(),
        help_text="When a worker may go on with it; while one does, the lease's end.",
    )
    lease = models.UUIDField(null=True, help_text="The claim that goes on with it.")
    tries = models.PositiveSmallIntegerField(
        default=0, help_text="How often it was claimed since a batch was last done."
    )
    is_stopping = models.BooleanField(default=False, help_text="Whether it is to end early.")
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    finished_at = models.DateTimeField("finished", null=True)
    error = models.CharField(max_length=500, blank=True, default="")

    events = models.PositiveIntegerField(default=0)
    effects_to_run = models.PositiveIntegerField(default=0)
    effects_kept = models.PositiveIntegerField(default=0)
    effects_closed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "replays and retries"
        indexes: ClassVar = [
            models.Index(
                fields=["due_at", "id"],
                name="replay_due",
                condition=Q(state__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"

    @property
    def person(self) -> str:
        """Who asked, as far as it is known."""
        return self.requested_by.get_username() if self.requested_by else self.requested_from
