"""Count rows without ever counting many: one statement for all that a page says."""

from collections.abc import Hashable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from webhooks.admin.find.time_limits import TooSlowError, limit_time

COUNTED = 1000
"""Rows that are counted exactly; of more than these is only said that they are more."""

PATIENCE = timedelta(milliseconds=200)
"""How long a list is counted: nobody waits for a number that is worth less than the rows."""

Key = TypeVar("Key", bound=Hashable)


def count_capped(rows: QuerySet[Any]) -> int | None:
    """Return how many rows there are, or `COUNTED` + 1 where there are more than `COUNTED`.

    None where that cannot be found out in a moment, as with filters that no index serves together.
    """
    try:
        with limit_time(PATIENCE):
            return rows.order_by().values("pk")[: COUNTED + 1].count()
    except TooSlowError:
        return None


def count_each(questions: Mapping[Key, QuerySet[Any]]) -> dict[Key, int]:
    """Return for each question how many rows there are, `COUNTED` + 1 for all that are more.

    Each must be served by an index.
    """
    counts = dict.fromkeys(questions, 0)
    asked: list[Key] = []
    parameters: list[Any] = []
    statements: list[str] = []
    for key, rows in questions.items():
        try:
            sql, given = rows.order_by().values("pk")[: COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:  # known to Django beforehand
            continue
        asked.append(key)
        statements.append(f"(SELECT count(*) FROM ({sql}) AS counted)")  # noqa: S608 -- Django's SQL
        parameters.extend(given)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(statements)}", parameters)
            counts |= dict(zip(asked, cursor.fetchone() or (), strict=True))
    return counts


def say_count(number: int | None) -> str:
    """Return a count as people read it."""
    if number is None:
        return "many"
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def say_up_to(number: int, most: int) -> str:
    """Return a number that was counted up to `most` and one more, as a sentence has it."""
    return f"more than {most:,}" if number > most else f"{number:,}"
