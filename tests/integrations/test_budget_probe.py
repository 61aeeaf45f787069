"""Probes: the one effect that finds out whether a vendor works again."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction
from django.forms.models import model_to_dict
from pytest_django import Settings

from integrations.budget import (
    Admission,
    admit,
    record_failure,
    record_success,
    return_probe,
)
from integrations.exceptions import AccessDenied, RateLimited, TemporaryFailure
from integrations.models import Budget
from tests.integrations.budgets import let_pass, read_budget
from tests.together import run_together

pytestmark = pytest.mark.usefixtures("own_database")

SECOND = timedelta(seconds=1)
DENIED = AccessDenied("HubSpot rejected our key.")
SLOW_DOWN = RateLimited("HubSpot answered 429.", retry_after=30 * SECOND)


def fail(admission: Admission | None = None) -> None:
    """Have an effect fail for now that has not failed before."""
    record_failure("crm", TemporaryFailure("HubSpot answered 503."), str(uuid4()), admission)


def open_circuit() -> None:
    """Have the circuit open for its first time."""
    for _ in range(5):
        fail()


def test_a_probe_that_fails_opens_it_again_whatever_opened_it() -> None:
    """One failure is enough then, also where access was denied once before."""
    record_failure("crm", DENIED, "an effect")
    let_pass(16 * SECOND)
    fail(admit("crm"))
    wait = admit("crm").wait
    assert wait is not None
    assert 25 * SECOND < wait <= 30 * SECOND


def test_one_probe_gets_in_when_the_time_has_come() -> None:
    """Of six workers that ask at the same moment one is let in, round after round."""
    for _ in range(10):
        open_circuit()
        let_pass(16 * SECOND)
        admissions = run_together([partial(admit, "crm")] * 6)
        probes = [admission for admission in admissions if admission.is_open]
        assert [probe.is_probe for probe in probes] == [True]
        waits = [admission.wait for admission in admissions if not admission.is_open]
        assert all(wait is not None and timedelta() < wait <= 5 * SECOND for wait in waits)
        record_success("crm", probes[0])
        assert admit("crm").is_open
        assert read_budget().openings == 0


def test_one_probe_gets_in_among_claims_in_transactions() -> None:
    """The same where each asks in the transaction of its claim."""
    open_circuit()
    let_pass(16 * SECOND)
    admissions = run_together([transaction.atomic(partial(admit, "crm"))] * 6)
    assert sum(admission.is_open for admission in admissions) == 1


def test_a_claim_that_is_rolled_back_was_no_probe() -> None:
    """The next one that asks is."""
    open_circuit()
    let_pass(16 * SECOND)
    with transaction.atomic():
        assert admit("crm").is_probe
        transaction.set_rollback(True)
    assert admit("crm").is_probe


def test_a_probe_that_died_with_its_worker_is_replaced_by_one_other() -> None:
    """Nobody waits for it for ever, and again only one gets in."""
    open_circuit()
    let_pass(16 * SECOND)
    assert admit("crm").is_probe
    let_pass(89 * SECOND)
    assert not admit("crm").is_open
    let_pass(2 * SECOND)
    admissions = run_together([partial(admit, "crm")] * 6)
    assert [admission.is_probe for admission in admissions if admission.is_open] == [True]


def test_a_probe_may_take_as_long_as_a_task(settings: Settings) -> None:
    """Where a task has more time, nobody takes the probe's place before that is over."""
    settings.CELERY_TASK_TIME_LIMIT = 600
    open_circuit()
    let_pass(16 * SECOND)
    assert admit("crm").is_probe
    let_pass(600 * SECOND)
    assert not admit("crm").is_open
    let_pass(16 * SECOND)
    assert admit("crm").is_probe


def test_a_probe_that_learned_nothing_lets_the_next_one_try() -> None:
    """The circuit neither closes nor opens for longer; whoever was no probe returns nothing."""
    open_circuit()
    return_probe("crm", Admission(is_open=True))
    assert not admit("crm").is_open
    let_pass(16 * SECOND)
    probe = admit("crm")
    return_probe("crm", Admission(is_open=True))
    assert not admit("crm").is_open
    return_probe("crm", probe)
    assert admit("crm").is_probe
    assert read_budget().openings == 1


def test_a_probe_that_was_rate_limited_lets_another_try_after_the_hold() -> None:
    """The vendor answers, but has not shown that it works."""
    open_circuit()
    let_pass(16 * SECOND)
    probe = admit("crm")
    assert probe.is_probe
    record_failure("crm", SLOW_DOWN, "an effect", probe)
    assert admit("crm").reason == "Held: HubSpot answered 429."
    let_pass(31 * SECOND)
    assert admit("crm").is_probe


@pytest.mark.parametrize("error", [TemporaryFailure("HubSpot answered 503."), DENIED])
def test_what_began_before_it_opened_and_fails_beside_the_probe_changes_nothing(
    error: TemporaryFailure,
) -> None:
    """Neither does it open again, nor does another get in, and the probe closes it."""
    straggler = admit("crm")
    open_circuit()
    let_pass(16 * SECOND)
    probe = admit("crm")
    before = read_budget()
    record_failure("crm", error, "a straggler", straggler)
    assert model_to_dict(read_budget()) == model_to_dict(before)
    assert not admit("crm").is_open
    record_success("crm", probe)
    assert admit("crm").is_spotless


def test_what_began_before_it_opened_and_succeeds_beside_the_probe_closes_nothing() -> None:
    """The vendor may have answered it before it went down; the probe asks it now."""
    straggler = admit("crm")
    open_circuit()
    let_pass(16 * SECOND)
    probe = admit("crm")
    for admission in (straggler, None):
        record_success("crm", admission)
    assert not admit("crm").is_open
    fail(probe)
    assert read_budget().openings == 2


def test_rate_limit_that_meets_another_holds_and_leaves_the_probe_its_place() -> None:
    """The vendor is left alone as it asks, but after that nobody gets in beside the probe."""
    straggler = admit("crm")
    open_circuit()
    let_pass(16 * SECOND)
    probe = admit("crm")
    record_failure("crm", SLOW_DOWN, "a straggler", straggler)
    assert admit("crm").reason == "Held: HubSpot answered 429."
    let_pass(31 * SECOND)
    assert read_budget().is_probing
    assert not admit("crm").is_open
    record_success("crm", probe)
    assert admit("crm").is_spotless


def test_each_failed_probe_doubles_the_wait_up_to_ten_minutes() -> None:
    """15 s, 30 s, a minute, and so on; a success begins from the start."""
    waits = []
    open_circuit()
    for _ in range(8):
        wait = admit("crm").wait
        assert wait is not None
        waits.append(round(wait.total_seconds()))
        let_pass(wait + SECOND)
        probe = admit("crm")
        assert probe.is_probe
        fail(probe)
    assert waits == [15, 30, 60, 120, 240, 480, 600, 600]
    let_pass(601 * SECOND)
    record_success("crm", admit("crm"))
    assert admit("crm").is_spotless
    open_circuit()
    wait = admit("crm").wait
    assert wait is not None
    assert wait <= 15 * SECOND


def test_a_vendor_that_is_down_for_years_is_still_counted() -> None:
    """However often it was tried, neither the wait nor the row grows any more."""
    open_circuit()
    Budget.objects.update(openings=2_000_000)
    let_pass(16 * SECOND)
    fail(admit("crm"))
    assert read_budget().failures == 5
    wait = admit("crm").wait
    assert wait is not None
    assert wait <= timedelta(minutes=10)
