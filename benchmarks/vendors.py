"""The whole product against fake vendors that fail in every way: is it exact, and who waits?

    python -m benchmarks.vendors exactness --conversations 10000
    python -m benchmarks.vendors outage

`exactness` sends shuffled conversations, a tenth of the deliveries twice, while HubSpot, Zendesk
and Stripe (tests/fakes) are slow, break connections before and after they have applied a request,
answer 429, 500 and nonsense; then it counts what they hold. `outage` has HubSpot hang under a
steady load, compares what the others' effects take from event to effect with what they took
before, and reads in HubSpot's log how fast its backlog drained. Exit status 1 where it is wrong.
"""

import argparse
import os
import random
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import Progress

from config.embedded import EmbeddedPostgres

WORKERS = ("events", "crm", "tickets", "usage", "tasks")
HUBSPOT_LIMIT = "190/10s"
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
        from tests.processes import start_beat, start_process, start_receiver  # noqa: PLC0415
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
        self.receiver = stack.enter_context(
            start_receiver(database_url, WEB_CONCURRENCY="2", **variables)
        )
        for name in WORKERS:
            stack.enter_context(
                start_process(name, database_url, variables | {"WORKER_CONCURRENCY": "2"})
            )
        stack.enter_context(start_beat(database_url, **variables))

    def deliver(self, bodies: Sequence[bytes]) -> dict[int, int]:
        """Deliver the bodies, eight at a time; return how often each status was answered."""
        from tests.test_end_to_end import post_all  # noqa: PLC0415

        return dict(post_all(self.receiver.url, bodies))

    def wait_until_quiet(self, owed: int, longest: float) -> float:
        """Show the progress until `owed` effects have succeeded; return the seconds it took."""
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
                    return time.monotonic() - began
                time.sleep(1)


def count_states() -> list[tuple[Any, ...]]:
    """Return how many effects there are by integration, state and reason."""
    from django.db.models import Count  # noqa: PLC0415

    from webhooks.models import Effect  # noqa: PLC0415

    rows = Effect.objects.values_list("integration", "state", "reason").annotate(Count("pk"))
    return list(rows.order_by("integration", "state"))


def measure_exactness(conversations: int, seed: int) -> bool:
    """Send the conversations, wait until all is quiet, and compare what the vendors hold."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database_url = stack.enter_context(prepared_database(Path(folder)))
        from tests.vendors.account import CHANCES  # noqa: PLC0415
        from tests.vendors.reckoning import reckon  # noqa: PLC0415
        from webhooks.operations.conversations import (  # noqa: PLC0415
            build_conversation,
            draw_shape,
        )

        product = Product(stack, database_url, {"crm": "", "tasks": "", "tickets": "", "usage": ""})
        for number, fake in enumerate(product.fakes.values()):
            fake.order(seed=seed + number, chances=CHANCES)
            for _ in range(5):
                fake.order(name="rate_limit", retry_after=2)
                fake.order(name="rate_limit")
        chance = random.Random(seed)  # noqa: S311 -- to be repeatable
        now = datetime.now(UTC)
        told = [build_conversation(now, draw_shape(chance), chance) for _ in range(conversations)]
        bodies = [event.body for conversation in told for event in conversation.events]
        deliveries = bodies + chance.sample(bodies, len(bodies) // 10)
        chance.shuffle(deliveries)
        console.print(f"Delivering {len(deliveries)} events of {conversations} conversations.")
        answered = product.deliver(deliveries)
        owed = sum(sum(one.shape.count_owed().values()) for one in told)
        seconds = product.wait_until_quiet(owed, longest=3600)
        states: dict[str, Any] = {
            vendor: fake.read("state") for vendor, fake in product.fakes.items()
        }
        logs = {vendor: fake.read("log") for vendor, fake in product.fakes.items()}
        mistakes = reckon(told, states)
    print(f"seed {seed}: {conversations} conversations, answered {answered}")
    print(f"effects owed {owed}, quiet {seconds:.0f} s after the last delivery")
    for vendor, log in logs.items():
        unwell = sum(1 for *_, status in log if not 200 <= status < 300 and status != 404)  # noqa: PLR2004
        print(
            f"{vendor}: {len(log)} requests, {unwell} of them answered with an error or not at all"
        )
    held = {
        "contacts": len(states["hubspot"]["contacts"]),
        "calls": len(states["hubspot"]["calls"]),
        "tasks": len(states["hubspot"]["tasks"]),
        "tickets": len(states["zendesk"]["tickets"]),
        "meter events": len(states["stripe"]["events"]),
    }
    print("held:", ", ".join(f"{count} {name}" for name, count in held.items()))
    print("\n".join(mistakes) or "Exactly what is owed.")
    return not mistakes


def measure_outage(seconds: int, pace: float) -> bool:
    """Compare the others' latency while HubSpot hangs with that before, and watch it drain."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database_url = stack.enter_context(prepared_database(Path(folder)))
        product = Product(
            stack, database_url, {"crm": "140/10s", "tasks": "40/10s", "tickets": "", "usage": ""}
        )
        hubspot = product.fakes["hubspot"]
        hubspot.order(limit=HUBSPOT_LIMIT)
        send_steadily(product, 10, pace, "warming up")
        product.wait_until_quiet(count_owed(), longest=300)
        before = send_steadily(product, seconds, pace, "all vendors well")
        product.wait_until_quiet(count_owed(), longest=300)
        hubspot.process.send_signal(signal.SIGSTOP)
        during = send_steadily(product, seconds, pace, "HubSpot hangs")
        time.sleep(5)
        waiting = count_owed() - count_done()
        latencies = {"before": read_latencies(*before), "during": read_latencies(*during)}
        hubspot.process.send_signal(signal.SIGCONT)
        resumed = time.monotonic()
        drained = product.wait_until_quiet(count_owed(), longest=900)
        log = [entry for entry in hubspot.read("log") if entry[0] >= resumed]
    window = timedelta(seconds=10)
    most = count_most(sorted(at for at, *_ in log), window.total_seconds())
    refused = sum(1 for *_, status in log if status == 429)  # noqa: PLR2004
    ratios = {}
    for alias in ("usage", "tickets"):
        old, new = (statistics.median(latencies[when][alias]) for when in ("before", "during"))
        ratios[alias] = new / old
        print(
            f"{alias}: median {old * 1000:.0f} ms before, {new * 1000:.0f} ms while HubSpot hangs"
        )
        print(f"  ratio {new / old:.2f} (of {len(latencies['during'][alias])} effects)")
    print(f"{waiting} effects waited for HubSpot; they were done {drained:.0f} s after its return")
    print(
        f"{len(log)} requests since then, at most {most} in 10 s of 190 allowed, {refused} refused"
    )
    return all(ratio <= 1.2 for ratio in ratios.values()) and most <= 190  # noqa: PLR2004


