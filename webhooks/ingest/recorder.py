"""Write down what arrived: one statement, one transaction, one round trip for each delivery.

The statements are SQL, since the ORM has no way to say "insert, or tell me what is there" in one
round trip, and this is the path that every acknowledgement waits for.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection

from webhooks.ingest.deadline import ask_postgres
from webhooks.ingest.envelope import ORGANIZATION_NAME_LENGTH, Envelope
from webhooks.ingest.signatures import Proof
from webhooks.models import Delivery

RECORD_EVENT = """
WITH inserted AS (
    INSERT INTO webhooks_event (
        event_id, event_type, source_id, conversation_uuid, agent_uuid,
        organization_uuid, organization_name, created, body, body_sha256, body_bytes
    ) VALUES (
        %(event_id)s, %(event_type)s, %(source_id)s, %(conversation_uuid)s, %(agent_uuid)s,
        %(organization_uuid)s, %(organization_name)s, %(created)s, %(body)b, %(sha256)b,
        %(body_bytes)s
    )
    -- Waits for a transaction that is inserting the same event_id just now.
    ON CONFLICT (event_id) DO NOTHING
    RETURNING id
), event AS (
    SELECT id, 'accepted' AS outcome FROM inserted
    UNION ALL
    -- Sees the table as it was before this statement, hence never the row inserted above.
    SELECT id, CASE WHEN body_sha256 = %(sha256)b THEN 'duplicate' ELSE 'conflict' END
    FROM webhooks_event WHERE event_id = %(event_id)s
)
INSERT INTO webhooks_delivery (
    source_id, remote_address, outcome, verification, secret_id, event_id, body_bytes, signed_at,
    reason
)
SELECT
    %(source_id)s, %(remote_address)s::inet, outcome, 'verified', %(secret_id)s, id,
    %(body_bytes)s, %(signed_at)s::timestamptz,
    CASE outcome WHEN 'conflict' THEN %(conflict)s ELSE '' END
FROM event
RETURNING event_id, outcome, id
"""

RECORD_INVALID = """
INSERT INTO webhooks_delivery (
    source_id, remote_address, outcome, verification, secret_id, body_bytes, signed_at, reason
) VALUES (
    %(source_id)s, %(remote_address)s::inet, 'rejected', 'verified', %(secret_id)s,
    %(body_bytes)s, %(signed_at)s::timestamptz, %(reason)s
)
"""

# Strangers decide how often this runs, so the rows are capped and only the count goes on. They
# queue for that count's row until the one before has committed: waiting for the disk as well, which
# nothing of theirs is worth, would let them keep the genuine deliveries waiting.
RECORD_UNVERIFIED = """
WITH lazily AS (
    SELECT set_config('synchronous_commit', 'off', true) -- for this transaction
), counted AS (
    INSERT INTO webhooks_rejectioncount AS known (source_id, hour, verification, count)
    SELECT %(source_id)s::bigint, date_trunc('hour', now()), %(verification)s::text, 1 FROM lazily
    ON CONFLICT (source_id, hour, verification) DO UPDATE SET count = known.count + 1
    RETURNING count
)
INSERT INTO webhooks_delivery (
    source_id, remote_address, outcome, verification, secret_id, body_bytes, signed_at
)
SELECT
    %(source_id)s, %(remote_address)s::inet, 'rejected', %(verification)s, %(secret_id)s::bigint,
    %(body_bytes)s, %(signed_at)s::timestamptz
FROM counted WHERE count <= %(cap)s
RETURNING id
"""

# What is found out about a delivery later is worth no waiting for the disk either: it is for people
# alone, and may be missing.
NOTE_CAUSE = """
WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE webhooks_delivery SET cause = %(cause)s, cause_detail = %(detail)s
FROM lazily WHERE id = %(delivery_pk)s
"""

NOTE_DIFFERENCES = """
WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE webhooks_delivery SET differences = %(differences)s, reason = %(reason)s
FROM lazily WHERE id = %(delivery_pk)s
"""

CONFLICT = "The event is known with another body."
SAME_VALUES = "The event is known with another body, which says the same in another notation."

# Whoever has the row locked, to retire the secret or to note the same, is not waited for.
NOTE_USE = """
UPDATE webhooks_signingsecret SET last_used_at = now()
WHERE id = (
    SELECT id FROM webhooks_signingsecret
    WHERE id = %(secret_id)s
    AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR NO KEY UPDATE SKIP LOCKED
)
"""
NOTE_INTERVAL = 60.0

logger = structlog.stdlib.get_logger(__name__)

Parameters = Mapping[str, int | str | bytes | uuid.UUID | datetime | timedelta | list[str] | None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was written down for a genuine delivery of an event."""

    event_pk: int
    outcome: Delivery.Outcome
    delivery_pk: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """The circumstances of a request: to which source it came, from where, how large."""

    source_id: int
    remote_address: str | None
    body_bytes: int


