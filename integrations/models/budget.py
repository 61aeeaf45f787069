"""What all workers know of an integration together: how fast, and whether at all, to call it."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Budget(models.Model):
    """One integration's budget; the row is made when it is first needed.

    Written by `integrations.budget` alone. All times are the database's.
    """

    class State(models.TextChoices):
        """Whether effects may begin, and if not, why; the first that holds, from the top."""

        PAUSED = "paused", "paused"
        HELD = "held", "held"
        BROKEN = "broken", "circuit open"
        PROBING = "probing", "probing"
        HALF_OPEN = "half_open", "about to probe"
        OPEN = "open", "working"

    alias = models.CharField("integration", max_length=10, primary_key=True)

    next_slot_at = models.DateTimeField(
        "next slot", null=True, help_text="Before then no request leaves, to keep to the rate."
    )
    held_until = models.DateTimeField(
        null=True, help_text="How long the vendor has asked to be left alone."
    )
    held_reason = models.CharField(max_length=500, default="")

    failed_keys = ArrayField(
        models.CharField(max_length=255),
        default=list,
        help_text="The effects that failed since the last success, each once; the latest few.",
    )
    failure_reason = models.CharField(max_length=500, default="")
    openings = models.PositiveIntegerField(
        default=0, help_text="How often the circuit has opened since the last success."
    )
    open_until = models.DateTimeField(
        "circuit open until", null=True, help_text="Empty while the circuit is closed."
    )
    is_probing = models.BooleanField(
        default=False, help_text="Whether one effect is under way to see if the vendor works again."
    )

    paused_at = models.DateTimeField("paused since", null=True)
    paused_by = models.CharField(max_length=150, default="")
    paused_reason = models.CharField(max_length=500, default="")

    class Meta:
        ordering = ["alias"]
        verbose_name = "integration"
        default_permissions = ("view",)
        permissions = [("pause_integration", "Can pause and resume integrations")]

    def __str__(self) -> str:
        return self.alias

    @property
    def failures(self) -> int:
        """How many different effects failed in a row, as far as they are counted."""
        return len(self.failed_keys)

    def read_state(self, now: datetime) -> State:
        """Return the state at `now`, a time of the database's."""
        if self.paused_at is not None:
            return self.State.PAUSED
        if self.held_until is not None and self.held_until > now:
            return self.State.HELD
        if self.open_until is None:
            return self.State.OPEN
        if self.open_until <= now:
            return self.State.HALF_OPEN
        return self.State.PROBING if self.is_probing else self.State.BROKEN
