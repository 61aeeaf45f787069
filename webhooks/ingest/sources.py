"""Find the source that a request is addressed to, without asking Postgres every time."""

import base64
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.validators import slug_re

from webhooks.ingest.deadline import ask_postgres
from webhooks.ingest.signatures import Key, Scheme
from webhooks.models import Source

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A source as the hot path needs it."""

    source_id: int
    slug: str
    scheme: Scheme
    keys: tuple[Key, ...] = field(repr=False)


class SubscriptionCache:
    """Active sources by slug, read again when they are older than `WEBHOOKS_SOURCE_CACHE`.

    One for each process: a change in the admin takes effect everywhere within that time, with
    nothing to invalidate across machines. A slug that is not there is remembered too, so that
    requests for addresses nobody has do not reach Postgres each time; the number of those is
    bounded, since strangers choose them.
    """

    MAX_ENTRIES = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, Subscription | None]] = {}

    def find(self, slug: str) -> Subscription | None:
        """Return the active source `slug`, or None. Raises what Django's database does."""
        if not slug_re.fullmatch(slug):
            return None  # nor would Postgres take each character that an address may have
        now = time.monotonic()
        entry = self._entries.get(slug)
        if entry is not None and now < entry[0]:
            return entry[1]
        subscription = ask_postgres(partial(load_subscription, slug))
        with self._lock:
            if len(self._entries) >= self.MAX_ENTRIES:
                # Only slugs that nobody has: there are not that many sources.
                self._entries = {
                    known: entry for known, entry in self._entries.items() if entry[1] is not None
                }
            lifetime = settings.WEBHOOKS_SOURCE_CACHE.total_seconds()
            self._entries[slug] = (now + lifetime, subscription)
        return subscription

    def clear(self) -> None:
        """Forget everything, so that the next request reads Postgres."""
        with self._lock:
            self._entries.clear()


def load_subscription(slug: str) -> Subscription | None:
    """Read the active source `slug` with its active secrets from Postgres, or None."""
    source = Source.objects.filter(slug=slug, is_active=True).first()
    if source is None:
        return None
    return Subscription(
        source_id=source.pk,
        slug=source.slug,
        scheme=read_scheme(source),
        keys=tuple(load_keys(source)),
    )


def read_scheme(source: Source) -> Scheme:
    """Return how the source's sender signs."""
    return Scheme(
        signature_header=source.signature_header,
        timestamp_header=source.timestamp_header,
        id_header=source.id_header,
        signed_content=source.signed_content,
        encoding=source.encoding,
        signature_prefix=source.signature_prefix,
        replay_window=source.replay_window,
    )


def load_keys(source: Source) -> Iterator[Key]:
    """Yield the keys of the source's active secrets that can be read; the others are logged.

    Raises ImproperlyConfigured where there is none because no configured key decrypts them:
    whether a delivery is genuine cannot be said until that is mended.
    """
    readable = 0
    undecryptable: ImproperlyConfigured | None = None
    # Each is decrypted by itself, when its value is asked for: one that cannot be spoils no other.
    for secret in source.secrets.filter(retired_at=None).defer("value"):
        try:
            key = Key(secret_id=secret.pk, value=read_key(secret.value, source.secret_format))
        except ImproperlyConfigured as error:
            undecryptable = error
            logger.error("undecryptable_secret", source=source.slug, secret=secret.fingerprint)  # noqa: TRY400 -- the line says all
        except ValueError:
            # The source's format was changed after the secret came in.
            logger.exception("unreadable_secret", source=source.slug, secret=secret.fingerprint)
        else:
            readable += 1
            yield key
    if undecryptable is not None and not readable:
        raise undecryptable


def read_key(secret: str, secret_format: str) -> bytes:
    """Return the bytes to sign with that `secret` stands for.

    Raises ValueError where a Standard Webhooks secret is not `whsec_` and Base64, and where nothing
    is left of a secret: everybody could sign with that.
    """
    key = secret.encode()
    if secret_format == Source.SecretFormat.WHSEC:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError as error:
            raise ValueError("A Standard Webhooks secret is whsec_ followed by Base64.") from error
    if not key.rstrip(b"\0"):  # HMAC fills a short key up with NUL bytes
        raise ValueError("A secret must not be empty.")
    return key


subscriptions = SubscriptionCache()
