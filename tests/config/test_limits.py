"""The time limits stand in one place, and reach what they are for."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from integrations.http.client import Limits
from tests.processes import BASE_DIR, build_environment


@pytest.mark.django_db
def test_postgres_keeps_the_limits_of_a_session() -> None:
    """What the server has to keep it was told: statements, locks, idle transactions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting::int / 1000.0 FROM pg_settings WHERE name IN ("
            "'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')"
        )
        kept = {name: float(value) for name, value in cursor.fetchall()}
    assert kept == {
        "statement_timeout": settings.DATABASE_STATEMENT_TIMEOUT,
        "lock_timeout": settings.DATABASE_LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": settings.DATABASE_STATEMENT_TIMEOUT,
    }


def test_vendors_are_called_within_the_limits() -> None:
    """One that is not built for a test takes its limits from the settings."""
    limits = Limits()
    assert (limits.connect, limits.read, limits.total) == (
        settings.VENDOR_CONNECT_TIMEOUT,
        settings.VENDOR_READ_TIMEOUT,
        settings.VENDOR_TOTAL_TIMEOUT,
    )


VARIABLES = {
    "DATABASE_LOCK_TIMEOUT": 1.5,
    "DATABASE_STATEMENT_TIMEOUT": 7,
    "WEB_TIMEOUT": 50,
    "WEB_GRACE": 20,
    "VENDOR_TOTAL_TIMEOUT": 12,
    "WEBHOOKS_TASK_TIME_LIMIT": 33,
    "WEBHOOKS_RESULT_PATIENCE": 4,
    "BROKER_REPLY_TIMEOUT": 3,
}

READ = """
import json, sys
import config.gunicorn as gunicorn
from django.conf import settings
names = sys.argv[1:]
read = {name: getattr(settings, name) for name in names}
read["gunicorn"] = [gunicorn.timeout, gunicorn.graceful_timeout]
read["tasks"] = [settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT]
read["broker"] = settings.CELERY_BROKER_TRANSPORT_OPTIONS["reply_timeout"]
print(json.dumps(read, default=lambda value: value.total_seconds()))
"""


def test_limits_come_from_the_environment(tmp_path: Path) -> None:
    """Each by its own name, and what hangs on it follows: gunicorn, Celery, the broker."""
    variables = {name: str(value) for name, value in VARIABLES.items()}
    done = subprocess.run(
        [sys.executable, "-c", READ, *VARIABLES],
        cwd=BASE_DIR,
        env=build_environment("postgres://nobody@localhost/none", tmp_path) | variables,
        check=True,
        capture_output=True,
        text=True,
    )
    span = settings.WEBHOOKS_WORK_SPAN / timedelta(seconds=1)
    assert json.loads(done.stdout) == VARIABLES | {
        "gunicorn": [50, 20],
        "tasks": [33 + span, 33 + span + 4 + 2],
        "broker": 3,
    }
