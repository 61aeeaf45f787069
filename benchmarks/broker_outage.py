"""What acknowledgements take while the broker is dead, and while it hangs, against it alive.

The receiver runs alone: no worker competes for the processors, and what is recorded stays where it
is. Each round measures all three, in turn, at the same rate. Redis is ended by SIGKILL and stopped
by SIGSTOP; the broker in Postgres lies behind a proxy that refuses, or keeps all connections and
says nothing. Exit status 1 where the median of a round's ratios of p99 is above 1.2.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.load import send_load
from benchmarks.product import prepared_database
from benchmarks.results import write_results

STATES = ("alive", "dead", "hanging")
MOST = 1.2
SETTLING = 3.0
"""Seconds that the publisher is given to find out that the broker is back."""


class Broker(Protocol):
    """A broker that can be brought into each of `STATES`."""

    url: str

    def become(self, state: str) -> None:
        """Bring it into the state; returns when it holds."""


class RedisBroker:
    """A Redis of our own."""

    def __init__(self) -> None:
        from tests.faults.ports import choose_port  # noqa: PLC0415 -- as the next class's

        program = shutil.which("redis-server")
        if program is None:
            sys.exit("redis-server is not installed.")
        self._port = choose_port()
        self._command = [program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""]
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def become(self, state: str) -> None:
        """Kill, stop, continue or start the server."""
        if self._server is not None and state != "hanging":
            self._server.kill()
            self._server.wait()
            self._server = None
        if self._server is None and state != "dead":
            self._server = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
            time.sleep(SETTLING)
        if self._server is not None and state == "hanging":
            os.kill(self._server.pid, signal.SIGSTOP)


class PostgresBroker:
    """The broker in the product's own Postgres, behind a proxy."""

    def __init__(self, database_url: str, stack: ExitStack) -> None:
        from tests.databases import read_parts  # noqa: PLC0415 -- after Django's setup
        from tests.faults.proxy import Proxy  # noqa: PLC0415

        parts = read_parts(database_url)
        self._proxy = stack.enter_context(Proxy(f"{parts['HOST']}/.s.PGSQL.{parts['PORT']}"))
        self.url = f"pgmq://{parts['USER']}@127.0.0.1:{self._proxy.port}/{parts['NAME']}"

    def become(self, state: str) -> None:
        """Tell the proxy."""
        match state:
            case "alive":
                self._proxy.forward()
                time.sleep(SETTLING)
            case "dead":
                self._proxy.refuse()
            case _:
                self._proxy.hang()


@contextmanager
def broken_again(broker: Broker) -> Iterator[None]:
    """Leave no process of the broker behind."""
    try:
        yield
    finally:
        broker.become("dead")


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broker", choices=("redis", "pgmq"), default="redis")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--seconds", type=int, default=20, help="of each state in each round")
    options = parser.parse_args()
    count = options.rate * options.seconds
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database_url = stack.enter_context(prepared_database(Path(folder)))
        from tests.processes import start_receiver  # noqa: PLC0415 -- after Django's setup
        from webhooks.models import Source  # noqa: PLC0415

        secret = os.environ["SECRET_KEY"]  # of this run only
        Source.objects.create(slug="bench", name="Benchmark").add_secret(secret)
        broker: Broker = (
            RedisBroker() if options.broker == "redis" else PostgresBroker(database_url, stack)
        )
        stack.enter_context(broken_again(broker))
        broker.become("alive")
        environment = {"WEB_CONCURRENCY": "2", "CELERY_BROKER_URL": broker.url}
        port = stack.enter_context(start_receiver(database_url, **environment)).port
        send_load(port, secret, 500)  # connections, caches and prepared statements
        for _ in track(range(options.rounds), "Measuring", console=Console(stderr=True)):
            figures: dict[str, dict[str, float]] = {}
            for state in STATES:
                broker.become(state)
                figures[state] = send_load(port, secret, count, rate=options.rate)
            rounds.append(figures)
    ratios = {
        state: [figures[state]["p99_ms"] / figures["alive"]["p99_ms"] for figures in rounds]
        for state in STATES[1:]
    }
    table = Table(
        f"{options.broker}, {options.rate}/s, receiver alone", "p50 ms", "p99 ms", "rounds"
    )
    for state in STATES:
        p50, p99 = ([figures[state][key] for figures in rounds] for key in ("p50_ms", "p99_ms"))
        each = " ".join(f"{value:.1f}" for value in p99)
        table.add_row(state, f"{statistics.median(p50):.1f}", f"{statistics.median(p99):.1f}", each)
    Console().print(table)
    medians = {state: statistics.median(values) for state, values in ratios.items()}
    for state, values in ratios.items():
        each = ", ".join(f"{value:.2f}" for value in values)
        print(f"p99 {state} / alive: {medians[state]:.2f} (rounds: {each}; target: {MOST} at most)")
    name = f"broker_outage_{options.broker}"
    file = write_results(name, {"rate": options.rate, "rounds": rounds, "ratios": ratios})
    print(f"Every event was accepted. Figures: {file}")
    sys.exit(0 if max(medians.values()) <= MOST else 1)


if __name__ == "__main__":
    main()
