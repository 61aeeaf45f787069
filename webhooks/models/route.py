"""Which event leads to which effect: a table that an operator changes in the admin."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from webhooks.models.effect import Effect


class Route(models.Model):
    """For events of one type: an integration, and when it is owed something."""

    class Condition(models.TextChoices):
        """What must hold of the conversation; `processing.routing` knows how to tell."""

        ALWAYS = "always", "always"
        CALL_FAILED = "call_failed", "if the conversation failed"
        GOAL_FAILED = "goal_failed", "if a goal was not achieved"
        EACH_FOLLOW_UP = "each_follow_up", "for each follow-up of the analysis"

    event_type = models.CharField(max_length=100)
    integration = models.CharField(max_length=10, choices=Effect.Integration)
    condition = models.CharField(max_length=20, choices=Condition, default=Condition.ALWAYS)
    is_active = models.BooleanField(
        "active", default=True, help_text="A route that is off leaves a skipped effect behind."
    )

    class Meta:
        ordering: ClassVar = ["event_type", "integration"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event_type", "integration", "condition"], name="routes_do_not_repeat"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_type} to {self.integration}, {self.get_condition_display()}"

    def clean(self) -> None:
        """Refuse follow-ups for what cannot hold one."""
        takes_one = self.integration in (Effect.Integration.TASKS, Effect.Integration.TICKETS)
        if self.condition == self.Condition.EACH_FOLLOW_UP and not takes_one:
            raise ValidationError({"condition": "Follow-ups go to tasks or tickets."})
