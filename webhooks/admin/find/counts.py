"""Count rows without ever counting many: one statement for all that a page says."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

COUNTED = 1000
"""Rows that are counted exactly; of more than these is only said that they are more."""

Key = TypeVar("Key", bound=Hashable)


def count_capped(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, or `COUNTED` + 1 where there are more than `COUNTED`."""
    return rows.order_by().values("pk")[: COUNTED + 1].count()


def count_each(questions: Mapping[Key, QuerySet[Any]]) -> dict[Key, int]:
    """Return for each question how many rows there are, as `count_capped` does."""
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


def say_count(number: int) -> str:
    """Return a count as people read it."""
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"
