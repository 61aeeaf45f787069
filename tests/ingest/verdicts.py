"""Asks the verifier, for the tests of signatures and timestamps."""

import base64
from datetime import UTC, datetime
from typing import Any

from webhooks.ingest.signatures import Key, Proof, Scheme, VerificationError, verify
from webhooks.ingest.sources import read_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNIX_NOW = str(int(NOW.timestamp()))
SENDER = Scheme()
STANDARD = Scheme(
    signature_header="Webhook-Signature",
    timestamp_header="Webhook-Timestamp",
    id_header="Webhook-Id",
    signed_content="{id}.{timestamp}.{body}",
    encoding="base64",
    signature_prefix="v1,",
)
SECRET = "s3cr3t"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def check(
    headers: dict[str, str],
    body: bytes,
    *secrets: str,
    scheme: Scheme = SENDER,
    now: datetime = NOW,
) -> Proof:
    """Verify with `secrets`, numbered from 1."""
    secret_format = "whsec" if scheme.signature_header == STANDARD.signature_header else "text"
    keys = [
        Key(number, read_key(secret, secret_format)) for number, secret in enumerate(secrets, 1)
    ]
    return verify(scheme, keys, headers, body, now)


def verdict(*args: Any, **kwargs: Any) -> str:
    """Return the reason for which `check` refuses, or "verified"."""
    try:
        check(*args, **kwargs)
    except VerificationError as error:
        return error.reason.value
    return "verified"
