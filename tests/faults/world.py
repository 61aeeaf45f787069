"""All that runs: the product's processes, Postgres, a broker, and what can be done to them."""

import base64
import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import httpx
from cryptography.fernet import Fernet

from tests.faults.clock import Clock, remove_traces
from tests.faults.ports import choose_port
from tests.faults.servers.broker import Broker
from tests.faults.servers.brokers import build_broker
from tests.faults.servers.postgres import PostgresServer
from tests.faults.servers.waiting import wait_until
from tests.faults.services import Service
from tests.processes import BASE_DIR, answers_http, build_command, build_production_environment

LEASE = 16
"""Seconds; the product's own is two minutes, which a short run cannot wait for."""

HARD_LIMIT = 15
"""Seconds after which a task's process is killed, by what PRODUCT sets: 2 + 6 + 5 + 2."""

PRODUCT = {
    "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
    "LOG_LEVEL": "WARNING",
    "WEB_BIND": "127.0.0.1",
    "WEB_CONCURRENCY": "3",
    "WORKER_CONCURRENCY": "4",
    # The time limits, shortened together: the product itself checks that they are in order.
    "VENDOR_CONNECT_TIMEOUT": "2",
    "VENDOR_READ_TIMEOUT": "4",
    "VENDOR_TOTAL_TIMEOUT": "5",
    "VENDOR_SLOT_PATIENCE": "0.5",
    "WEBHOOKS_WORK_SPAN": "2",
    "WEBHOOKS_TASK_TIME_LIMIT": "6",
    "WEBHOOKS_RESULT_PATIENCE": "5",
    "WEBHOOKS_LEASE": str(LEASE),
    "WEBHOOKS_EVENT_LEASE": "6",
    "WEBHOOKS_SWEEP_INTERVAL": "2",
    # The product's own is 64. What kills its worker takes a lease for each, and is to be dead
    # within a run; what the downstream refuses now and then must not run out of them.
    "WEBHOOKS_MAX_ATTEMPTS": "5",
}
"""What differs from production's own settings."""

ALL_QUEUES = ("--queues", "events,sweep,crm,tickets,usage,tasks,replays")

VOLUME_MEGABYTES = 2048
"""For Postgres: 100,000 events with their effects take about 1 GB, its log 200 MB."""

BACKENDS = {
    "crm": "integrations.crm.webhook.WebhookCRM",
    "tickets": "integrations.tickets.webhook.WebhookTickets",
    "usage": "integrations.usage.webhook.WebhookUsage",
    "tasks": "integrations.tasks.webhook.WebhookTasks",
}


class Downstream(Protocol):
    """What the faults need of the harness's downstream (`downstream.py`)."""

    def kill(self) -> bool:
        """End it by SIGKILL; tell whether it was there."""

    def start(self) -> None:
        """Start it again where it is down, with what it has stored; return when it answers."""


