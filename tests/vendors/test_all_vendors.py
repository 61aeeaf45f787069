"""HubSpot, Zendesk and Stripe together, with every fault on: exactly what is owed, once."""

import random
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.models import StripeCustomer
from tests.fakes.stripe import CUSTOMER
from tests.processes import start_beat, start_process, start_receiver
from tests.test_end_to_end import SECRET, all_is_done, post_all, wait_until
from tests.vendors.account import CHANCES, build_integrations, start_fakes
from tests.vendors.reckoning import reckon
from webhooks.models import Source
from webhooks.operations.conversations import ORGANIZATION, build_conversation, draw_shape

CONVERSATIONS = 40
ALIASES = ("crm", "tickets", "usage", "tasks")
WORKERS = ("events", *ALIASES)


@pytest.fixture
def database_url(own_database: str) -> str:
    """Return the address of a database with the source `demo` and a customer who is billed."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    StripeCustomer.objects.create(
        scope="organization", uuid=ORGANIZATION["organization_uuid"], customer_id=CUSTOMER
    )
    return own_database


def test_vendors_hold_exactly_what_is_owed_whatever_goes_wrong(database_url: str) -> None:
    """Shuffled, a fifth of them twice, against vendors that fail in every way that they can."""
    chance = random.Random(11)  # noqa: S311 -- only to be repeatable
    now = datetime.now(UTC)
    told = [build_conversation(now, draw_shape(chance), chance) for _ in range(CONVERSATIONS)]
    bodies = [event.body for conversation in told for event in conversation.events]
    deliveries = bodies + chance.sample(bodies, len(bodies) // 5)
    chance.shuffle(deliveries)
    with ExitStack() as stack:
        fakes = stack.enter_context(start_fakes())
        for number, fake in enumerate(fakes.values()):
            fake.order(seed=number, chances=CHANCES)
            fake.order(name="rate_limit", retry_after=1)
            fake.order(name="rate_limit")
        variables = {"INTEGRATIONS": build_integrations(fakes, dict.fromkeys(ALIASES, "500/10s"))}
        receiver = stack.enter_context(start_receiver(database_url, **variables))
        workers = [
            stack.enter_context(start_process(name, database_url, variables)) for name in WORKERS
        ]
        stack.enter_context(start_beat(database_url, **variables))
        post_all(receiver.url, deliveries)
        wait_until(all_is_done, *workers, seconds=240)
        states: dict[str, Any] = {vendor: fake.read("state") for vendor, fake in fakes.items()}
    assert reckon(told, states) == []
