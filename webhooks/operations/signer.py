"""Sign as a sender does.

Written apart from the verifier and with none of its code, so that each is a check on the other.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DatabaseError

from webhooks.models import Source
from webhooks.operations.demo import SOURCE
from webhooks.operations.sources import SCHEMES


@dataclass(frozen=True, slots=True)
class Signer:
    """A sender that knows `secret` and signs as `source` says; the source need not be stored.

    Raises ValueError where the secret is not written as the source's secrets are.
    """

    secret: str = field(repr=False)
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        self.read_key()

    @property
    def signs_timestamp(self) -> bool:
        """Whether a delivery that comes late can be told from one that comes in time."""
        return "{timestamp}" in self.source.signed_content

    def sign(self, body: bytes, sent_at: datetime, delivery_id: str) -> dict[str, str]:
        """Return the headers that a delivery of `body` carries when it is sent at `sent_at`."""
        timestamp = str(int(sent_at.timestamp()))
        before, after = (
            part.replace("{timestamp}", timestamp).replace("{id}", delivery_id).encode()
            for part in self.source.signed_content.split("{body}")
        )
        digest = hmac.digest(self.read_key(), before + body + after, hashlib.sha256)
        signature = (
            digest.hex()
            if self.source.encoding == Source.Encoding.HEX
            else base64.b64encode(digest).decode()
        )
        return {
            self.source.timestamp_header: timestamp,
            self.source.id_header: delivery_id,
            self.source.signature_header: f"{self.source.signature_prefix}{signature}",
        }

    def read_key(self) -> bytes:
        """Return the bytes to sign with that the secret stands for."""
        if self.source.secret_format == Source.SecretFormat.WHSEC:
            return base64.b64decode(self.secret.removeprefix("whsec_"), validate=True)
        return self.secret.encode()


class NoSecretError(Exception):
    """Nobody has said which secret to sign with; the message says how to."""


def find_signer(slug: str, secret: str = "", scheme: str = "") -> Signer:
    """Return the sender of the source `slug`, which may be one of another machine's.

    What is given holds: `secret`, and `scheme`, one of `SCHEMES`. What is not given is taken from
    the database, if it can be reached and has the source: how it signs, and its newest active
    secret, save for the demo's, which `make run` puts into the environment. Otherwise the
    sender's own scheme is used. Raises `NoSecretError`, and ValueError as `Signer` does.
    """
    stored = None if secret and scheme else find_source(slug)
    if not secret and slug == SOURCE:
        secret = os.environ.get("DEMO_SIGNING_SECRET", "")
    if not secret and stored is not None:
        newest = stored.secrets.filter(retired_at=None).first()
        secret = newest.value if newest else ""
    if not secret:
        raise NoSecretError(
            f"No secret of the source {slug} is known here: give it with --secret, or with"
            " --secret - on standard input."
        )
    source = Source(**SCHEMES[scheme]) if scheme else stored
    return Signer(secret, source or Source())


def find_source(slug: str) -> Source | None:
    """Return the source, or None where it or the database is not to be had."""
    try:
        return Source.objects.filter(slug=slug).first()
    except DatabaseError:
        return None
