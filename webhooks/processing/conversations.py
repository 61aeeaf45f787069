"""Lock conversations and write them back, many in a statement.

The rows travel as JSON in one parameter: so the statements stay the same for any number of rows,
and Postgres gives each value its column's type by the table's own definition.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from django.db import connection

from webhooks.models import Conversation

FIXED = frozenset({"id", "conversation_uuid", "first_seen_at", "updated_at"})
FACTS = tuple(
    field.attname
    for field in Conversation._meta.concrete_fields  # noqa: SLF001 -- Django's documented API
    if field.attname not in FIXED
)
"""What changes when an event is taken in."""

INSERT = f"""
INSERT INTO webhooks_conversation (
    conversation_uuid, first_seen_at, updated_at, {", ".join(FACTS)}
)
SELECT conversation_uuid, statement_timestamp(), statement_timestamp(), {", ".join(FACTS)}
FROM jsonb_populate_recordset(NULL::webhooks_conversation, %s)
-- In one order everywhere, so that two that insert the same ones wait for each other at most once.
ORDER BY conversation_uuid
ON CONFLICT (conversation_uuid) DO NOTHING
RETURNING conversation_uuid
"""  # noqa: S608 -- the model's own column names

UPDATE = f"""
UPDATE webhooks_conversation AS known
SET updated_at = statement_timestamp(), {", ".join(f"{name} = new.{name}" for name in FACTS)}
FROM jsonb_populate_recordset(NULL::webhooks_conversation, %s) AS new
WHERE known.id = new.id
"""  # noqa: S608 -- the model's own column names


@dataclass(frozen=True, slots=True)
class Locked:
    """Conversations that nobody else changes before the transaction ends, by their name.

    `added` are the names of those that were not there before.
    """

    known: dict[str, Conversation]
    added: frozenset[str]


def lock_conversations(names: set[str]) -> Locked:
    """Lock the conversations, all of them in one order; those that are missing are added first.

    Called in the transaction that also plans effects, so that facts and plans are there together
    or not at all, and two events of one conversation never overwrite each other.
    """
    # A row has to be there before it can be locked; of two that insert it, one is ignored.
    new = [Conversation(conversation_uuid=name) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [write_rows(new)])
        added = frozenset(name for (name,) in cursor.fetchall())
    locked = Conversation.objects.select_for_update(no_key=True).filter(conversation_uuid__in=names)
    return Locked({row.conversation_uuid: row for row in locked.order_by("pk")}, added)


def save_conversations(changed: Iterable[Conversation]) -> None:
    """Write what has changed of locked conversations."""
    if rows := list(changed):
        with connection.cursor() as cursor:
            cursor.execute(UPDATE, [write_rows(rows)])


def forget_conversations(names: Iterable[str]) -> None:
    """Delete conversations that were added in this transaction for events that then failed."""
    if names := list(names):
        Conversation.objects.filter(conversation_uuid__in=names).delete()


def write_rows(conversations: Iterable[Conversation]) -> str:
    """Return the rows as JSON: their keys and all that events say of them."""
    columns = ("id", "conversation_uuid", *FACTS)
    rows = [{name: getattr(row, name) for name in columns} for row in conversations]
    return msgspec.json.encode(rows).decode()
