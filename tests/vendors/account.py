"""The fake vendors as processes, and what binds the product to them."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tests.fakes import hubspot, stripe, zendesk
from tests.processes import BASE_DIR

Vendor = Literal["hubspot", "zendesk", "stripe"]
VENDORS: tuple[Vendor, ...] = ("hubspot", "zendesk", "stripe")

CHANCES = {
    "slow": 0.005,
    "fail": 0.01,
    "fail_after": 0.01,
    "drop_before": 0.01,
    "drop_after": 0.02,
    "late": 0.005,
    "html_error": 0.005,
    "not_json": 0.005,
    "huge": 0.001,
    "redirect": 0.001,
}
"""How often a request meets a fault.

A 429 holds everybody, and an answer that takes longer than the client waits for costs a worker that
time, so those are ordered one by one.
"""

TOO_SLOW = 11.0
"""Seconds; the client waits 10 for an answer."""

CALL_WRITES = "/crm/objects/2026-09/calls/batch/upsert"
"""HubSpot's path on which an older version of a call can arrive after a newer one."""

SPELLINGS = ("+1 ({}) {}-{}", "+1.{}.{}.{}", "001{}{}{}", "+1 {}/{} {}")
"""Ways in which people write a number."""


@dataclass(frozen=True, slots=True)
class RunningFake:
    """A fake vendor in a process of its own."""

    vendor: Vendor
    url: str
    process: subprocess.Popen[str]

    def order(self, **order: Any) -> None:
        """Tell it what to do wrong; see tests/fakes/server.py."""
        httpx.post(f"{self.url}/_fake/faults", json=order, timeout=30).raise_for_status()

    def read(self, what: Literal["log", "state"]) -> Any:
        """Return its log, or what it holds."""
        return httpx.get(f"{self.url}/_fake/{what}", timeout=120).raise_for_status().json()

    def freeze(self) -> None:
        """Have the vendor hang: connections come about, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on, first of all with what has arrived meanwhile."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Have the vendor be gone, and what it holds with it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def start_fake(vendor: Vendor, port: int = 0) -> Iterator[RunningFake]:
    """Run a fake for the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.fakes.{vendor}", "--port", str(port)],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, f"the fake {vendor} did not start"
        yield RunningFake(vendor, url, process)
    finally:
        process.kill()
        process.communicate()  # waits, and closes the pipe


@contextmanager
def start_fakes() -> Iterator[dict[Vendor, RunningFake]]:
    """Run all fakes for the block."""
    with ExitStack() as stack:
        yield {vendor: stack.enter_context(start_fake(vendor)) for vendor in VENDORS}


def seed_contacts(hubspot: RunningFake, seed: int, count: int) -> dict[str, str]:
    """Have HubSpot know `count` of the numbers already; return how people had written them."""
    chance = random.Random(seed)  # noqa: S311 -- only to be repeatable
    written = {}
    for line in chance.sample(range(1, 100), count):
        spelling = chance.choice(SPELLINGS).format("202", "555", f"01{line:02}")
        written[f"+120255501{line:02}"] = spelling
    hubspot.order(contacts=list(written.values()))
    return written


def trouble_hubspot(hubspot: RunningFake) -> None:
    """Have HubSpot's search lag and its own limit hold, as they always do there."""
    hubspot.order(index_lag=3)
    hubspot.order(search_limit="5/s")


def build_integrations(
    fakes: Mapping[Vendor, RunningFake], rates: Mapping[str, str] | None = None
) -> str:
    """Return the `INTEGRATIONS` that binds all four aliases to the fakes, with `RATE` by alias."""
    options: dict[str, dict[str, Any]] = {
        "crm": {
            "ACCESS_TOKEN": hubspot.ACCESS_TOKEN,
            "BASE_URL": fakes["hubspot"].url,
            # Long after anything that these fakes apply late.
            "RECHECK_AFTER": 15,
        },
        "tasks": {"ACCESS_TOKEN": hubspot.ACCESS_TOKEN, "BASE_URL": fakes["hubspot"].url},
        "tickets": {
            "EMAIL": zendesk.EMAIL,
            "API_TOKEN": zendesk.API_TOKEN,
            "BASE_URL": fakes["zendesk"].url,
        },
        "usage": {
            "API_KEY": stripe.API_KEY,
            "EVENT_NAME": stripe.EVENT_NAME,
            "BASE_URL": fakes["stripe"].url,
        },
    }
    for alias, rate in (rates or {}).items():
        options[alias]["RATE"] = rate
    backends = {
        "crm": "integrations.crm.hubspot.HubSpotCRM",
        "tasks": "integrations.tasks.hubspot.HubSpotTasks",
        "tickets": "integrations.tickets.zendesk.ZendeskTickets",
        "usage": "integrations.usage.stripe.StripeUsage",
    }
    return json.dumps(
        {alias: {"BACKEND": backends[alias], "OPTIONS": options[alias]} for alias in backends}
    )
