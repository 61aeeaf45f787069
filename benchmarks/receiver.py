"""The receiver as in production, on a database of its own, for as long as a measurement takes."""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from config.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where it listens, and the secret of its source `bench`."""

    port: int
    secret: str


@contextmanager
def running_receiver(folder: Path) -> Iterator[Receiver]:
    """Run Postgres and gunicorn, durable and with production's settings, under `folder`."""
    secret = secrets.token_hex(16)
    with EmbeddedPostgres(folder / "postgres") as postgres:
        port = find_free_port()
        os.environ |= {
            "DATABASE_URL": postgres.url,
            "DATA_DIR": str(folder),
            "ENV_FILE": os.devnull,
            "SECRET_KEY": secrets.token_hex(16),
            "SECRET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PORT": str(port),
        }
        prepare_database(secret)
        with (folder / "gunicorn.log").open("wb") as log:
            server = subprocess.Popen(
                [BIN / "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(port)
            yield Receiver(port, secret)
        finally:
            server.terminate()
            server.wait()


def prepare_database(secret: str) -> None:
    """Create the tables, the broker and the source."""
    import django  # noqa: PLC0415 -- Django reads the settings that have just been named
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from benchmarks.baselines import CREATE_TABLE  # noqa: PLC0415
    from config.broker import install_broker  # noqa: PLC0415
    from webhooks.models import Source  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    install_broker(settings.CELERY_BROKER_TRANSPORT_OPTIONS["conn_string"])
    Source.objects.create(slug="bench", name="Benchmark").add_secret(secret)
    with connection.cursor() as cursor:
        cursor.execute(CREATE_TABLE)


def find_free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Return when the server on `port` answers anything."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/webhooks/bench/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("gunicorn does not answer; see gunicorn.log")
