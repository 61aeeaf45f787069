"""What the product itself has written down, read from its tables and from nothing else of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

EVENTS = """
SELECT event_id::text, min(status) AS status, coalesce(sum(accepted), 0)::int AS accepted
FROM webhooks_event LEFT JOIN (
    SELECT event_id AS id, count(*) AS accepted FROM webhooks_delivery
    WHERE outcome = 'accepted' GROUP BY event_id
) deliveries USING (id)
GROUP BY event_id -- which should be unique, and it is for the reckoning to see whether it is
"""

EFFECTS = """
SELECT idempotency_key AS key, event.event_id::text AS event_id, integration,
    effect.conversation_uuid AS conversation, state, attempts_made, external_id, reason,
    coalesce(numbers, '{}') AS numbers, coalesce(succeeded, '{}') AS succeeded,
    coalesce(running, 0) AS running, coalesce(lost_at, '{}') AS lost_at,
    coalesce(workers, '{}') AS workers, coalesce(starts, '{}') AS starts
FROM (
    SELECT e.*, conversation_uuid FROM webhooks_effect e
    JOIN webhooks_conversation c ON c.id = e.conversation_id
) effect
JOIN webhooks_event event ON event.id = effect.event_id
LEFT JOIN (
    SELECT effect_id, array_agg(number ORDER BY number) AS numbers,
        array_agg(number) FILTER (WHERE outcome = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE outcome = 'running') AS running,
        array_agg(started) FILTER (WHERE outcome = 'lost') AS lost_at,
        array_agg(worker ORDER BY number) AS workers,
        array_agg(started ORDER BY number) AS starts
    FROM (SELECT *, extract(epoch FROM started_at)::float8 AS started FROM webhooks_attempt) one
    GROUP BY effect_id
) attempts ON attempts.effect_id = effect.id
"""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event's row, and how many deliveries of it were recorded as the one that brought it."""

    event_id: str
    status: str
    accepted: int


@dataclass(frozen=True, slots=True)
class StoredEffect:
    """An effect's row with its attempts: their numbers, and those of them that succeeded.

    `starts` and `workers` say of each when it began, in Unix seconds, and who made it; `lost_at`
    when those began that were lost with their worker.
    """

    key: str
    event_id: str
    integration: str
    conversation: str
    state: str
    attempts_made: int
    external_id: str
    reason: str
    numbers: Sequence[int]
    succeeded: Sequence[int]
    running: int
    lost_at: Sequence[float] = ()
    workers: Sequence[str] = ()
    starts: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """All that is stored: events by their id, and effects."""

    events: Mapping[str, StoredEvent]
    effects: tuple[StoredEffect, ...]


def read_books(conninfo: str) -> Books:
    """Read both in one transaction, as they are at one moment."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
            events = cursor.execute(EVENTS).fetchall()
        with connection.cursor(row_factory=class_row(StoredEffect)) as cursor:
            effects = cursor.execute(EFFECTS).fetchall()
    return Books({event.event_id: event for event in events}, tuple(effects))
