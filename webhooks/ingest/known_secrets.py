"""The secrets that a delivery may have been signed with by mistake.

They are read for looking into a refusal alone, and accepted nowhere.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import BinaryField, Case, F, Q, Value, When
from django.db.models.functions import Cast

from webhooks.ingest.deadline import ask_postgres
from webhooks.ingest.signatures import Scheme
from webhooks.ingest.sources import read_scheme
from webhooks.models import SigningSecret
from webhooks.models.encryption import decrypt

MOST_SECRETS = 50
"""The source's own come first; of these the active ones, and then what was retired last."""


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A stored secret, active or retired, and how the sender signs whose it is."""

    source_id: int
    slug: str
    scheme: Scheme
    secret_format: str
    fingerprint: str
    retired_at: datetime | None
    value: str = field(repr=False)


class KnownSecrets:
    """What `load_secrets` returns, read again when it is older than `WEBHOOKS_SOURCE_CACHE`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, tuple[float, tuple[KnownSecret, ...]]] = {}

    def find(self, source_id: int) -> tuple[KnownSecret, ...]:
        """Return the secrets to try for this source. Raises what Django's database does."""
        now = time.monotonic()
        entry = self._entries.get(source_id)
        if entry is not None and now < entry[0]:
            return entry[1]
        secrets = ask_postgres(partial(load_secrets, source_id))
        with self._lock:
            lifetime = settings.WEBHOOKS_SOURCE_CACHE.total_seconds()
            # Only what is still fresh: nobody else would ever forget the keys of the others.
            self._entries = {key: kept for key, kept in self._entries.items() if now < kept[0]}
            self._entries[source_id] = (now + lifetime, secrets)
        return secrets

    def clear(self) -> None:
        """Forget everything, so that the next one asks Postgres."""
        with self._lock:
            self._entries.clear()


def load_secrets(source_id: int) -> tuple[KnownSecret, ...]:
    """Read the source's secrets, and all other sources' active ones, from Postgres."""
    is_ours = Case(When(source=source_id, then=Value(0)), default=Value(1))
    rows = (
        SigningSecret.objects.filter(Q(source=source_id) | Q(retired_at=None))
        .select_related("source")
        # As it is stored: one that no key can decrypt any more must not spoil the others.
        .annotate(sealed=Cast("value", BinaryField()))
        .defer("value")
        .order_by(is_ours, F("retired_at").desc(nulls_first=True), "-pk")
    )
    return tuple(unseal(rows[:MOST_SECRETS]))


def unseal(rows: Iterable[Any]) -> Iterator[KnownSecret]:
    """Yield those of the secrets that a configured key decrypts."""
    for row in rows:
        try:
            value = decrypt(bytes(row.sealed))
        except ImproperlyConfigured:
            continue  # said by whoever accepts secrets, for the active ones
        yield KnownSecret(
            source_id=row.source_id,
            slug=row.source.slug,
            scheme=read_scheme(row.source),
            secret_format=row.source.secret_format,
            fingerprint=row.fingerprint,
            retired_at=row.retired_at,
            value=value,
        )


known_secrets = KnownSecrets()
