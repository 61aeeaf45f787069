"""HubSpot, Zendesk and Stripe together, with every fault on: exactly what is owed, once."""

import random
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.models import StripeCustomer
from tests.fakes.stripe import CUSTOMER
from tests.processes import RunningProcess, start_beat, start_process, start_receiver
from tests.test_end_to_end import SECRET, all_is_done, post_all, wait_until
from tests.vendors.account import (
    CALL_WRITES,
    CHANCES,
    TOO_SLOW,
    RunningFake,
    Vendor,
    build_integrations,
    seed_contacts,
    start_fakes,
    trouble_hubspot,
)
from tests.vendors.reckoning import reckon
from webhooks.models import Attempt, Conversation, Effect, Source
from webhooks.operations.conversations import ORGANIZATION, build_conversation, draw_shape

CONVERSATIONS = 25
ALIASES = ("crm", "tickets", "usage", "tasks")
WORKERS = ("events", *ALIASES, "sweep")
SHORT_LIVES = {"WEBHOOKS_TASK_TIME_LIMIT": "20", "WEBHOOKS_LEASE": "36"}
"""What a killed worker was at is taken up again within the test's time."""


@pytest.fixture
def database_url(own_database: str) -> str:
    """Return the address of a database with the source `demo` and a customer who is billed."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    StripeCustomer.objects.create(
        scope="organization", uuid=ORGANIZATION["organization_uuid"], customer_id=CUSTOMER
    )
    return own_database


def make_trouble(fakes: Mapping[Vendor, RunningFake]) -> None:
    """Order all that can go wrong.

    The write of a call whose fate is unknown is not repeated for a minute. What strikes those is
    ordered, so that it strikes once, and all of it in the same minute.
    """
    for number, fake in enumerate(fakes.values()):
        fake.order(seed=number, chances=CHANCES, spared=CALL_WRITES)
        fake.order(name="rate_limit", retry_after=1, after=10)
        fake.order(name="rate_limit", after=20)
    trouble_hubspot(fakes["hubspot"])
    for after, name in enumerate(("late", "drop_after", "late", "fail_after", "drop_before")):
        fakes["hubspot"].order(name=name, path=CALL_WRITES, seconds=3, after=after)
    fakes["hubspot"].order(name="slow", path=CALL_WRITES, seconds=TOO_SLOW, after=5)
    fakes["zendesk"].order(name="slow", method="POST", seconds=TOO_SLOW, after=3)


def kill_at_work(worker: RunningProcess, hubspot: RunningFake) -> None:
    """Kill the CRM's worker while HubSpot has its requests and no answer has come."""
    hubspot.freeze()
    time.sleep(1)  # what had its last answer is recorded by now
    running = Effect.objects.filter(integration="crm", state="running")
    wait_until(running.exists, worker)
    worker.kill()
    hubspot.thaw()


@pytest.mark.timeout(240)
def test_vendors_hold_exactly_what_is_owed_whatever_goes_wrong(database_url: str) -> None:
    """Shuffled, a fifth of them twice, against vendors that fail in every way that they can.

    Too late, too slowly, beside contacts that people had written down before, and with the CRM's
    worker killed in the middle.
    """
    chance = random.Random(11)  # noqa: S311 -- only to be repeatable
    now = datetime.now(UTC)
    told = [build_conversation(now, draw_shape(chance), chance) for _ in range(CONVERSATIONS)]
    bodies = [event.body for conversation in told for event in conversation.events]
    deliveries = bodies + chance.sample(bodies, len(bodies) // 5)
    chance.shuffle(deliveries)
    half = len(deliveries) // 2
    with ExitStack() as stack:
        fakes = stack.enter_context(start_fakes())
        seeded = seed_contacts(fakes["hubspot"], seed=11, count=50)
        make_trouble(fakes)
        integrations = build_integrations(fakes, dict.fromkeys(ALIASES, "500/10s"))
        variables = {"INTEGRATIONS": integrations, **SHORT_LIVES}
        receiver = stack.enter_context(start_receiver(database_url, **variables))
        workers = {
            name: stack.enter_context(start_process(name, database_url, variables))
            for name in WORKERS
        }
        stack.enter_context(start_beat(database_url, **variables))
        post_all(receiver.url, deliveries[:half])
        done = Effect.objects.filter(integration="crm", state="succeeded")
        wait_until(lambda: done.count() > half // 4, *workers.values())
        kill_at_work(workers["crm"], fakes["hubspot"])
        workers["crm"] = stack.enter_context(start_process("crm", database_url, variables))
        post_all(receiver.url, deliveries[half:])
        wait_until(all_is_done, *workers.values(), seconds=150)
        states: dict[str, Any] = {vendor: fake.read("state") for vendor, fake in fakes.items()}
    versions = dict(Conversation.objects.values_list("conversation_uuid", "version"))
    mistakes = reckon(told, states, versions, seeded)
    assert not mistakes, "\n".join(mistakes)
    assert Attempt.objects.filter(effect__integration="crm", outcome="lost").exists()
