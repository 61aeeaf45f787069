"""Budgets at another time, and workers that get at one at the same moment."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections
from django.db.models import F

from integrations.base import Alias
from integrations.models import Budget
from tests.processes import BASE_DIR, build_environment

T = TypeVar("T")

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


def run_together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call all at the same moment, each in a thread with its own connection."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            barrier.wait(10)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def start_taking(database_url: str, rate: str, number: int) -> subprocess.Popen[str]:
    """Start a process that takes `number` slots of crm and prints the time of each."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integrations.slot_taker", rate, str(number)],
        cwd=BASE_DIR,
        env=build_environment(database_url, BASE_DIR / "nowhere"),
        stdout=subprocess.PIPE,
        text=True,
    )


def count_most(moments: Sequence[float], window: float) -> int:
    """Return how many of `moments` lie at most in any stretch of time as long as `window`."""
    moments = sorted(moments)
    return max(
        sum(1 for moment in moments[index:] if moment < first + window)
        for index, first in enumerate(moments)
    )
