"""The product in processes of its own, bound to the fake vendors, on a database of its own."""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import Progress

from config.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from tests.processes import RunningProcess

WORKERS = ("events", "crm", "tickets", "usage", "tasks", "sweep")
console = Console(stderr=True)


@contextmanager
def prepared_database(folder: Path) -> Iterator[str]:
    """Run Postgres under `folder` with the product's tables; gives its address."""
    with EmbeddedPostgres(folder / "postgres") as postgres:
        os.environ |= {
            "DATABASE_URL": postgres.url,
            "DATA_DIR": str(folder),
            "ENV_FILE": os.devnull,
            "SECRET_KEY": secrets.token_hex(16),
            "SECRET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "ALLOWED_HOSTS": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
        }
        import django  # noqa: PLC0415 -- Django reads the settings that have just been named

        django.setup()
        from tests.databases import migrate  # noqa: PLC0415

        migrate(postgres.url)
        yield postgres.url


class Product:
    """The product's processes, bound to the fakes."""

    def __init__(self, stack: ExitStack, database_url: str, rates: dict[str, str]) -> None:
        from integrations.models import StripeCustomer  # noqa: PLC0415 -- after Django's setup
        from tests.fakes.stripe import CUSTOMER  # noqa: PLC0415
        from tests.processes import start_beat, start_receiver  # noqa: PLC0415
        from tests.test_end_to_end import SECRET  # noqa: PLC0415
        from tests.vendors.account import build_integrations, start_fakes  # noqa: PLC0415
        from webhooks.models import Source  # noqa: PLC0415
        from webhooks.operations.conversations import ORGANIZATION  # noqa: PLC0415

        Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
        StripeCustomer.objects.create(
            scope="organization", uuid=ORGANIZATION["organization_uuid"], customer_id=CUSTOMER
        )
        self.fakes = stack.enter_context(start_fakes())
        variables = {"INTEGRATIONS": build_integrations(self.fakes, rates), "LOG_LEVEL": "WARNING"}
        self._stack, self._database_url, self._variables = stack, database_url, variables
        self.receiver = stack.enter_context(
            start_receiver(database_url, WEB_CONCURRENCY="2", **variables)
        )
        self.workers = {name: self._start_worker(name) for name in WORKERS}
        stack.enter_context(start_beat(database_url, **variables))

    def deliver(self, bodies: Sequence[bytes]) -> dict[int, int]:
        """Deliver the bodies, eight at a time; return how often each status was answered."""
        from tests.test_end_to_end import post_all  # noqa: PLC0415

        return dict(post_all(self.receiver.url, bodies))

    def _start_worker(self, name: str) -> "RunningProcess":
        from tests.processes import start_process  # noqa: PLC0415

        variables = self._variables | {"WORKER_CONCURRENCY": "2"}
        return self._stack.enter_context(start_process(name, self._database_url, variables))

    def replace_worker(self, name: str) -> None:
        """Kill a worker in the middle of its work, and start another."""
        self.workers[name].kill()
        self.workers[name] = self._start_worker(name)

    def wait_until_quiet(self, owed: int, longest: float) -> float | None:
        """Show the progress until `owed` effects have succeeded; return the seconds it took.

        None where that takes longer than `longest` seconds.
        """
        from webhooks.models import Effect, Event  # noqa: PLC0415

        began = time.monotonic()
        with Progress(console=console) as progress:
            bar = progress.add_task("effects", total=owed)
            while True:
                done = Effect.objects.filter(state="succeeded").count()
                progress.update(bar, completed=done)
                left = Event.objects.exclude(status="processed").exists()
                if done >= owed and not left:
                    return time.monotonic() - began
                if time.monotonic() - began > longest:
                    console.print("It does not become quiet:", count_states())
                    return None
                time.sleep(1)


def count_states() -> list[tuple[Any, ...]]:
    """Return how many effects there are by integration, state and reason."""
    from django.db.models import Count  # noqa: PLC0415

    from webhooks.models import Effect  # noqa: PLC0415

    rows = Effect.objects.values_list("integration", "state", "reason").annotate(Count("pk"))
    return list(rows.order_by("integration", "state"))
