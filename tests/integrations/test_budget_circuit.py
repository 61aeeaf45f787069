"""The circuit, holds, and who gets in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from integrations.budget import (
    Admission,
    OutOfSlots,
    admit,
    hold,
    record_failure,
    record_success,
    take_slot,
)
from integrations.exceptions import AccessDenied, RateLimited, TemporaryFailure
from integrations.models import Budget
from integrations.rates import Rate
from tests.integrations.budgets import let_pass, read_budget
from tests.processing.logs import read_log
from tests.together import run_together

pytestmark = pytest.mark.usefixtures("own_database")

DOWN = TemporaryFailure("HubSpot answered 503.")
DENIED = AccessDenied("HubSpot rejected our key.")
SECOND = timedelta(seconds=1)


def fail(times: int = 1, admission: Admission | None = None) -> None:
    """Have that many effects fail for now that have not failed before."""
    for _ in range(times):
        record_failure("crm", DOWN, str(uuid4()), admission)


def open_circuit() -> None:
    """Have the circuit open for its first time."""
    fail(5)


@pytest.fixture
def queries() -> Iterator[CaptureQueriesContext]:
    """Collect the statements of this test's own connection."""
    with CaptureQueriesContext(connection) as queries:
        yield queries


def test_without_a_row_everybody_gets_in_by_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """An integration that never had trouble needs no row."""
    with django_assert_num_queries(1):
        assert admit("crm") == Admission(is_open=True)
    assert not Budget.objects.exists()


def test_with_a_row_everybody_gets_in_by_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """One SELECT is all that the happy path costs, before a success and after it."""
    fail()
    record_success("crm")
    with django_assert_num_queries(1):
        admission = admit("crm")
        record_success("crm", admission)
    assert admission.is_open
    assert admission.is_spotless


def test_a_success_with_nothing_to_mend_writes_nothing(queries: CaptureQueriesContext) -> None:
    """Neither a row is made nor one changed."""
    record_success("crm")
    assert not Budget.objects.exists()
    fail()
    record_success("crm")
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin FROM integrations_budget")
        before = cursor.fetchone()
        record_success("crm")
        cursor.execute("SELECT xmin FROM integrations_budget")
        assert cursor.fetchone() == before
    assert len(queries) > 0


def test_five_different_effects_that_fail_in_a_row_open_the_circuit() -> None:
    """Four do not; the fifth does, for 15 seconds and with the vendor's own message."""
    fail(4)
    assert admit("crm").is_open
    fail()
    admission = admit("crm")
    assert not admission.is_open
    assert admission.wait is not None
    assert timedelta(seconds=10) < admission.wait <= timedelta(seconds=15)
    assert "HubSpot answered 503." in admission.reason


def test_failures_are_in_a_row_only_without_a_success_between() -> None:
    """Four, a success and four more leave it closed."""
    fail(4)
    record_success("crm", admit("crm"))
    fail(4)
    assert admit("crm").is_open
    assert read_budget().failures == 4


def test_one_effect_that_fails_again_and_again_leaves_it_closed() -> None:
    """The others go on, and one of them failing now and then is still only one more."""
    for _ in range(20):
        record_failure("crm", DOWN, "the poisoned one")
    assert admit("crm").is_open
    assert read_budget().failures == 1
    fail(3)
    record_failure("crm", DOWN, "the poisoned one")
    assert admit("crm").is_open
    fail()
    assert not admit("crm").is_open


def test_an_effect_that_failed_before_a_success_counts_again() -> None:
    """It fails in another row then, which may be the beginning of an outage."""
    record_failure("crm", DOWN, "a")
    record_success("crm", admit("crm"))
    assert read_budget().failures == 0
    record_failure("crm", DOWN, "a")
    assert read_budget().failures == 1


def test_the_same_effect_as_the_probe_opens_it_again() -> None:
    """Whoever tries whether the vendor works has shown that it does not."""
    for key in "abcde":
        record_failure("crm", DOWN, key)
    let_pass(16 * SECOND)
    record_failure("crm", DOWN, "e", admit("crm"))
    assert not admit("crm").is_open
    assert (read_budget().openings, read_budget().failures) == (2, 5)


def test_failures_at_the_same_time_are_all_counted() -> None:
    """None overwrites another, the first included, which makes the row."""
    run_together([fail] * 4)
    assert read_budget().failures == 4


def test_access_denied_opens_it_at_once() -> None:
    """No other effect would fare better with that key."""
    record_failure("crm", DENIED, "an effect")
    assert not admit("crm").is_open
    assert "rejected our key" in admit("crm").reason


