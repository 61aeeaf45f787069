"""What people had done with stored events and effects: who, when, why and what."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Replay(models.Model):
    """One request by a person: the record of it, whichever door they came through.

    The rows that it concerned point here, each to the last one.
    """

    class Action(models.TextChoices):
        """What was asked for."""

        REPLAY = "replay", "replay of events"
        RETRY = "retry", "retry of effects"
        CLOSING = "closing", "closing"

    action = models.CharField(max_length=10, choices=Action, default=Action.REPLAY)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    requested_from = models.CharField(
        max_length=100, help_text="The door: the admin, or a command and who came through it."
    )
    reason = models.CharField(max_length=500)
    selection = models.JSONField(help_text="How the events or effects were chosen.")
    created_at = models.DateTimeField("requested", auto_now_add=True)
    events = models.PositiveIntegerField(default=0)
    effects_to_run = models.PositiveIntegerField(default=0)
    effects_kept = models.PositiveIntegerField(default=0)
    effects_closed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "replays and retries"

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"

    @property
    def person(self) -> str:
        """Who asked, as far as it is known."""
        return self.requested_by.get_username() if self.requested_by else self.requested_from
