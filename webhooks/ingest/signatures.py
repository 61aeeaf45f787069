"""Decide whether a request was signed by someone who knows the source's secret.

One verifier for every scheme: the sender's own (HMAC-SHA256 over `{body}.{timestamp}`), Standard
Webhooks and the common rest differ in a `Scheme`'s values alone.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from webhooks.models import Delivery

Verification = Delivery.Verification

HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# Python's own notion of a digit takes in every script's.
UNIX_TIME = re.compile(r"[0-9]{1,14}(\.[0-9]{1,9})?")
MILLISECONDS_FROM = 10**11  # as seconds that is the year 5138, as milliseconds 1973


@dataclass(frozen=True, slots=True)
class Key:
    """One active secret's key."""

    secret_id: int
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a source's sender signs. `replay_window` is in seconds."""

    signature_header: str = "X-Webhook-Signature"
    timestamp_header: str = "X-Webhook-Timestamp"
    id_header: str = "Webhook-Id"
    signed_content: str = "{body}.{timestamp}"
    encoding: str = "hex"
    signature_prefix: str = ""
    replay_window: int = 300

    @property
    def signs_timestamp(self) -> bool:
        """Whether the signature vouches for the time, so that a replay window can be held."""
        return "{timestamp}" in self.signed_content


@dataclass(frozen=True, slots=True)
class Proof:
    """That a request is genuine: the secret that it was signed with, and when."""

    secret_id: int
    signed_at: datetime | None


class VerificationError(Exception):
    """The request is not proven to be a timely one of the sender's; `reason` says why not.

    `proof` is there for a stale one alone: its signature holds, and only its time does not.
    """

    def __init__(self, reason: Verification, proof: Proof | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.proof = proof


def verify(
    scheme: Scheme, keys: Sequence[Key], headers: Mapping[str, str], body: bytes, now: datetime
) -> Proof:
    """Return the proof that `body` was signed with one of `keys`, within the window around `now`.

    `headers` are looked up as Django's `request.headers` are, in any case. Raises
    `VerificationError`. Time is judged last, and only on a good signature: "stale" then means a
    genuine delivery that came late, never a forgery.
    """
    if not keys:
        raise VerificationError(Verification.NO_SECRET)
    candidates = read_candidates(scheme, headers.get(scheme.signature_header, ""))
    timestamp = headers.get(scheme.timestamp_header, "")
    signed_at = read_timestamp(timestamp) if scheme.signs_timestamp else None
    values = {"{body}": body, "{timestamp}": to_bytes(timestamp)}
    values["{id}"] = to_bytes(headers.get(scheme.id_header, ""))
    matching = [
        key.secret_id
        for key in keys
        if matches_any(compute_digest(scheme.signed_content, key.value, values), candidates)
    ]
    if not matching:
        raise VerificationError(Verification.MISMATCH)
    proof = Proof(secret_id=matching[0], signed_at=signed_at)
    if signed_at is not None and abs(now - signed_at) > timedelta(seconds=scheme.replay_window):
        raise VerificationError(Verification.STALE, proof)
    return proof


def compute_digest(signed_content: str, key: bytes, values: Mapping[str, bytes]) -> bytes:
    """Return the HMAC-SHA256 over the template with its placeholders' `values` put in.

    The body goes into the HMAC as it is, without being copied: it may be megabytes.
    """
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in split_template(signed_content):
        mac.update(values[part] if part in values else part.encode())
    return mac.digest()


def split_template(signed_content: str) -> Iterator[str]:
    """Yield the template's placeholders and what stands between them, in order."""
    return (part for part in re.split(r"(\{[a-z]+\})", signed_content) if part)


def matches_any(digest: bytes, candidates: Sequence[bytes]) -> bool:
    """Compare in constant time, with every candidate, so that timing tells nothing."""
    found = False
    for candidate in candidates:
        found |= hmac.compare_digest(digest, candidate)
    return found


def read_candidates(scheme: Scheme, header: str) -> list[bytes]:
    """Return the digests that the signature header carries: one, or several between spaces.

    Standard Webhooks sends one for each active secret, and may add versions that are unknown
    here: what lacks the prefix is passed over. Raises `VerificationError` where nothing is left.
    """
    if not header.strip():
        raise VerificationError(Verification.MISSING)
    decode = decode_hex if scheme.encoding == "hex" else decode_base64
    candidates = [
        digest
        for text in header.split()
        if text.startswith(scheme.signature_prefix)
        and (digest := decode(text.removeprefix(scheme.signature_prefix))) is not None
    ]
    if not candidates:
        raise VerificationError(Verification.MALFORMED)
    return candidates


def decode_hex(text: str) -> bytes | None:
    """Return the digest, or None where `text` is not 32 bytes in hexadecimal."""
    return bytes.fromhex(text) if HEX_DIGEST.fullmatch(text) else None


def decode_base64(text: str) -> bytes | None:
    """Return the digest, or None where `text` is not 32 bytes in Base64."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == hashlib.sha256().digest_size else None


def read_timestamp(text: str) -> datetime:
    """Read Unix seconds, Unix milliseconds or ISO 8601 (UTC where it names no offset).

    Raises `VerificationError` where there is none, or none of these.
    """
    text = text.strip()
    if not text:
        raise VerificationError(Verification.NO_TIMESTAMP)
    try:
        if UNIX_TIME.fullmatch(text):
            number = float(text)
            return datetime.fromtimestamp(
                number / 1000 if number >= MILLISECONDS_FROM else number, UTC
            )
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise VerificationError(Verification.BAD_TIMESTAMP) from error


def to_bytes(header: str) -> bytes:
    """Return a header's bytes as they came: WSGI hands them over as Latin-1 (PEP 3333)."""
    return header.encode("latin-1", "replace")
