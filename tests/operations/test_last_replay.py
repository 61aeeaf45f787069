"""Which replay an event was restarted by."""

import pytest

from tests.operations.asking import have_done
from tests.operations.brokers import no_broker
from tests.operations.stored import run_all, store_conversation
from webhooks.models import Replay
from webhooks.operations.selection import Selection

pytestmark = pytest.mark.django_db


def ask() -> Replay:
    """Replay everything, and have no broker told."""
    with no_broker():
        return have_done(Replay.Action.REPLAY, Selection())


def test_an_event_names_the_last_replay_that_restarted_it() -> None:
    """An event that waits already is left alone, and is not said to have been replayed."""
    done, waiting, other = store_conversation()
    run_all([done, other])
    first = ask()
    run_all([other])
    second = ask()
    done.refresh_from_db()
    waiting.refresh_from_db()
    assert (done.replay, waiting.replay) == (first, None)
    assert list(second.replayed_events.all()) == [other]
    run_all([done])
    third = ask()
    done.refresh_from_db()
    assert done.replay == third
