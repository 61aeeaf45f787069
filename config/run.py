"""Run all of Switchboard on one machine: `make run` executes this module.

Reads top to bottom: what must hold first, the database, the keys, what has to be in the database,
the processes. Whatever ends it, everything that it started has ended before it returns.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from config.credentials import GENERATORS, complete_credentials, write_environment
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.preconditions import StartError, own_folder, read_port

RUN_VARIABLES = ("DATABASE_URL", "CELERY_BROKER_URL", "RECEIVER_URL")
"""What is true of one run only, and of no later one, unless a person sets it again."""

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 -- compared with, not listened on


def main() -> int:
    """Run until Ctrl-C, SIGTERM or the end of one of the processes; return the exit status.

    It is 0 after an end that was asked for, but not where that came before all was running.
    """
    signal.signal(signal.SIGTERM, end_start)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` turns it off
    # The closed terminal ends us in the same way, also when the processes are running.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        return run()
    except (StartError, EmbeddedPostgresError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def run() -> int:
    """Start everything in its order, and return the supervisor's exit status when all has ended."""
    from config.settings.environment import DATA_DIR, GIVEN  # noqa: PLC0415 -- reads .env

    for name in RUN_VARIABLES:
        if name not in GIVEN:
            os.environ.pop(name, None)
    host = os.environ.get("WEB_BIND") or "127.0.0.1"
    port = read_port(host)
    with own_folder(DATA_DIR), provide_database(DATA_DIR / "postgres") as is_database_running:
        os.environ["WEB_BIND"], os.environ["PORT"] = host, str(port)
        reached_at = "127.0.0.1" if host == EVERY_ADDRESS else host
        os.environ["RECEIVER_URL"] = f"http://{reached_at}:{port}"
        complete_credentials()
        write_environment(DATA_DIR / "env", [*GENERATORS, *RUN_VARIABLES])

        # Only now is there what the settings ask for.
        from config.preparation import prepare_database  # noqa: PLC0415
        from config.supervisor import supervise  # noqa: PLC0415

        prepare_database(reset_password="ADMIN_PASSWORD" in GIVEN)
        return supervise(is_database_running)


@contextlib.contextmanager
def provide_database(folder: Path) -> Iterator[Callable[[], bool]]:
    """Have a `DATABASE_URL` in the environment: the one that is set, or a server's in `folder`.

    Gives a function that says whether that server still runs; somebody else's always does.
    """
    if os.environ.get("DATABASE_URL"):
        yield lambda: True
        return
    sys.stdout.write(f"Starting Postgres in {folder}\n")
    sys.stdout.flush()
    with EmbeddedPostgres(folder) as postgres:
        os.environ["DATABASE_URL"] = postgres.url
        yield postgres.is_running


def end_start(signum: int, _frame: FrameType | None) -> None:
    """End a start that is under way; later on, honcho handles the signal."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())
