"""Behind PgBouncer nothing starts that would take events in and process none."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.processes import BASE_DIR, build_environment

SESSION = ("options", "prepare_threshold", "target_session_attrs")
"""What a session of its own is asked for; PgBouncer, whose sessions are everybody's, is not."""

READ = """
import sys
from django.conf import settings
print(*(name for name in sys.argv[1:] if name in settings.DATABASES["default"]["OPTIONS"]))
"""


def load_settings(folder: Path, broker: str) -> subprocess.CompletedProcess[str]:
    """Load production's settings in a process of its own, which says what is in them."""
    variables = {"DATABASE_PGBOUNCER": "true", "CELERY_BROKER_URL": broker}
    return subprocess.run(
        [sys.executable, "-c", READ, *SESSION],
        cwd=BASE_DIR,
        env=build_environment("postgres://nobody@localhost/none", folder) | variables,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("broker", ["", "pgmq://"])
def test_broker_behind_pgbouncer_is_refused(tmp_path: Path, broker: str) -> None:
    """No hint would ever reach a worker: the start ends with a sentence that says what to set."""
    done = load_settings(tmp_path, broker)
    assert done.returncode != 0
    (sentence,) = done.stderr.strip().splitlines()[-1:]
    assert "ImproperlyConfigured: DATABASE_PGBOUNCER is set" in sentence
    assert "CELERY_BROKER_URL=pgmq://user:password@host/database" in sentence


@pytest.mark.parametrize("broker", ["pgmq://nobody@localhost/none", "redis://localhost/0"])
def test_broker_with_an_address_of_its_own_is_taken(tmp_path: Path, broker: str) -> None:
    """And nothing is asked of the session that PgBouncer would refuse or answer wrongly."""
    done = load_settings(tmp_path, broker)
    assert (done.returncode, done.stdout.split()) == (0, [])


def test_sessions_of_ones_own_are_asked_for_all_of_it() -> None:
    """Without PgBouncer, Postgres keeps the limits and lets nobody in who could only read."""
    assert [name for name in SESSION if name in connection.settings_dict["OPTIONS"]] == [*SESSION]
