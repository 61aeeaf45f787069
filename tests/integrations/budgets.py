"""Budgets at another time, and what is taken from them."""

import subprocess
import sys
from datetime import timedelta

from django.db import connection
from django.db.models import F

from integrations.base import Alias
from integrations.models import Budget
from tests.processes import BASE_DIR, build_environment

TIMES = ("next_slot_at", "held_until", "open_until", "paused_at")


def read_budget(alias: Alias = "crm") -> Budget:
    """Return the row as it is now."""
    return Budget.objects.get(pk=alias)


def let_pass(length: timedelta, alias: Alias = "crm") -> None:
    """Make the row what it will be after that time: all its own times are earlier by it."""
    Budget.objects.filter(pk=alias).update(**{name: F(name) - length for name in TIMES})


def read_clock() -> timedelta:
    """Return the database's time, since 1970."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - timestamptz 'epoch'")
        row = cursor.fetchone()
    assert row is not None
    clock: timedelta = row[0]
    return clock


def start_taking(database_url: str, rate: str, number: int) -> subprocess.Popen[str]:
    """Start a process that takes `number` slots of crm and prints the time of each."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integrations.slot_taker", rate, str(number)],
        cwd=BASE_DIR,
        env=build_environment(database_url, BASE_DIR / "nowhere"),
        stdout=subprocess.PIPE,
        text=True,
    )
