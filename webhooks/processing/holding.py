"""Put events aside while their source is paused, and bring them back when it is not any more.

Whether a source is paused is asked twice, by whoever puts its events aside and by the sweep that
brings them back, each of the rows as they are just then. So whatever the order in which people and
workers come, an event may be put aside once too often, and never for good.
"""

from collections.abc import Iterable

from django.db import connection

from webhooks.models import Event

MOST_RELEASED = 5000
"""Events that one sweep brings back: they are locked together, for a fraction of a second."""

RELEASE_HELD = """
WITH released AS (
    SELECT held.id FROM webhooks_source AS source
    -- By source, so that those that stay held are not read, however many they are.
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks_event
        WHERE source_id = source.id AND status = 'held'
        -- An order that one index alone has: by id, the whole table might be read for it.
        ORDER BY due_at LIMIT %(most)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS held
    WHERE source.paused_at IS NULL
    LIMIT %(most)s
)
UPDATE webhooks_event
SET status = 'pending', attempts = 0, lease = NULL,
    due_at = LEAST(received_at, statement_timestamp())
FROM released WHERE webhooks_event.id = released.id
"""
"""Due since they came, as replayed ones are: the newest, which are half of what workers claim, are
to be what has just come in."""


def hold_paused(claimed: Iterable[Event]) -> list[Event]:
    """Put aside those of the claimed events whose source is paused, and return the others.

    Called in the projection's transaction, with the events locked and their sources loaded.
    """
    found = list(claimed)
    held = {event.pk for event in found if event.source.paused_at is not None}
    if held:
        # The claim is over: a worker that has outlived its lease must not take it for its own.
        Event.objects.filter(pk__in=held).update(
            status=Event.Status.HELD, attempts=0, lease=None, error=""
        )
    return [event for event in found if event.pk not in held]


def release_held() -> int:
    """Make those held events pending whose source is not paused; return how many, if not all."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE_HELD, {"most": MOST_RELEASED})
        return int(cursor.rowcount)