class World:
    """The product as in production; ends with its `with` block, come what may.

    Args:
        folder: Where the logs go (`web.log`, `worker1.log`, `postgres.log` …); they stay.
        broker: One of `servers.brokers.BROKERS`.
        downstream_url: Where the integrations send what they have to send, all four kinds.
        bug: The planted bug, a name in `bugs.BUGS`, or none.
        seed: For `chance`, by which the faults choose among several of a kind.

    Attributes once it has been entered:
        url: The receiver's address, without a final slash; deliveries go to
            `{url}/webhooks/{slug}/`.
        database_url: Postgres as the superuser and never through a proxy, for the harness's own
            reading, as psycopg takes it (not Django). A few connections are kept for it even
            while Postgres is full of connections; it fails while Postgres is broken otherwise.
        postgres, broker, clock: what the product stands on.
        services: "web", "worker1", "worker2", "beat".
        downstream: Set by whoever started it, before the first fault.
        poison_markers: What a sender puts into `data.metadata["poison"]` of an event to poison
            it, one of these at a time; empty while the fault is not on. An event that was sent
            with a marker owes nothing and ends as dead or failed.
        downstream_secret: The secret that the integrations sign with.
    """

    def __init__(
        self,
        folder: Path,
        broker: str,
        downstream_url: str,
        bug: str = "",
        seed: int = 0,
    ) -> None:
        self.folder = folder
        self.chance = random.Random(seed)  # noqa: S311 -- it is to be repeatable
        self.url = ""
        self.database_url = ""
        self.services: dict[str, Service] = {}
        self.downstream: Downstream | None = None
        self.poison_markers: tuple[str, ...] = ()
        self.downstream_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.postgres: PostgresServer
        self.broker: Broker
        self.clock: Clock
        self._broker_name = broker
        self._downstream_url = downstream_url
        self._bug = bug
        self._environment: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def create_source(self, slug: str, secret: str) -> None:
        """Create a source whose deliveries are signed with `secret` as the sender signs."""
        self._manage("create_source", slug, "--secret", "-", said=secret)

    def deploy(self) -> None:
        """End all of the product's processes by SIGTERM at once, and start each as it has ended."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Service.restart, self.services.values()))

    def restart_one_by_one(self, names: Sequence[str], added: Mapping[str, str]) -> None:
        """Start these services anew with `added` in their environment.

        Whatever starts one of them from now on, it has this, until another call.
        """
        for name in names:
            self.services[name].added = added
        for name in names:
            self.services[name].restart()
            if name == "web":
                self.wait_for_receiver()

    def wait_for_receiver(self, seconds: float = 60.0) -> None:
        """Return when the receiver answers. Raises TimeoutError."""
        port = int(self.url.rpartition(":")[2])
        wait_until(lambda: answers_http(port), "the receiver", seconds)

    def mend(self) -> None:
        """See to it that everything runs again, whatever the faults have left; and wait for it."""
        self.poison_markers = ()
        self.clock.step(0)
        self.postgres.mend()
        self.broker.mend()
        for service in self.services.values():
            service.thaw()
            service.start()
        if self.downstream is not None:
            self.downstream.start()
        self.wait_for_receiver()

    def read_clock(self) -> float | None:
        """Return by how many seconds the receiver's clock is ahead; None where it doesn't say."""
        try:
            answer = httpx.get(f"{self.url}/webhooks/-", timeout=5)
            return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        except (httpx.HTTPError, KeyError, ValueError):
            return None

    def _start(self, stack: ExitStack) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # A short path of its own: a Unix socket's may not be long.
        data = Path(tempfile.mkdtemp(prefix="switchboard-faults-", dir="/tmp"))
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        stack.callback(remove_traces)
        self.clock = Clock(data / "clock")
        self.postgres = stack.enter_context(
            PostgresServer(data, VOLUME_MEGABYTES, self.folder / "postgres.log")
        )
        self.database_url = self.postgres.conninfo
        self.broker = stack.enter_context(
            build_broker(
                self._broker_name, self.postgres, data, self.folder / f"{self._broker_name}.log"
            )
        )
        self._environment = self._build_environment(data)
        self._manage("migrate", "--verbosity", "0")
        self._manage("check")
        if self._broker_name == "pgmq":
            self._run(sys.executable, "-m", "config.broker")
        stack.callback(self._put_services_down)  # whatever an impatient Ctrl-C has left running
        stack.callback(self._end_services)
        stack.callback(self._retire_services)  # a fault may be mending still
        self._build_services(data)
        self._start_services()
        self.wait_for_receiver()

    def _build_environment(self, data: Path) -> dict[str, str]:
        """Return what every process of the product has in its environment."""
        key = Fernet.generate_key().decode()
        return (
            build_production_environment(self.postgres.product_url, data, secrets.token_hex(), key)
            | PRODUCT
            | {
                "CELERY_BROKER_URL": self.broker.url,
                "INTEGRATIONS": json.dumps(self._bind_integrations()),
                "PLANTED_BUG": self._bug,
            }
        )

    def _bind_integrations(self) -> dict[str, object]:
        options = {
            "URL": self._downstream_url,
            "SECRET": self.downstream_secret,
            "ALLOW_HTTP": True,
            "ALLOW_PRIVATE_ADDRESSES": True,
        }
        return {
            alias: {"BACKEND": backend, "OPTIONS": options} for alias, backend in BACKENDS.items()
        }

    def _build_services(self, data: Path) -> None:
        port = choose_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = self._environment | {"PORT": str(port)}
        for name, process, arguments in (
            ("web", "web", ()),
            ("worker1", "events", ALL_QUEUES),
            ("worker2", "events", ALL_QUEUES),
            ("beat", "beat", ()),
        ):
            own = data / name
            own.mkdir()
            self.services[name] = Service(
                name,
                build_command(process, *arguments),
                environment | {"DATA_DIR": str(own), "FAULTS_SERVICE": name},
                self.folder / f"{name}.log",
            )

    def _start_services(self) -> None:
        for service in self.services.values():
            service.start()

    def _retire_services(self) -> None:
        for service in self.services.values():
            service.retire()

    def _end_services(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Service.terminate, self.services.values()))

    def _put_services_down(self) -> None:
        for service in self.services.values():
            service.put_down()

    def _manage(self, *arguments: str, said: str = "") -> None:
        self._run(sys.executable, "manage.py", *arguments, said=said)

    def _run(self, *command: str, said: str = "") -> None:
        """Run a command of the product to its end. Raises RuntimeError with what it said."""
        done = subprocess.run(
            command,
            check=False,
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=BASE_DIR,
            env=self._environment,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[1:3])} failed:\n{done.stdout}")
