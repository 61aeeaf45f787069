"""Find the best due effect of an integration, lock it and load what its attempt needs.

In one statement that is written out: every effect passes here, and the ORM would take longer to
put the same statement together than Postgres takes to answer it. How many are due is asked beside
it, of the same index.
"""

from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model
from django.db.models.fields import Field

from integrations.base import Alias
from webhooks.models import Conversation, Effect, Event

IN_TURN = frozenset({Effect.Integration.CRM})
"""What is updated, not created: two such effects of a conversation never run at once, so that
the one that runs last has seen everything that the ones before it wrote."""

UNREAD: dict[type[Model], frozenset[str]] = {
    Effect: frozenset({"preview"}),
    Event: frozenset({"body", "body_sha256"}),
    Conversation: frozenset({"stamps", "follow_ups"}),
}
"""What no attempt reads, above all a body of megabytes."""

FIND = """
SELECT {columns}
FROM webhooks_effect
JOIN webhooks_event ON webhooks_event.id = webhooks_effect.event_id
JOIN webhooks_conversation ON webhooks_conversation.id = webhooks_effect.conversation_id
WHERE webhooks_effect.integration = %(alias)s AND state IN ('pending', 'running')
  AND webhooks_effect.due_at <= statement_timestamp() {condition}
ORDER BY {order}
LIMIT 1
FOR NO KEY UPDATE OF {locked} SKIP LOCKED
"""
"""The states are written out, since the index is of these alone, and a plan that is made once for
all parameters must be able to know that it serves."""

COUNT = """
SELECT count(*) FROM (
    SELECT FROM webhooks_effect
    WHERE integration = %(alias)s AND state IN ('pending', 'running')
      AND due_at <= statement_timestamp() - %(for_at_least)s {condition}
    ORDER BY priority, due_at, id
    LIMIT {most}
) AS due
"""
"""In the index's order, so that Postgres does not look for a few of a long backlog in the whole
table; and with the number written out, since of an unknown one it would expect a tenth of all."""

NOBODY_BESIDE = """
  AND NOT EXISTS (
    SELECT FROM webhooks_effect beside
    WHERE beside.conversation_id = webhooks_effect.conversation_id
      AND beside.integration = webhooks_effect.integration
      AND beside.state = 'running' AND beside.due_at > statement_timestamp()
  )
"""
"""No effect of the same kind is under way for the same conversation."""

LONGEST_DUE = "priority, webhooks_effect.due_at, webhooks_effect.id"

ModelT = TypeVar("ModelT", bound=Model)


class Turn(Enum):
    """What a claim takes, where such an effect is due: a condition and an order."""

    BEST = "", LONGEST_DUE
    NEWEST = (
        f"AND priority = {Effect.Priority.LIVE}",
        "webhooks_effect.due_at DESC, webhooks_effect.id DESC",
    )
    RETRY = f"AND priority = {Effect.Priority.RETRY}", LONGEST_DUE


def lock_best(alias: Alias, turn: Turn = Turn.BEST) -> Effect | None:
    """Return the best due effect that no other worker is just claiming, and lock it.

    At another `turn` that is the live one that became due last, or the longest due of those that
    have failed, where one is due. An effect that takes turns with others is locked together with
    its conversation, which a projection locks, too; what somebody else has locked is passed over,
    so nobody waits here.
    """
    effect = _find(build_statement(alias, turn), alias)
    if effect is None and turn is not Turn.BEST:
        return _find(build_statement(alias, Turn.BEST), alias)
    return effect


def count_candidates(alias: Alias, most: int, for_at_least: timedelta = timedelta(0)) -> int:
    """Return how many effects a worker could claim, and could for so long; at most `most`.

    As far as the budget admits them; those that somebody else has just locked count, too.
    """
    condition = NOBODY_BESIDE if alias in IN_TURN else ""
    values: dict[str, Any] = {"alias": alias, "for_at_least": for_at_least}
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(condition=condition, most=most), values)
        ((count,),) = cursor.fetchall()
    return int(count)


@cache
def build_statement(alias: Alias, turn: Turn) -> str:
    """Return the statement that finds and locks the effect whose turn it is."""
    condition, order = turn.value
    takes_turns = alias in IN_TURN
    return FIND.format(
        columns=", ".join(
            f"{model._meta.db_table}.{field.column}"  # noqa: SLF001 -- documented API
            for model in UNREAD
            for field in _list_fields(model)
        ),
        condition=condition + (NOBODY_BESIDE if takes_turns else ""),
        order=order,
        locked="webhooks_effect, webhooks_conversation" if takes_turns else "webhooks_effect",
    )


def _find(statement: str, alias: Alias) -> Effect | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"alias": alias})
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    effect = _load(Effect, values)
    effect.event = _load(Event, values)
    effect.conversation = _load(Conversation, values)
    return effect


def _load(model: type[ModelT], values: Any) -> ModelT:
    """Return the model that the next of the row's values make."""
    fields = _list_fields(model)
    names = [field.attname for field in fields]
    return model.from_db(DEFAULT_DB_ALIAS, names, [_read(field, next(values)) for field in fields])


def _read(field: Any, value: Any) -> Any:
    convert = getattr(field, "from_db_value", None)
    return convert(value, None, connection) if convert else value


@cache
def _list_fields(model: type[Model]) -> tuple["Field[Any, Any]", ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001 -- documented API
    return tuple(field for field in fields if field.name not in UNREAD[model])
