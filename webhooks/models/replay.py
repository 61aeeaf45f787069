"""Who had events processed again, when and why."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Replay(models.Model):
    """One request by a person to process stored events again."""

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    requested_from = models.CharField(
        max_length=100, help_text="The door, which is a command, and who came through it."
    )
    reason = models.CharField(max_length=500)
    selection = models.JSONField(help_text="How the events were chosen.")
    created_at = models.DateTimeField("requested", auto_now_add=True)
    events = models.PositiveIntegerField(default=0)
    effects_to_run = models.PositiveIntegerField(default=0)
    effects_kept = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"replay {self.pk}"
