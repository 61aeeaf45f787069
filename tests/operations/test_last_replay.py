"""Which replay an event was restarted by."""

import pytest

from tests.operations.brokers import no_broker
from tests.operations.stored import run_all, store_conversation
from webhooks.operations.replay import Replayed, replay
from webhooks.operations.selection import Selection

pytestmark = pytest.mark.django_db


def ask() -> Replayed:
    """Replay everything, and have no broker told."""
    with no_broker():
        return replay(Selection(), reason="a test", requested_by=None, requested_from="test")


def test_an_event_names_the_last_replay_that_restarted_it() -> None:
    """An event that waits already is left alone, and is not said to have been replayed."""
    done, waiting = store_conversation()[:2]
    run_all([done])
    first, second = ask(), ask()
    done.refresh_from_db()
    waiting.refresh_from_db()
    assert (done.replay, waiting.replay) == (first.replay, None)
    run_all([done])
    third = ask()
    done.refresh_from_db()
    assert done.replay == third.replay
    assert second.replay.replayed_events.count() == 0