def test_rate_limited_holds_and_does_not_count() -> None:
    """However often the vendor has had enough, it works."""
    for _ in range(9):
        record_failure(
            "crm", RateLimited("HubSpot answered 429.", retry_after=60 * SECOND), "an effect"
        )
    assert (read_budget().failures, read_budget().open_until) == (0, None)
    admission = admit("crm")
    assert not admission.is_open
    assert admission.wait is not None
    assert 55 * SECOND < admission.wait <= 60 * SECOND
    let_pass(61 * SECOND)
    assert admit("crm").is_open


def test_rate_limited_without_a_time_holds_for_a_moment() -> None:
    """A vendor need not say for how long."""
    record_failure("crm", RateLimited("HubSpot answered 429."), "an effect")
    wait = admit("crm").wait
    assert wait is not None
    assert timedelta() < wait <= 5 * SECOND


def test_out_of_slots_holds_nobody() -> None:
    """The vendor was not asked, so it has not asked to be left alone."""
    record_failure("crm", OutOfSlots("No room.", retry_after=60 * SECOND), "an effect")
    assert admit("crm").is_open


def test_no_effect_begins_while_the_next_slot_is_far_away() -> None:
    """It would only take its place before a more urgent one; others wait no longer than needed."""
    take_slot("crm", Rate.parse("1/m"))
    admission = admit("crm")
    assert not admission.is_open
    assert admission.wait is not None
    assert 60 * SECOND < admission.wait < 65 * SECOND
    let_pass(admission.wait)
    assert admit("crm").is_open


def test_other_integrations_are_not_affected() -> None:
    """One vendor's circuit, hold and slots are its own."""
    open_circuit()
    hold("usage", 60 * SECOND, "Stripe answered 429.")
    take_slot("tasks", Rate.parse("1/m"))
    assert [admit(alias).is_open for alias in ("crm", "usage", "tasks", "tickets")] == [
        False,
        False,
        False,
        True,
    ]


def test_a_longer_hold_stays() -> None:
    """A shorter one that comes later does not end it, and no hold has no end."""
    hold("crm", timedelta(days=900), "The day's limit is used up.")
    hold("crm", SECOND, "HubSpot answered 429.")
    hold("crm", -SECOND, "HubSpot answered 429.")
    admission = admit("crm")
    assert admission.reason == "Held: The day's limit is used up."
    assert admission.wait is not None
    assert timedelta(hours=23) < admission.wait <= timedelta(hours=24)


def test_what_began_before_it_opened_neither_closes_nor_prolongs_it() -> None:
    """Late answers of a vendor that went down say little about it now."""
    before = admit("crm")
    fail(4)
    other = admit("crm")
    fail()
    open_until = read_budget().open_until
    fail(3)
    record_failure("crm", DENIED, "an effect")
    for admission in (before, other, None):
        record_success("crm", admission)
    assert read_budget().open_until == open_until
    assert read_budget().openings == 1


@pytest.mark.parametrize("year", [2001, 2060])
def test_a_wrong_clock_in_a_process_changes_nothing(year: int) -> None:
    """Neither does the circuit open early or stay open, nor a hold end."""
    open_circuit()
    hold("tickets", 60 * SECOND, "Zendesk answered 429.")
    with time_machine.travel(datetime(year, 1, 1, tzinfo=UTC)):
        assert not admit("crm").is_open
        assert not admit("tickets").is_open
        let_pass(16 * SECOND)
        probe = admit("crm")
        assert probe.is_probe
        assert not admit("crm").is_open
        fail(admission=probe)
        wait = admit("crm").wait
        assert wait is not None
        assert 25 * SECOND < wait <= 30 * SECOND


def test_the_circuit_is_told_in_the_log() -> None:
    """Each time that it opens or closes, once, with the integration's name."""
    with read_log() as log:
        open_circuit()
        fail()
        let_pass(16 * SECOND)
        record_success("crm", admit("crm"))
        record_success("crm", admit("crm"))
        hold("crm", 60 * SECOND, "HubSpot answered 429.")
        hold("crm", 10 * SECOND, "HubSpot answered 429.")
    lines = log.getvalue().splitlines()
    events = ("circuit_opened", "circuit_closed", "integration_held")
    assert [sum(f'"{event}"' in line for line in lines) for event in events] == [1, 1, 1]
    assert all('"integration":"crm"' in line for line in lines)


def test_any_message_can_be_stored() -> None:
    """Neither its length nor a character that Postgres refuses costs the failure."""
    record_failure("crm", AccessDenied("No.\x00\ud800" + "x" * 9000), "an effect")
    hold("crm", SECOND, "No.\x00" + "x" * 9000)
    assert len(read_budget().failure_reason) == len(read_budget().held_reason) == 500
