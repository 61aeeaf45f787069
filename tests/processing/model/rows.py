"""The rows that a state consists of: read from Postgres, put back, and told apart.

A time only means whether it has come, and which came first. So times are moved when rows are read,
what has come into the year 2000 and what has not into 2100, and no state changes by itself while
the checker looks at another.
"""

import json
from datetime import UTC, datetime, timedelta

from django.db import connection

from tests.processing.model.world import Hand, Row, Rows, World

TABLES = (
    "webhooks_source",
    "webhooks_event",
    "webhooks_conversation",
    "webhooks_effect",
    "webhooks_attempt",
)

PAST, FUTURE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

OPEN = ("pending", "running")

NOTED = frozenset(
    {"created_at", "finished_at", "first_seen_at", "processed_at", "received_at", "updated_at"}
)
"""Times of which nothing but whether they are there decides anything."""

NOT_TOLD = frozenset({"id", "source_id", "body", "body_sha256", "body_bytes"})
"""What is the same in all states of a scene, or differs from branch to branch and means nothing."""

READ = """
SELECT jsonb_build_object(
    'now', statement_timestamp(),
    'replay', (SELECT min(id) FROM webhooks_replay),
    'webhooks_source', (
        SELECT jsonb_agg(jsonb_build_object('id', id, 'is_paused', paused_at IS NOT NULL))
        FROM webhooks_source
    ),
    'webhooks_event', (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM webhooks_event t),
    'webhooks_conversation', (
        SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM webhooks_conversation t
    ),
    'webhooks_effect', (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM webhooks_effect t),
    'webhooks_attempt', (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM webhooks_attempt t)
)
"""

# A function, since what takes parameters must be one statement.
DEFINE_PUT_BACK = """
CREATE OR REPLACE FUNCTION pg_temp.put_back(rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM webhooks_delivery;
    DELETE FROM webhooks_attempt;
    DELETE FROM webhooks_effect;
    DELETE FROM webhooks_conversation;
    DELETE FROM webhooks_event;
    UPDATE webhooks_source SET paused_at = CASE WHEN (t->>'is_paused')::boolean THEN now() END
    FROM jsonb_array_elements(rows->'webhooks_source') t
    WHERE id = (t->>'id')::bigint AND (paused_at IS NOT NULL) <> (t->>'is_paused')::boolean;
    INSERT INTO webhooks_event
    SELECT * FROM jsonb_populate_recordset(NULL::webhooks_event, rows->'webhooks_event');
    INSERT INTO webhooks_conversation
    SELECT * FROM jsonb_populate_recordset(
        NULL::webhooks_conversation, rows->'webhooks_conversation'
    );
    INSERT INTO webhooks_effect
    SELECT * FROM jsonb_populate_recordset(NULL::webhooks_effect, rows->'webhooks_effect');
    INSERT INTO webhooks_attempt
    SELECT * FROM jsonb_populate_recordset(NULL::webhooks_attempt, rows->'webhooks_attempt');
END $$
"""


def prepare_connection() -> None:
    """Define in this session what `put_back` calls."""
    with connection.cursor() as cursor:
        cursor.execute(DEFINE_PUT_BACK)


def put_back(rows: Rows) -> None:
    """Have the tables hold these rows and no others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_temp.put_back(%s::jsonb)", [json.dumps(rows)])


def read_rows() -> Rows:
    """Return all rows, with times that stay what they are now: come, or yet to come."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        found = json.loads(cursor.fetchone()[0])
    now, replay = datetime.fromisoformat(found.pop("now")), found.pop("replay")
    rows: Rows = {table: found[table] or [] for table in TABLES}
    for table in TABLES:
        for row in rows[table]:
            for name in NOTED & row.keys():
                row[name] = row[name] and PAST.isoformat()
            if row.get("replay_id"):
                # Which of people's requests it was is for people alone.
                row["replay_id"] = replay
    for row in rows["webhooks_attempt"]:
        row["started_at"] = PAST.isoformat()
    settle_due(rows["webhooks_effect"], "state", now)
    settle_due(rows["webhooks_event"], "status", now)
    return rows


def settle_due(rows: list[Row], state: str, now: datetime) -> None:
    """Move `due_at` to what it means; it means nothing where nothing is left to do."""
    due = {row["id"]: datetime.fromisoformat(row["due_at"]) for row in rows if row[state] in OPEN}
    places = {at: place for place, at in enumerate(sorted(set(due.values())))}
    for row in rows:
        at = due.get(row["id"])
        era = PAST if at is None or at <= now else FUTURE
        place = 0 if at is None else places[at]
        row["due_at"] = (era + timedelta(seconds=place)).isoformat()


def is_due(row: Row) -> bool:
    """Tell whether the time of an effect or event has come, or its lease has ended."""
    return datetime.fromisoformat(row["due_at"]) < FUTURE


def tell_apart(world: World) -> str:
    """Return a text that is the same for states in which the same can happen.

    Keys are replaced by places in their order, leases by whether they are the row's own, and
    workers are not told apart.
    """
    places = {
        table: {row["id"]: place for place, row in enumerate(world.rows[table])} for table in TABLES
    }
    leases = {row["id"]: row["lease"] for row in world.effects}
    events = [
        keep(row) | {"lease": bool(row["lease"]), "replay_id": bool(row["replay_id"])}
        for row in world.events
    ]
    effects = [
        keep(row)
        | {
            "event_id": places["webhooks_event"][row["event_id"]],
            "conversation_id": places["webhooks_conversation"][row["conversation_id"]],
            "lease": bool(row["lease"]),
            "replay_id": bool(row["replay_id"]),
        }
        for row in world.effects
    ]
    # What words an attempt left behind is read by people alone.
    attempts = sorted(
        (
            places["webhooks_effect"][row["effect_id"]],
            row["number"],
            row["outcome"],
            row["lease"] == leases[row["effect_id"]],
        )
        for row in world.rows["webhooks_attempt"]
    )
    return json.dumps(
        [
            events,
            [keep(row) for row in world.rows["webhooks_conversation"]],
            effects,
            attempts,
            sorted(str(tell_hand(hand, world, places)) for hand in world.hands),
            sorted(world.applied.items()),
            str(world.left),
            [row["is_paused"] for row in world.rows["webhooks_source"]],
        ],
        sort_keys=True,
    )


def keep(row: Row) -> Row:
    """Return the columns that are told as they are."""
    return {name: value for name, value in row.items() if name not in NOT_TOLD}


def tell_hand(hand: Hand, world: World, places: dict[str, dict[int, int]]) -> tuple[object, ...]:
    """Return what matters of what a worker has in memory."""
    if hand.batch is not None:
        events = places["webhooks_event"]
        live = sorted(events[pk] for pk in hand.live)
        held = {row["id"] for row in world.events if row["lease"] == str(hand.batch.lease)}
        ours = sorted(events[pk] for pk in hand.batch.keys if pk in held)
        return [events[pk] for pk in hand.batch.keys], hand.batch.attempt, live, ours
    if hand.claim is None:
        return ()
    effect = hand.claim.effect
    row = world.find_effect(effect.pk)
    return (
        places["webhooks_effect"].get(effect.pk),
        effect.attempts_made,
        effect.attempts_limit,
        effect.conversation.version,
        bool(hand.live),
        hand.answer,
        row is not None and row["lease"] == str(hand.claim.lease),
    )
