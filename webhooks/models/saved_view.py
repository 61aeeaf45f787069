"""Lists with their filters under a name."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class SavedView(models.Model):
    """A list of the admin as somebody has filtered it; theirs, or everybody's."""

    class List(models.TextChoices):
        """Which list it is of, by its model's name."""

        CONVERSATIONS = "conversation", "conversations"
        EVENTS = "event", "events"
        DELIVERIES = "delivery", "deliveries"
        EFFECTS = "effect", "effects"
        ATTEMPTS = "attempt", "attempts"

    list = models.CharField(max_length=20, choices=List)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, help_text="The list's parameters, as in its address.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="saved_views"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["list", "name", "owner"], name="views_have_own_names"),
            models.UniqueConstraint(
                fields=["list", "name"], condition=Q(owner=None), name="shared_views_have_own_names"
            ),
        ]

    def __str__(self) -> str:
        return self.name
