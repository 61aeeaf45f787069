"""Who did what, in one list."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """One act of a person that somebody may ask about later; written once, and never changed.

    Written by `webhooks.audit` alone.
    """

    class Action(models.TextChoices):
        """What was done."""

        LOGIN = "login", "logged in"
        LOGOUT = "logout", "logged out"
        LOGIN_FAILED = "login_failed", "failed to log in"
        LOCKED_OUT = "locked_out", "was locked out"
        PAYLOAD_SEEN = "payload_seen", "looked at what was said"
        REPLAY = "replay", "had events replayed"
        RETRY = "retry", "had effects retried"
        REDO = "redo", "had effects done again"
        CLOSING = "closing", "closed"
        STOP = "stop", "stopped a run"
        PAUSE = "pause", "paused"
        RESUME = "resume", "resumed"
        ADDED = "added", "added"
        CHANGED = "changed", "changed"
        DELETED = "deleted", "deleted"
        SECRET_ADDED = "secret_added", "added a signing secret"
        SECRET_RETIRED = "secret_retired", "retired a signing secret"
        TOKEN_ADDED = "token_added", "made an API token"
        TOKEN_REVOKED = "token_revoked", "revoked an API token"

    class Door(models.TextChoices):
        """Where they came in."""

        ADMIN = "admin", "admin"
        API = "api", "API"
        COMMAND = "command", "command"

    at = models.DateTimeField("time", db_default=Now())
    action = models.CharField(max_length=20, choices=Action)
    door = models.CharField(max_length=10, choices=Door)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name="user",
    )
    actor_name = models.CharField(
        "who", max_length=150, help_text="As they were called then, also if the account is gone."
    )
    remote_address = models.GenericIPAddressField("from", null=True)
    subject_type = models.CharField(
        max_length=100, blank=True, default="", help_text="app_label.model of what it was done to."
    )
    subject_id = models.CharField(max_length=100, blank=True, default="")
    subject = models.CharField("to", max_length=300, blank=True, default="")
    detail = models.CharField(
        max_length=1000, blank=True, default="", help_text="The reason given, or what was changed."
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"
        default_permissions: ClassVar = ("view",)
        indexes: ClassVar = [
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["subject_type", "subject_id", "-id"], name="audit_by_subject"),
            models.Index(fields=["actor_name", "-id"], name="audit_by_name"),
            models.Index(fields=["door", "-id"], name="audit_by_door"),
            BrinIndex(fields=["at"], name="audit_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_action_display()} {self.subject}".strip()
