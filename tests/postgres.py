"""The Postgres that the tests run on; loaded with `-p tests.postgres` before Django's settings.

Where `DATABASE_URL` is set, that server is used. Otherwise each run starts an embedded one in a
temporary folder of its own, so that several runs go side by side, and removes it at the end. What
the developer's `.env` and data folder say is never read.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

from config.embedded import EmbeddedPostgres


def pytest_addoption() -> None:
    """Prepare the environment at pytest's first hook: pytest-django reads the settings soon."""
    # To end as Ctrl-C does, which runs what is registered at exit.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="switchboard-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATA_DIR"] = str(folder)
    os.environ["ENV_FILE"] = os.devnull
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        atexit.register(postgres.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
