"""Set up sources, change their secrets and pause them, for whoever does it through which door."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from integrations.text import make_storable
from webhooks.audit import Actor, record
from webhooks.ingest.sources import read_key
from webhooks.models import AuditEntry, SigningSecret, Source
from webhooks.models.source import make_fingerprint
from webhooks.operations.telling import tell_workers

logger = structlog.stdlib.get_logger(__name__)

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "sender": {},
    "timestamp-first": {"signed_content": "{timestamp}.{body}"},
    "standard-webhooks": {
        "signed_content": "{id}.{timestamp}.{body}",
        "signature_header": "Webhook-Signature",
        "timestamp_header": "Webhook-Timestamp",
        "id_header": "Webhook-Id",
        "encoding": Source.Encoding.BASE64.value,
        "signature_prefix": "v1,",
        "secret_format": Source.SecretFormat.WHSEC.value,
    },
    "body-only": {"signed_content": "{body}"},
}
"""Ways of signing by name, as values of Source's fields; the rest are the fields' defaults."""

SECRET_BYTES = 32

PAUSE = ("paused_at", "paused_by", "paused_reason")
"""Source's fields that say whether it is paused, by whom and why."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A stored secret with the value that can be shown this once."""

    row: SigningSecret
    value: str = field(repr=False)


def generate_secret(secret_format: str) -> str:
    """Return a new secret, written as the format asks for."""
    if secret_format == Source.SecretFormat.WHSEC:
        return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return secrets.token_hex(SECRET_BYTES)


@transaction.atomic
def create_source(
    *, slug: str, name: str, scheme: str = "sender", secret: str = "", **values: Any
) -> NewSecret:
    """Create a source that signs by `scheme`, one of `SCHEMES`, and its first secret.

    `values` are fields of Source that differ from the scheme's. Without `secret`, one is
    generated. Raises ValidationError, which for a slug that is none says what one is.
    """
    check_slug(slug)
    source = Source(slug=slug, name=name, **{**SCHEMES[scheme], **values})
    source.full_clean()
    source.save()
    return add_secret(source, secret)


def check_slug(slug: str) -> None:
    """Refuse what cannot be the last part of an address, with one proposed that can.

    Raises ValidationError.
    """
    try:
        validate_slug(slug)
    except ValidationError as error:
        proposed = slugify(slug)
        raise ValidationError(
            f"{slug!r} is no slug: a slug is the last part of the address, of letters without"
            " accents, digits, hyphens and underscores"
            + (f", such as {proposed}." if proposed else ", such as my-phone-line.")
        ) from error


def add_secret(source: Source, secret: str = "") -> NewSecret:
    """Have the source accept one more secret; a new one unless it is given.

    Raises ValidationError where the secret is not one of the source's format, or active already.
    """
    value = secret or generate_secret(source.secret_format)
    try:
        read_key(value, source.secret_format)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    # By fingerprint: a secret that no key can decrypt any more must not stand in the way.
    if source.secrets.filter(retired_at=None, fingerprint=make_fingerprint(value)).exists():
        raise ValidationError("This secret is active already.")
    return NewSecret(source.add_secret(value), value)


@transaction.atomic
def retire_secret(source: Source, fingerprint: str) -> SigningSecret:
    """Stop accepting the source's active secret with this fingerprint, and return it.

    Raises ValidationError where there is none, or no other: all that the sender sends from then
    on would be turned away. (Whoever wants that switches the source off.)
    """
    # Locked, so that two people cannot each retire what the other leaves.
    Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    secrets = source.secrets.filter(retired_at=None).defer("value")
    active = {row.fingerprint: row for row in secrets}
    if fingerprint not in active:
        raise ValidationError(f"No active secret of {source} has the fingerprint {fingerprint}.")
    if len(active) == 1:
        raise ValidationError(
            f"It is the only active secret of {source}: add the new one before, or switch the"
            " source off."
        )
    active[fingerprint].retire()
    return active[fingerprint]


@transaction.atomic
def pause_source(source: Source, actor: Actor, reason: str) -> bool:
    """Have the source's events taken and held until somebody resumes it; record who did so and why.

    Deliveries are answered as ever. An event that a worker is at just now, and effects that are
    planned, come to their end. Returns whether the source was not paused already; then the first
    pause stays as it is, and nothing is recorded. `source` is brought up to date. Called by the
    admin, the API and commands.
    """
    reason = make_storable(reason)[:500]
    paused = Source.objects.filter(pk=source.pk, paused_at=None).update(
        paused_at=Now(), paused_by=make_storable(actor.name)[:150], paused_reason=reason
    )
    source.refresh_from_db(fields=PAUSE)
    if paused:
        record(AuditEntry.Action.PAUSE, actor, source, reason)
        # What a person has typed may name somebody, so it stays on the row.
        logger.warning("source_paused", source=source.slug, by=actor.name)
    return bool(paused)


@transaction.atomic
def resume_source(source: Source, actor: Actor, reason: str = "") -> bool:
    """Have the source's events processed again, those that are held first of all; record who.

    The sweep releases them, which is asked for once this is committed, and comes every few seconds
    in any case. Returns whether the source was paused. `source` is brought up to date. Called by
    the admin, the API and commands.
    """
    paused = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    if paused.paused_at is not None:
        Source.objects.filter(pk=source.pk).update(paused_at=None, paused_by="", paused_reason="")
        before = f"Paused by {paused.paused_by}: {paused.paused_reason}"
        detail = " ".join(filter(None, [reason, before]))
        record(AuditEntry.Action.RESUME, actor, source, detail)
        logger.info("source_resumed", source=source.slug, by=actor.name)
        transaction.on_commit(lambda: tell_workers({"sweep": 1}), robust=True)
    source.refresh_from_db(fields=PAUSE)
    return paused.paused_at is not None
