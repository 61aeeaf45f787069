"""What programs show to the API in a person's name."""

import hashlib
import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

PREFIX = "sb_"
"""So that scanners for leaked secrets can tell what they have found."""


def make_digest(value: str) -> str:
    """Return what is stored of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(value.encode()).hexdigest()


class ApiToken(models.Model):
    """A token of one person, who may have several; its value is shown once and stored nowhere."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What it is for, such as the program's name.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(
        max_length=12, editable=False, help_text="The value's beginning, to tell tokens apart."
    )
    created_at = models.DateTimeField("created", auto_now_add=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    last_used_at = models.DateTimeField("last used", null=True, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "API token"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=Q(revoked_at=None),
                name="one_active_token_per_name",
                violation_error_message="There is an active token of this name already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def set_value(self, value: str = "") -> str:
        """Give the token a new value, or the one that is given, and return it, for this once."""
        value = value or PREFIX + secrets.token_urlsafe(32)
        self.digest, self.hint = make_digest(value), value[:9]
        return value
