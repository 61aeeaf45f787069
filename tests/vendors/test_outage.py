"""HubSpot hangs, and returns: nobody else waits for it, and its backlog keeps to the rate."""

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from integrations.models import StripeCustomer
from integrations.rates import Rate
from tests.fakes.log import count_most
from tests.fakes.stripe import CUSTOMER
from tests.processes import start_beat, start_process, start_receiver
from tests.test_end_to_end import SECRET, all_is_done, post_all, wait_until
from tests.vendors.account import build_integrations, start_fakes
from webhooks.models import Effect, Source
from webhooks.operations.conversations import ORGANIZATION, Shape, build_conversation

CONVERSATIONS = 10
RATE = "40/2s"


@pytest.fixture
def database_url(own_database: str) -> str:
    """Return the address of a database with the source `demo` and a customer who is billed."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    StripeCustomer.objects.create(
        scope="organization", uuid=ORGANIZATION["organization_uuid"], customer_id=CUSTOMER
    )
    return own_database


def test_vendor_that_hangs_holds_up_nobody_and_is_not_overrun_when_it_returns(
    database_url: str,
) -> None:
    """The others' effects are done meanwhile; the backlog then drains without a single 429."""
    told = [
        build_conversation(datetime.now(UTC), Shape("failed", missed_goals=1))
        for _ in range(CONVERSATIONS)
    ]
    done = Effect.objects.filter(state="succeeded")
    with ExitStack() as stack:
        fakes = stack.enter_context(start_fakes())
        hubspot = fakes["hubspot"]
        hubspot.order(limit=RATE)
        rates = {"crm": RATE, "tickets": "", "usage": ""}
        variables = {"INTEGRATIONS": build_integrations(fakes, rates)}
        receiver = stack.enter_context(start_receiver(database_url, **variables))
        workers = [
            stack.enter_context(start_process(name, database_url, variables))
            for name in ("events", "crm", "tickets", "usage", "sweep")
        ]
        stack.enter_context(start_beat(database_url, **variables))
        hubspot.freeze()
        post_all(receiver.url, [event.body for one in told for event in one.events])
        wait_until(lambda: done.count() == CONVERSATIONS * 3, receiver, *workers)
        assert not done.filter(integration="crm").exists()
        assert Effect.objects.filter(integration="crm").count() == CONVERSATIONS * 3
        hubspot.thaw()
        wait_until(all_is_done, *workers, seconds=110)
        log = hubspot.read("log")
        state = hubspot.read("state")
    assert len(state["calls"]) == CONVERSATIONS
    assert 429 not in {status for *_, status in log}
    rate = Rate.parse(RATE)
    assert count_most([at for at, *_ in log], rate.window) <= rate.requests
