"""Who may send, and how what they send is verified."""

import hashlib
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from webhooks.models.encryption import EncryptedTextField

validate_header = RegexValidator(
    # RFC 9110, 5.1: a field name is a token. Only what proxies pass on is allowed here.
    r"^[A-Za-z0-9-]+$",
    "A header's name has only letters, digits and hyphens.",
)

PLACEHOLDERS = ("{body}", "{timestamp}", "{id}")


def validate_signed_content(template: str) -> None:
    """Accept a template in which `{body}` stands once, and nothing but known placeholders.

    The sender's own is `{body}.{timestamp}`; Standard Webhooks signs `{id}.{timestamp}.{body}`.
    """
    rest = template
    for placeholder in PLACEHOLDERS:
        rest = rest.replace(placeholder, "", 1)
    if "{body}" not in template or "{" in rest or "}" in rest:
        raise ValidationError(
            "The signed content is built from {body}, {timestamp} and {id}, each at most once;"
            " {body} must be there."
        )


class Source(models.Model):
    """A subscription at a sender: its address here, and the way it signs."""

    class Encoding(models.TextChoices):
        """How the signature's bytes are written in its header."""

        HEX = "hex", "hexadecimal"
        BASE64 = "base64", "Base64"

    class SecretFormat(models.TextChoices):
        """How the key's bytes are written in the secret."""

        TEXT = "text", "as it stands"
        WHSEC = "whsec", "whsec_ and Base64 (Standard Webhooks)"

    slug = models.SlugField(
        unique=True, help_text="The last part of the address that the sender posts to."
    )
    name = models.CharField(max_length=100, help_text="What people call this subscription.")
    is_active = models.BooleanField(
        "active", default=True, help_text="Deliveries to a source that is off are answered 404."
    )
    agent_scope = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Agents whose conversations have effects, comma-separated; none means all.",
    )

    signature_header = models.CharField(
        max_length=100, default="X-Webhook-Signature", validators=[validate_header]
    )
    timestamp_header = models.CharField(
        max_length=100, default="X-Webhook-Timestamp", validators=[validate_header]
    )
    id_header = models.CharField(
        max_length=100,
        default="Webhook-Id",
        validators=[validate_header],
        help_text="Read where the signed content has {id}.",
    )
    signed_content = models.CharField(
        max_length=100,
        default="{body}.{timestamp}",
        validators=[validate_signed_content],
        help_text="What the sender signs, from {body}, {timestamp} and {id}.",
    )
    encoding = models.CharField(max_length=10, choices=Encoding, default=Encoding.HEX)
    signature_prefix = models.CharField(
        max_length=20,
        blank=True,
        default="",
        help_text='What stands before the signature, such as "sha256=" or "v1,".',
    )
    secret_format = models.CharField(max_length=10, choices=SecretFormat, default=SecretFormat.TEXT)
    replay_window = models.PositiveIntegerField(
        "replay window (s)",
        default=300,
        validators=[MaxValueValidator(86400)],
        help_text="How far a delivery's timestamp may be from our clock, either way, in seconds.",
    )
    allow_missing_timestamp = models.BooleanField(
        "without a replay window",
        default=False,
        help_text="Needed where the signed content has no {timestamp}: anyone who has seen a"
        " delivery can then send it again for ever.",
    )

    paused_at = models.DateTimeField(
        "paused since",
        null=True,
        blank=True,
        editable=False,
        help_text="While it is paused events are taken and held, and not processed.",
    )
    paused_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    paused_reason = models.CharField(max_length=500, blank=True, default="", editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        permissions: ClassVar = [("pause_source", "Can pause and resume sources")]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """Refuse a signature that has no time in it, unless the source says so in so many words."""
        if "{timestamp}" not in self.signed_content and not self.allow_missing_timestamp:
            raise ValidationError(
                {
                    "allow_missing_timestamp": "The signed content has no {timestamp}, so nothing"
                    " limits replays. Say that this is meant, or sign the timestamp."
                }
            )

    def add_secret(self, value: str) -> "SigningSecret":
        """Store `value` as one more secret that deliveries may be signed with."""
        return self.secrets.create(value=value)


def make_fingerprint(secret: str) -> str:
    """Return what tells `secret` apart from others and says nothing about it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


class SigningSecret(models.Model):
    """A key that deliveries of a source may be signed with; several may be active at once.

    During a rotation deliveries under the old and the new secret are both in flight, so the old
    one stays until somebody retires it. The value is shown to no one after it was stored.
    """

    source = models.ForeignKey(Source, models.CASCADE, related_name="secrets")
    value = EncryptedTextField(editable=False)
    fingerprint = models.CharField(
        max_length=12,
        editable=False,
        help_text="The beginning of the secret's SHA-256, to tell secrets apart.",
    )
    created_at = models.DateTimeField("created", auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    retired_at = models.DateTimeField("retired", null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "fingerprint"],
                condition=Q(retired_at=None),
                name="one_active_row_per_secret",
                violation_error_message="This secret is active already.",
            )
        ]

    def __str__(self) -> str:
        return f"secret {self.fingerprint} of {self.source_id}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Store the secret with its fingerprint."""
        self.fingerprint = make_fingerprint(self.value)
        super().save(*args, **kwargs)  # type: ignore[arg-type] # passed on as they came

    def retire(self) -> None:
        """Stop accepting this secret, for good; also one that no key can decrypt any more."""
        self.retired_at = timezone.now()
        type(self).objects.filter(pk=self.pk).update(retired_at=self.retired_at)
