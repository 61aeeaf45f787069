"""Ways of signing as a whole: a source's own, and those of vendors that a sender may imitate."""

from collections.abc import Mapping
from dataclasses import dataclass

from webhooks.ingest.signatures import Scheme
from webhooks.models import Source

Format = Source.SecretFormat


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody signs; `vendor` is who is known for it, and empty for a source's own way."""

    scheme: Scheme
    secret_format: str
    vendor: str = ""


STANDARD = "{id}.{timestamp}.{body}"

WELL_KNOWN = (
    Manner(
        Scheme("Webhook-Signature", "Webhook-Timestamp", "Webhook-Id", STANDARD),
        Format.WHSEC,
        "Standard Webhooks",
    ),
    Manner(
        Scheme("Svix-Signature", "Svix-Timestamp", "Svix-Id", STANDARD),
        Format.WHSEC,
        "Svix",
    ),
    Manner(
        Scheme(
            "X-Slack-Signature",
            "X-Slack-Request-Timestamp",
            signed_content="v0:{timestamp}:{body}",
        ),
        Format.TEXT,
        "Slack",
    ),
    Manner(
        Scheme("X-Hub-Signature-256", signed_content="{body}"),
        Format.TEXT,
        "GitHub",
    ),
    Manner(
        Scheme("X-Shopify-Hmac-Sha256", signed_content="{body}"),
        Format.TEXT,
        "Shopify",
    ),
    Manner(
        # Its timestamp stands before the signature, as t=, which is guessed of every header.
        Scheme("Stripe-Signature", signed_content="{timestamp}.{body}"),
        Format.TEXT,
        "Stripe",
    ),
)


def find_well_known(headers: Mapping[str, str], own: Manner) -> list[Manner]:
    """Return the well-known manners whose signature's header is there, but for the source's own."""
    return [
        manner
        for manner in WELL_KNOWN
        if headers.get(manner.scheme.signature_header)
        and manner.scheme.signed_content != own.scheme.signed_content
    ]