class NotRecordedError(Exception):
    """Postgres could not take the delivery now; the sender has to send it again."""


def record_event(arrival: Arrival, proof: Proof, envelope: Envelope, body: bytes) -> Receipt:
    """Record a genuine delivery and, if it is new, its event; return when both are durable.

    Raises `NotRecordedError`.
    """
    parameters: Parameters = {
        "event_id": envelope.event_id,
        "event_type": envelope.event_type,
        "source_id": arrival.source_id,
        "conversation_uuid": envelope.data.conversation_uuid or "",
        "agent_uuid": envelope.data.agent_uuid or "",
        "organization_uuid": envelope.organization_uuid or "",
        "organization_name": (envelope.organization_name or "")[:ORGANIZATION_NAME_LENGTH],
        "created": envelope.created,
        "body": body,
        "sha256": hashlib.sha256(body).digest(),
        "body_bytes": arrival.body_bytes,
        "remote_address": arrival.remote_address,
        "secret_id": proof.secret_id,
        "signed_at": proof.signed_at,
        "conflict": CONFLICT,
    }
    row = execute(RECORD_EVENT, parameters)
    if row is None:
        # Another transaction inserted the event while this statement waited for it: too late
        # to be in this statement's snapshot, but there for the next one.
        row = execute(RECORD_EVENT, parameters)
    if row is None:
        raise NotRecordedError("the event was deleted while it was delivered again")
    return Receipt(event_pk=row[0], outcome=Delivery.Outcome(row[1]), delivery_pk=row[2])


def record_invalid(arrival: Arrival, proof: Proof, reason: str) -> None:
    """Record a genuine delivery that holds no event. Raises `NotRecordedError`."""
    parameters = {
        "source_id": arrival.source_id,
        "remote_address": arrival.remote_address,
        "body_bytes": arrival.body_bytes,
        "secret_id": proof.secret_id,
        "signed_at": proof.signed_at,
        "reason": reason[:200],
    }
    execute(RECORD_INVALID, parameters)


def record_unverified(
    arrival: Arrival, verification: Delivery.Verification, proof: Proof | None
) -> int | None:
    """Count a delivery that was turned away, and keep a row of the first ones each hour.

    `proof` is what the signature of a stale one proves; of the others nothing is known. Returns
    the key of the delivery's row, if there is one. Raises `NotRecordedError`.
    """
    parameters = {
        "source_id": arrival.source_id,
        "remote_address": arrival.remote_address,
        "body_bytes": arrival.body_bytes,
        "verification": verification.value,
        "secret_id": proof.secret_id if proof else None,
        "signed_at": proof.signed_at if proof else None,
        "cap": settings.WEBHOOKS_REJECTED_ROWS_PER_HOUR,
    }
    row = execute(RECORD_UNVERIFIED, parameters)
    return row[0] if row else None


def note_cause(delivery_pk: int, cause: Delivery.Cause, detail: str) -> None:
    """Say of a delivery that was turned away what that came from. Raises `NotRecordedError`."""
    values: Parameters = {
        "delivery_pk": delivery_pk,
        "cause": cause.value,
        "detail": detail[:400],
    }
    execute(NOTE_CAUSE, values)


def note_differences(delivery_pk: int, differences: list[str]) -> None:
    """Say of a conflict which fields have other values. Raises `NotRecordedError`."""
    reason = CONFLICT if differences else SAME_VALUES
    values: Parameters = {
        "delivery_pk": delivery_pk,
        "differences": differences,
        "reason": reason,
    }
    execute(NOTE_DIFFERENCES, values)


def execute(statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
    """Run one statement as a transaction of its own; return the row that it returns, if it does.

    Where it is run again on a new connection although it had been committed on the dead one, the
    event is found as a duplicate, and nothing is lost. Raises `NotRecordedError`.
    """

    def run() -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)  # type: ignore[arg-type] # the stubs forget intervals
            row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            return row

    try:
        return ask_postgres(run)
    except DatabaseFailure as error:
        raise NotRecordedError(type(error).__name__) from error


class SecretUse:
    """Keeps `SigningSecret.last_used_at` within a minute of the truth, at next to no cost."""

    def __init__(self) -> None:
        self._touched: dict[int, float] = {}

    def note(self, secret_id: int, now: datetime) -> None:
        """Write the use down unless this process did so within the last minute.

        Called when the delivery has been recorded: a failure is logged and changes nothing.
        """
        # Either way: a clock that was put back must not keep it from being noted for as long.
        if abs(now.timestamp() - self._touched.get(secret_id, 0.0)) < NOTE_INTERVAL:
            return
        self._touched[secret_id] = now.timestamp()
        try:
            execute(NOTE_USE, {"secret_id": secret_id})
        except NotRecordedError as error:
            # The next use may be the only one for long, and is noted instead.
            self._touched.pop(secret_id, None)
            logger.warning("secret_use_not_noted", secret_id=secret_id, error=str(error))


secret_use = SecretUse()
