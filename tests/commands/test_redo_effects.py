"""`redo_effects`."""

from collections.abc import Iterator

import pytest

from integrations.ledger.models import LedgerTicket
from tests.commands.typed import type_command
from tests.operations.brokers import no_broker
from tests.operations.stored import run_all, store_conversation
from tests.workers import run_due
from webhooks.models import Effect, Replay

pytestmark = pytest.mark.django_db

NOW_TO_RUN = ("--reason", "a test", "--yes")


@pytest.fixture
def key() -> Iterator[str]:
    """Return the key of a ticket that is there."""
    run_all(store_conversation())
    with no_broker():
        yield Effect.objects.get(integration="tickets").idempotency_key


def test_a_second_time_is_done_where_it_is_said_to_be_meant(key: str) -> None:
    """What that leads to is printed first."""
    typed = type_command("redo_effects", "--again", *NOW_TO_RUN, "--keys", key)
    run_due()
    assert (typed.status, typed.error) == (0, "")
    assert "A second ticket is opened" in typed.out
    assert f"Redo {Replay.objects.get().pk}. Effects done again: 1." in typed.out
    assert LedgerTicket.objects.count() == 2


def test_without_saying_so_nothing_is_done(key: str) -> None:
    """But for a look at what it would be."""
    refused = type_command("redo_effects", *NOW_TO_RUN, "--keys", key)
    seen = type_command("redo_effects", "--dry-run", "--keys", key)
    assert (refused.status, "--again" in refused.error) == (2, True)
    assert (seen.status, "Tickets: done again" in seen.out) == (0, True)
    assert not Replay.objects.exists()


def test_a_key_that_nobody_has_is_named(key: str) -> None:
    """With status 1, after the others."""
    typed = type_command("redo_effects", "--again", *NOW_TO_RUN, "--keys", key, "nobody's")
    assert (typed.status, typed.error) == (1, "Not among the effects that match: nobody's.")
    assert Replay.objects.get().effects_to_run == 1
