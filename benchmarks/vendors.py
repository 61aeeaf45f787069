"""The whole product against fake vendors that fail in every way: is it exact, and who waits?

    python -m benchmarks.vendors exactness --conversations 10000
    python -m benchmarks.vendors outage

`exactness` sends shuffled conversations, a tenth of the deliveries twice, while HubSpot, Zendesk
and Stripe (tests/fakes) are slow, break connections before and after they have applied a request,
apply it late, answer 429, 500 and nonsense, HubSpot knows some of the numbers from before, and the
CRM's worker is killed in the middle; then it compares all that they hold. `outage` has HubSpot hang
under a steady load, compares what the others' effects take from event to effect with what they took
before, and reads in HubSpot's log how fast its backlog drained. Exit status 1 where it is wrong.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.product import Product, console, prepared_database

HUBSPOT_LIMIT = "190/10s"


def measure_exactness(conversations: int, seed: int) -> bool:
    """Send the conversations, wait until all is quiet, and compare what the vendors hold."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database_url = stack.enter_context(prepared_database(Path(folder)))
        from tests.vendors.account import (  # noqa: PLC0415
            CHANCES,
            TOO_SLOW,
            seed_contacts,
            trouble_hubspot,
        )
        from tests.vendors.reckoning import reckon  # noqa: PLC0415
        from webhooks.models import Conversation  # noqa: PLC0415
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
                fake.order(name="slow", seconds=TOO_SLOW, method="POST", after=100)
        seeded = seed_contacts(product.fakes["hubspot"], seed, count=50)
        trouble_hubspot(product.fakes["hubspot"])
        chance = random.Random(seed)  # noqa: S311 -- to be repeatable
        now = datetime.now(UTC)
        told = [build_conversation(now, draw_shape(chance), chance) for _ in range(conversations)]
        bodies = [event.body for conversation in told for event in conversation.events]
        deliveries = bodies + chance.sample(bodies, len(bodies) // 10)
        chance.shuffle(deliveries)
        console.print(f"Delivering {len(deliveries)} events of {conversations} conversations.")
        half = len(deliveries) // 2
        answered = Counter(product.deliver(deliveries[:half]))
        product.replace_worker("crm")
        answered += Counter(product.deliver(deliveries[half:]))
        owed = sum(sum(one.shape.count_owed().values()) for one in told)
        seconds = product.wait_until_quiet(owed, longest=3600)
        states: dict[str, Any] = {
            vendor: fake.read("state") for vendor, fake in product.fakes.items()
        }
        logs = {vendor: fake.read("log") for vendor, fake in product.fakes.items()}
        versions = dict(Conversation.objects.values_list("conversation_uuid", "version"))
        mistakes = reckon(told, states, versions, seeded)
    print(f"seed {seed}: {conversations} conversations, answered {dict(answered)}")
    print(f"effects owed {owed}, {say_when(seconds)} after the last delivery")
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
    return not mistakes and seconds is not None


def say_when(seconds: float | None) -> str:
    """Return after how long all was done, or that it was not."""
    return "never all done" if seconds is None else f"all done {seconds:.0f} s"


def measure_outage(seconds: int, pace: float) -> bool:
    """Compare the others' latency while HubSpot hangs with that before, and watch it drain."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database_url = stack.enter_context(prepared_database(Path(folder)))
        product = Product(
            stack, database_url, {"crm": "140/10s", "tasks": "40/10s", "tickets": "", "usage": ""}
        )
        from integrations.rates import Rate  # noqa: PLC0415
        from tests.fakes.log import count_most  # noqa: PLC0415
        from tests.vendors.account import trouble_hubspot  # noqa: PLC0415

        hubspot = product.fakes["hubspot"]
        hubspot.order(limit=HUBSPOT_LIMIT)
        trouble_hubspot(hubspot)
        send_steadily(product, 10, pace, "warming up")
        product.wait_until_quiet(count_owed(), longest=300)
        before = send_steadily(product, seconds, pace, "all vendors well")
        product.wait_until_quiet(count_owed(), longest=300)
        hubspot.freeze()
        during = send_steadily(product, seconds, pace, "HubSpot hangs")
        time.sleep(5)
        waiting = count_owed() - count_done()
        latencies = {"before": read_latencies(*before), "during": read_latencies(*during)}
        hubspot.thaw()
        resumed = time.monotonic()
        drained = product.wait_until_quiet(count_owed(), longest=900)
        log = [entry for entry in hubspot.read("log") if entry[0] >= resumed]
    limit = Rate.parse(HUBSPOT_LIMIT)
    most = count_most([at for at, *_ in log], limit.window)
    refused = sum(1 for *_, status in log if status == 429)  # noqa: PLR2004
    ratios = {}
    for alias in ("usage", "tickets"):
        old, new = (latencies[when][alias] for when in ("before", "during"))
        ratios[alias] = statistics.median(new) / statistics.median(old)
        print(f"{alias}: {describe_latencies(old)} before")
        print(f"  {describe_latencies(new)} while HubSpot hangs: ratio {ratios[alias]:.2f}")
    print(f"{waiting} effects waited for HubSpot; {say_when(drained)} after its return")
    print(
        f"{len(log)} requests since then, at most {most} in any stretch of {HUBSPOT_LIMIT},"
        f" {refused} refused"
    )
    return (
        drained is not None
        and refused == 0
        and most <= limit.requests
        and all(ratio <= 1.2 for ratio in ratios.values())  # noqa: PLR2004
    )


def describe_latencies(seconds: Sequence[float]) -> str:
    """Return the median and the 95th percentile in words."""
    middle, high = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    return f"{middle * 1000:.0f} ms (p95 {high * 1000:.0f} ms) of {len(seconds)} effects"


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
