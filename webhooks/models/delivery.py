"""What arrived at the door, and what became of it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class Delivery(models.Model):
    """One HTTP request to a source; never any part of its body.

    A rejected delivery keeps nothing that its sender wrote, since nobody has vouched for it.
    """

    class Outcome(models.TextChoices):
        """What became of the request."""

        ACCEPTED = "accepted", "accepted"
        DUPLICATE = "duplicate", "duplicate"
        CONFLICT = "conflict", "conflict"
        REJECTED = "rejected", "rejected"

    class Verification(models.TextChoices):
        """Whether the signature held, or why not."""

        VERIFIED = "verified", "verified"
        MISSING = "missing_signature", "no signature"
        MALFORMED = "malformed_signature", "signature not readable"
        MISMATCH = "signature_mismatch", "signature does not match"
        NO_TIMESTAMP = "missing_timestamp", "no timestamp"
        BAD_TIMESTAMP = "malformed_timestamp", "timestamp not readable"
        STALE = "stale_timestamp", "timestamp outside the replay window"
        NO_SECRET = "no_active_secret", "the source has no active secret"

    class Cause(models.TextChoices):
        """Why a signature did not match, as far as trying has found; see `ingest.causes`."""

        RETIRED_SECRET = "retired_secret", "signed with a secret that was retired"
        OTHER_SOURCE = "other_source", "signed with another source's secret"
        OTHER_FORMAT = "other_format", "the secret was read in another format"
        OTHER_SCHEME = "other_scheme", "signed in another vendor's way"
        OTHER_CONTENT = "other_content", "signed over another template"
        OTHER_TIMESTAMP = "other_timestamp", "the timestamp or id is written elsewhere or otherwise"
        OTHER_HEADER = "other_header", "the signature is in another header"
        OTHER_ENCODING = "other_encoding", "the signature is written in another encoding"
        CHANGED_BODY = "changed_body", "the body was changed on the way"
        UNSIGNED = "unsigned", "not signed at all"
        UNREADABLE = "unreadable", "no signature of a known form"
        UNKNOWN = "unknown", "unknown secret, or another body"

    source = models.ForeignKey(
        "webhooks.Source", models.PROTECT, related_name="deliveries", db_index=False
    )
    received_at = models.DateTimeField("received", db_default=Now())
    remote_address = models.GenericIPAddressField("from", null=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    verification = models.CharField(max_length=20, choices=Verification)
    reason = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Why it was not accepted."
    )
    secret = models.ForeignKey(
        "webhooks.SigningSecret",
        models.SET_NULL,
        null=True,
        related_name="deliveries",
        db_index=False,  # nobody asks for the deliveries of a secret
    )
    event = models.ForeignKey(
        "webhooks.Event", models.CASCADE, null=True, related_name="deliveries"
    )
    body_bytes = models.PositiveIntegerField("size (bytes)")
    signed_at = models.DateTimeField(
        "sent", null=True, help_text="The delivery's own timestamp, by the sender's clock."
    )

    cause = models.CharField(
        max_length=20,
        choices=Cause,
        blank=True,
        db_default="",
        help_text="Why the signature did not match, where that was looked into.",
    )
    cause_detail = models.CharField(
        max_length=400,
        blank=True,
        db_default="",
        help_text="What fitted, such as a secret's fingerprint or a template.",
    )
    differences = ArrayField(
        models.CharField(max_length=200),
        null=True,
        help_text="Of a conflict: the fields whose values are not the stored event's.",
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["source", "-id"], name="delivery_by_source"),
            # Accepted deliveries are the rule, and people look for the others.
            models.Index(
                fields=["outcome", "-id"],
                name="delivery_not_accepted",
                condition=~models.Q(outcome="accepted"),
            ),
            BrinIndex(fields=["received_at"], name="delivery_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class RejectionCount(models.Model):
    """How many deliveries a source rejected for one reason in one hour, kept as rows or not."""

    source = models.ForeignKey(
        "webhooks.Source", models.CASCADE, related_name="rejections", db_index=False
    )
    hour = models.DateTimeField()
    verification = models.CharField(max_length=20, choices=Delivery.Verification)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-hour"]
        verbose_name = "rejection"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "hour", "verification"], name="one_count_per_hour_and_reason"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-hour", "-id"], name="rejection_by_hour")]

    def __str__(self) -> str:
        return f"{self.count} x {self.verification}"