def send_steadily(
    product: Product, seconds: int, pace: float, label: str
) -> tuple[datetime, datetime]:
    """Send `pace` conversations a second, in order; return when it began and ended."""
    from webhooks.operations.conversations import Shape, build_conversation  # noqa: PLC0415

    began = datetime.now(UTC)
    with Progress(console=console) as progress:
        bar = progress.add_task(label, total=int(seconds * pace))
        start = time.monotonic()
        for number in range(int(seconds * pace)):
            time.sleep(max(0, start + number / pace - time.monotonic()))
            told = build_conversation(datetime.now(UTC), Shape("failed", 1, 1))
            for event in told.events:
                product.deliver([event.body])
            progress.advance(bar)
    return began, datetime.now(UTC)


def count_owed() -> int:
    """Return how many effects there are that are to succeed, once all events are processed."""
    from webhooks.models import Effect, Event  # noqa: PLC0415

    while Event.objects.filter(status="pending").exists():
        time.sleep(0.1)
    return Effect.objects.exclude(state="skipped").count()


def count_done() -> int:
    """Return how many effects have succeeded."""
    from webhooks.models import Effect  # noqa: PLC0415

    return Effect.objects.filter(state="succeeded").count()


def read_latencies(began: datetime, ended: datetime) -> dict[str, list[float]]:
    """Return the seconds from event to effect, by integration, of the events of that time."""
    from webhooks.models import Effect  # noqa: PLC0415

    found: dict[str, list[float]] = {}
    done = Effect.objects.filter(
        state="succeeded", event__received_at__gte=began, event__received_at__lte=ended
    )
    for alias, finished, received in done.values_list(
        "integration", "finished_at", "event__received_at"
    ):
        if finished is not None:
            found.setdefault(alias, []).append((finished - received).total_seconds())
    return found


def count_most(times: Sequence[float], window: float) -> int:
    """Return the most of the sorted `times` that lie in any stretch as long as `window`."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vendors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    exactness = commands.add_parser("exactness", help="count what the vendors hold in the end")
    exactness.add_argument("--conversations", type=int, default=1000)
    exactness.add_argument("--seed", type=int, default=7)
    outage = commands.add_parser("outage", help="have HubSpot hang, and return")
    outage.add_argument("--seconds", type=int, default=60, help="of each stretch of load")
    outage.add_argument("--pace", type=float, default=1.0, help="conversations a second")
    options = parser.parse_args()
    if options.command == "exactness":
        well = measure_exactness(options.conversations, options.seed)
    else:
        well = measure_outage(options.seconds, options.pace)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
