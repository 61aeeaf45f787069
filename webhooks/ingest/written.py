"""Find the signatures that a request carries, in whatever form and header senders write them.

For looking into a refusal alone: what is accepted is read by `signatures`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from webhooks.ingest.signatures import decode_base64, decode_hex

HEADERS = (
    "X-Webhook-Signature",
    "Webhook-Signature",
    "X-Signature",
    "X-Signature-256",
    "X-Hub-Signature-256",
    "Svix-Signature",
    "Stripe-Signature",
    "X-Slack-Signature",
    "X-Shopify-Hmac-Sha256",
    "X-Zm-Signature",
    "ElevenLabs-Signature",
    "X-Webhook-Signature-256",
    "X-Webhook-Hmac",
    "X-Hmac-Signature",
    "Linear-Signature",
    "Signature",
)
"""Where else senders put signatures. Only these names are ever told: a name may be anybody's."""

PREFIXES = frozenset({"sha256=", "hmac-sha256=", "sha256:", "v0=", "v1=", "v1,", "signature="})
"""What senders write before a signature. Only these are ever told, as above."""

MOST_CHARACTERS = 1000
"""Of a header's value that are read."""

MOST_SIGNATURES = 10

FORM = re.compile(
    r"(?<![A-Za-z0-9+/_-])"
    r"(?P<prefix>[A-Za-z][A-Za-z0-9-]{0,39}[=,:])?"
    r"(?P<digest>[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)"
    r"(?![A-Za-z0-9+/_=-])"
)
"""A SHA-256 in hexadecimal, or in either alphabet of Base64 with its padding or without, where
neither begins nor ends in the midst of something longer."""

OTHER_ALGORITHM = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{128})(?![0-9A-Fa-f])")
ALGORITHMS = {40: "SHA-1", 128: "SHA-512"}
"""Algorithms that are not accepted here, by how many hexadecimal digits their values have."""


@dataclass(frozen=True, slots=True)
class Written:
    """A signature as it stands in a request."""

    header: str
    encoding: str
    prefix: str
    digest: bytes = field(repr=False)


def find_written(headers: Mapping[str, str], names: Iterable[str]) -> list[Written]:
    """Return the signatures in the headers of these `names`, and then in all well-known ones."""
    found: list[Written] = []
    for name, text in list_texts(headers, names):
        for form in FORM.finditer(text):
            digest, encoding = decode(form["digest"])
            if digest is not None and len(found) < MOST_SIGNATURES:
                found.append(Written(name, encoding, form["prefix"] or "", digest))
    return found


def find_other_algorithm(headers: Mapping[str, str], names: Iterable[str]) -> str:
    """Return which other algorithm a signature looks as if made by, or an empty text."""
    for _, text in list_texts(headers, names):
        if form := OTHER_ALGORITHM.search(text):
            return ALGORITHMS[len(form[0])]
    return ""


def list_texts(headers: Mapping[str, str], names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the headers in which a signature may stand, each once, with what stands there."""
    seen: set[str] = set()
    for name in (*names, *HEADERS):
        text = headers.get(name, "")[:MOST_CHARACTERS]
        if text.strip() and name.lower() not in seen:
            seen.add(name.lower())
            yield name, text


def decode(text: str) -> tuple[bytes | None, str]:
    """Return the digest, if it is one, and how it is written."""
    if (digest := decode_hex(text)) is not None:
        return digest, "hexadecimal"
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return decode_base64(f"{standard}="), "Base64"


def describe_form(written: Written) -> str:
    """Return how the signature is written, without anything that its sender may have made up."""
    if not written.prefix:
        return f"{written.encoding} without a prefix"
    prefix = written.prefix.lower()
    known = f'the prefix "{prefix}"' if prefix in PREFIXES else "another prefix"
    return f"{written.encoding} with {known}"
