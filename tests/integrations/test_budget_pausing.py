"""People stop an integration and let it go on."""

from datetime import timedelta
from functools import partial

import pytest

from integrations.budget import admit, hold, pause, record_failure, resume, take_slot
from integrations.exceptions import AccessDenied
from integrations.models import Budget
from tests.integrations.budgets import let_pass, read_budget
from tests.processing.logs import read_log
from tests.together import run_together

pytestmark = pytest.mark.usefixtures("own_database")


def test_a_paused_integration_admits_nobody_until_it_is_resumed() -> None:
    """However long that takes; when it ends, only a person knows."""
    assert pause("crm", "ada", "The vendor moves our account.")
    let_pass(timedelta(days=400))
    admission = admit("crm")
    assert not admission.is_open
    assert admission.wait is None
    assert admission.reason == "Paused by ada: The vendor moves our account."
    assert admit("tickets").is_open
    assert resume("crm", "bob")
    assert admit("crm").is_open


def test_a_pause_says_who_why_and_since_when() -> None:
    """The first one stays: a second pause by somebody else changes nothing."""
    pause("crm", "ada", "The vendor moves our account.")
    first = read_budget()
    assert not pause("crm", "bob", "Another reason.")
    budget = read_budget()
    assert (budget.paused_by, budget.paused_reason) == ("ada", "The vendor moves our account.")
    assert budget.paused_at == first.paused_at is not None


def test_people_who_pause_at_once_are_told_who_did() -> None:
    """One of them paused it, and the row says that one."""
    paused = run_together([partial(pause, "crm", name, "Because.") for name in "abcd"])
    assert sum(paused) == 1
    assert read_budget().paused_by == "abcd"[paused.index(True)]


def test_there_is_nothing_to_resume_where_nothing_is_stopped() -> None:
    """Neither without a row nor with one."""
    assert not resume("crm", "ada")
    assert not Budget.objects.exists()
    pause("crm", "ada", "Because.")
    resume("crm", "ada")
    assert not resume("crm", "ada")


def test_resuming_has_the_next_effect_try_a_vendor_whose_circuit_is_open() -> None:
    """Whoever has mended the key need not wait; the circuit is closed by that effect alone."""
    record_failure("crm", AccessDenied("HubSpot rejected our key."), "an effect")
    assert not admit("crm").is_open
    assert resume("crm", "ada") == "Lifted the wait before its circuit is tried again."
    assert admit("crm").is_probe
    assert not admit("crm").is_open
    assert not resume("crm", "ada")
    assert not admit("crm").is_open


def test_resuming_lifts_all_that_stands_in_the_way_and_says_so() -> None:
    """A hold of the vendor before, a pause and an open circuit; the limits stay as they were."""
    record_failure("crm", AccessDenied("HubSpot rejected our key."), "an effect")
    hold("crm", timedelta(hours=24), "HubSpot answered 429.")
    pause("crm", "ada", "Because.")
    before = read_budget()
    assert before.held_until is not None
    lifted = resume("crm", "bob")
    assert lifted == (
        f"Lifted the pause by ada and the hold until {before.held_until:%d %b %H:%M:%S} UTC"
        " and the wait before its circuit is tried again."
    )
    assert admit("crm").is_probe
    after = read_budget()
    assert (after.held_reason, after.failures, after.openings) == ("", 1, 1)


def test_a_hold_alone_can_be_lifted() -> None:
    """Requests that would have waited for it leave at once, and the next hold holds again."""
    hold("crm", timedelta(minutes=1), "HubSpot answered 429.")
    assert resume("crm", "ada").startswith("Lifted the hold until ")
    assert admit("crm").is_open
    take_slot("crm", None)
    assert resume("crm", "ada") == ""
    hold("crm", timedelta(seconds=30), "HubSpot answered 429 again.")
    assert admit("crm").reason == "Held: HubSpot answered 429 again."


def test_a_hold_that_is_over_is_nothing_to_lift() -> None:
    """Nobody is told of something that stood in nobody's way."""
    hold("crm", timedelta(minutes=1), "HubSpot answered 429.")
    let_pass(timedelta(minutes=2))
    assert resume("crm", "ada") == ""


def test_pauses_are_told_in_the_log_without_what_was_typed() -> None:
    """Who did it stands there; the reason may name a caller and stays on the row."""
    with read_log() as log:
        pause("crm", "ada", "Complaint of +49301234567.")
        resume("crm", "bob")
    paused, resumed = log.getvalue().splitlines()
    assert '"event":"integration_paused"' in paused
    assert '"by":"ada"' in paused
    assert '"event":"integration_resumed"' in resumed
    assert '"lifted":["pause"]' in resumed
    assert "+4930" not in log.getvalue()
