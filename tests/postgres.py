"""The Postgres that the tests run on; loaded with `-p tests.postgres` before Django's settings.

Where `DATABASE_URL` is set, that server is used. Otherwise each run starts an embedded one in a
temporary folder of its own, so that several runs go side by side, and removes it at the end; the
tests' own temporary folders are in there, too. Of a run that is spread over processes (`-n`) each
has a server and a folder of its own, and the one that only hands out the tests has none. What the
developer's `.env` and data folder say is never read.
"""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from config.embedded import EmbeddedPostgres

NOT_STARTED = "postgres:///not-started"
"""The `DATABASE_URL` of the process that hands out the tests: each that gets it starts a server."""


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Prepare the environment before pytest-django reads the settings, which it does here."""
    # To end as Ctrl-C does, which runs what is registered at exit.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ["ENV_FILE"] = os.devnull
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        folder = Path(os.environ["DATA_DIR"], worker)
        folder.mkdir()
    else:
        folder = Path(tempfile.mkdtemp(prefix="switchboard-tests-"))
        atexit.register(remove_folder, folder)
    os.environ["DATA_DIR"] = str(folder)
    if os.environ.get("DATABASE_URL", "") in {"", NOT_STARTED}:
        if not worker and getattr(early_config.known_args_namespace, "numprocesses", None):
            os.environ["DATABASE_URL"] = NOT_STARTED
        else:
            start_postgres(folder / "postgres")
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' temporary folders in ours, unless `--basetemp` says where.

    pytest's own are in one that all runs share and that each new run closes to others, which would
    shut an embedded Postgres, under an account of its own, out of the data of a test under way.
    """
    if config.option.basetemp is None:
        config.option.basetemp = str(Path(os.environ["DATA_DIR"], "tmp"))


def start_postgres(folder: Path) -> None:
    """Start a server in `folder` that ends with this process, and name it to the settings."""
    postgres = EmbeddedPostgres(folder, durable=False)
    atexit.register(postgres.stop)
    postgres.start()
    os.environ["DATABASE_URL"] = postgres.url


def remove_folder(folder: Path) -> None:
    """Remove `folder`, and stop what a process that was killed has left running below it."""
    for data in folder.glob("gw*/postgres"):
        EmbeddedPostgres(data).stop()
    shutil.rmtree(folder, ignore_errors=True)
