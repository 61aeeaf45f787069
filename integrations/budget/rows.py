"""The row of an integration, made when it is first needed."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connection

from integrations.base import Alias
from integrations.models import Budget

FIELDS = Budget._meta.concrete_fields  # noqa: SLF001 -- documented API

READ = f"""
SELECT statement_timestamp(), {", ".join(str(field.column) for field in FIELDS)}
FROM integrations_budget
WHERE alias = %(alias)s
"""  # noqa: S608 -- column names only
"""Written out: every effect asks this, and the ORM takes longer to word it than Postgres to
answer."""


def read_row(alias: Alias) -> tuple[Budget, datetime] | None:
    """Return the row and the database's time; None where nobody has needed one yet."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"alias": alias})
        row = cursor.fetchone()
    if row is None:
        return None
    now, *values = row
    return Budget.from_db(DEFAULT_DB_ALIAS, [field.attname for field in FIELDS], values), now


def make_rows(aliases: Iterable[Alias]) -> None:
    """Make the rows that are not there yet, whoever else does so at the same moment."""
    Budget.objects.bulk_create([Budget(alias=alias) for alias in aliases], ignore_conflicts=True)


def lock_row(alias: Alias) -> Budget:
    """Return the row, which stays as it is until the caller's transaction ends.

    Where the number of effects under way is limited, the engine counts them under this lock.
    """
    budget = Budget.objects.select_for_update().filter(pk=alias).first()
    if budget is None:
        make_rows([alias])
        budget = Budget.objects.select_for_update().get(pk=alias)
    return budget


def change_row(alias: Alias, change: Callable[[], int]) -> bool:
    """Run `change`, a conditional UPDATE of the row, and tell whether it changed it.

    Where it changed nothing it is run again, in case there was no row.
    """
    if change():
        return True
    make_rows([alias])
    return bool(change())
