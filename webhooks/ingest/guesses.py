"""Guess what may have been otherwise, at the sender or on the way, than a source's settings say.

Each list begins with how it should be; what comes after says in words how it differs.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from webhooks.ingest.known_secrets import KnownSecret
from webhooks.ingest.signatures import Scheme, to_bytes
from webhooks.ingest.sources import read_key
from webhooks.models import Delivery, Source

Cause = Delivery.Cause
Format = Source.SecretFormat
T = TypeVar("T")

CONTENTS = (
    "{body}.{timestamp}",
    "{timestamp}.{body}",
    "{id}.{timestamp}.{body}",
    "{body}",
    "{timestamp}{body}",
    "{body}{timestamp}",
    "{timestamp}:{body}",
)
"""Templates that senders are known to sign."""

TIMESTAMP_HEADERS = (
    "X-Webhook-Timestamp",
    "Webhook-Timestamp",
    "Svix-Timestamp",
    "X-Signature-Timestamp",
    "X-Timestamp",
    "X-Request-Timestamp",
)
ID_HEADERS = ("Webhook-Id", "Svix-Id", "X-Webhook-Id")
"""Where senders are known to put them. Only these names are ever told: others may be anybody's."""

TIMESTAMP_IN_SIGNATURE = re.compile(r"(?:^|[\s,;])t=([0-9]{1,14})(?:$|[\s,;])")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a delivery was signed otherwise than it should, in words."""

    cause: Delivery.Cause
    words: str


@dataclass(frozen=True, slots=True)
class Guess(Generic[T]):
    """Something that may have been signed with or over, and how it deviates."""

    value: T = field(repr=False)
    deviations: tuple[Deviation, ...] = ()


def guess_keys(secret: KnownSecret, secret_format: str) -> list[Guess[bytes]]:
    """Return the bytes that the secret may stand for, by the format first and then by others."""
    guesses: list[Guess[bytes]] = []
    if (key := read_as(secret.value, secret_format)) is not None:
        guesses.append(Guess(key))
    for words, key in list_readings(secret.value):
        if all(key != known.value for known in guesses):
            deviation = Deviation(Cause.OTHER_FORMAT, f"the secret is read {words}")
            guesses.append(Guess(key, (deviation,)))
    return guesses


def list_readings(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the ways in which senders read a secret, in words, with the key that each leads to."""
    bare = secret.strip().strip("'\"")
    for words, key in (
        ("as it stands", secret.encode()),
        ("without the space or quotes around it", bare.encode()),
        ('without "whsec_", as text', bare.removeprefix("whsec_").encode()),
        ("as Base64", read_as(bare, Format.WHSEC)),
        ("as hexadecimal", read_hex(bare)),
    ):
        if key is not None and key.rstrip(b"\0"):
            yield words, key


def read_as(secret: str, secret_format: str) -> bytes | None:
    """Return the secret's key, or None where it is not of that format."""
    try:
        return read_key(secret, secret_format)
    except ValueError:
        return None


def read_hex(text: str) -> bytes | None:
    """Return the bytes that stand there in hexadecimal, if they do."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None


def guess_contents(own: str, *, is_well_known: bool = False) -> list[Guess[str]]:
    """Return the template, and others; a well-known way of signing has the one."""
    if is_well_known:
        return [Guess(own)]
    others = [content for content in CONTENTS if content != own]
    return [
        Guess(own),
        *(Guess(each, (Deviation(Cause.OTHER_CONTENT, f"signed over {each}"),)) for each in others),
    ]


def guess_timestamps(scheme: Scheme, headers: Mapping[str, str]) -> list[Guess[bytes]]:
    """Return what may be the timestamp: what stands in its header, or elsewhere."""
    found = list(guess_headers("timestamp", scheme.timestamp_header, TIMESTAMP_HEADERS, headers))
    inside = TIMESTAMP_IN_SIGNATURE.search(headers.get(scheme.signature_header, "")[:1000])
    if inside:
        words = "the timestamp stands before the signature, as t="
        deviation = Deviation(Cause.OTHER_TIMESTAMP, words)
        found.append(Guess(to_bytes(inside[1]), (deviation,)))
    return found


def guess_ids(scheme: Scheme, headers: Mapping[str, str]) -> list[Guess[bytes]]:
    """Return what may be the delivery's id: what stands in its header, or in another one."""
    return list(guess_headers("id", scheme.id_header, ID_HEADERS, headers))


def guess_headers(
    what: str, own: str, others: Iterable[str], headers: Mapping[str, str]
) -> Iterator[Guess[bytes]]:
    """Yield the values that stand in `own`, and in those of the `others` where another one does."""
    seen = {headers.get(own, ""), ""}
    yield Guess(to_bytes(headers.get(own, "")))
    for name in others:
        if (value := headers.get(name, "")) not in seen:
            seen.add(value)
            deviation = Deviation(Cause.OTHER_TIMESTAMP, f"the {what} stands in {name}")
            yield Guess(to_bytes(value), (deviation,))


def guess_bodies(body: bytes) -> list[Guess[bytes]]:
    """Return the body as it came, and as it may have been before it was changed on the way.

    By its bytes alone: nobody has vouched for it, so it is not parsed.
    """
    guesses = [Guess(body)]
    for words, before in (
        ("a line break was added at its end", body.rstrip(b"\r\n")),
        ("a line break at its end was taken away", body + b"\n"),
        ("a line break (CR LF) at its end was taken away", body + b"\r\n"),
        ("white space was added around it", body.strip()),
        ("its line breaks were changed from LF to CR LF", body.replace(b"\r\n", b"\n")),
        ("its line breaks were changed from CR LF to LF", re.sub(rb"\r?\n", b"\r\n", body)),
        ("a byte order mark was added", body.removeprefix(BYTE_ORDER_MARK)),
        ("a byte order mark was taken away", BYTE_ORDER_MARK + body),
        ("an empty body was signed", b""),
    ):
        if all(before != known.value for known in guesses):
            guesses.append(Guess(before, (Deviation(Cause.CHANGED_BODY, words),)))
    return guesses
