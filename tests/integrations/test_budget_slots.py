"""Slots: the turn of each request, and what moves it."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from integrations.budget import OutOfSlots, hold, slots, take_slot
from integrations.exceptions import RateLimited
from integrations.models import Budget
from integrations.rates import Rate
from tests.fakes.log import count_most
from tests.integrations.budgets import read_budget, read_clock, start_taking
from tests.together import run_together

pytestmark = pytest.mark.usefixtures("own_database")

MINUTELY = Rate.parse("1/m")


def take_and_tell(number: int, rate: Rate) -> list[float]:
    """Take that many slots and return when each was there."""
    moments = []
    for _ in range(number):
        take_slot("crm", rate)
        moments.append(time.monotonic())
    return moments


def test_processes_and_threads_together_keep_to_the_rate(own_database: str) -> None:
    """In no second do two processes and two threads have more than forty slots, nor lose any.

    36 slots are given in a second; each of the four may come late with one that it had before.
    """
    processes = [start_taking(own_database, "40/s", 40) for _ in range(2)]
    own = run_together([partial(take_and_tell, 40, Rate.parse("40/s"))] * 2)
    moments = [moment for taken in own for moment in taken]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        moments += map(float, out.split())
    assert len(moments) == 160
    assert count_most(moments, timedelta(seconds=1)) <= 40


def test_slots_are_evenly_spaced() -> None:
    """Four threads at once get four slots, each a spacing after the one before."""
    rate = Rate.parse("10/s")
    begun = read_clock()
    run_together([partial(take_slot, "crm", rate)] * 4)
    next_slot = read_budget().next_slot_at
    assert next_slot is not None
    length = (next_slot - datetime.fromtimestamp(0, UTC)) - begun
    assert length >= 4 * rate.spacing
    assert read_clock() - begun >= 3 * rate.spacing


def test_first_slot_makes_the_row_and_is_there_at_once() -> None:
    """Of several that come first together each gets a slot of its own."""
    run_together([partial(take_slot, "crm", Rate.parse("100/s"))] * 6)
    assert Budget.objects.get().alias == "crm"


def test_a_slot_is_one_statement() -> None:
    """Where the row is there and nobody has to wait, a slot costs one UPDATE."""
    rate = Rate.parse("1000000/s")
    take_slot("crm", rate)
    with CaptureQueriesContext(connection) as queries:
        take_slot("crm", rate)
    assert [query["sql"].split()[0] for query in queries] == ["UPDATE"]


def test_without_a_rate_a_slot_is_one_look() -> None:
    """An integration that has no limit writes nothing, and asks for nothing but a hold."""
    with CaptureQueriesContext(connection) as queries:
        take_slot("crm", None)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]
    assert not Budget.objects.exists()


def test_a_hold_counts_without_a_rate() -> None:
    """A short one is waited for, a long one is told; an effect that is under way stops there."""
    hold("crm", timedelta(seconds=0.5), "Too many.")
    held_until = read_budget().held_until
    take_slot("crm", None)
    assert held_until is not None
    assert read_clock() >= held_until - datetime.fromtimestamp(0, UTC)
    hold("crm", timedelta(minutes=5), "Too many.")
    take_slot("tickets", None)
    with pytest.raises(OutOfSlots, match=r"^Held: Too many\.$") as refusal:
        take_slot("crm", None)
    assert refusal.value.retry_after is not None
    assert timedelta(minutes=4) < refusal.value.retry_after <= timedelta(minutes=5)


def test_a_slot_too_far_away_is_refused_and_not_taken() -> None:
    """Whoever would have to wait for a minute is told so, and does not move the next one on."""
    take_slot("crm", MINUTELY)
    next_slot = read_budget().next_slot_at
    for _ in range(3):
        with pytest.raises(OutOfSlots) as refusal:
            take_slot("crm", MINUTELY)
        assert refusal.value.retry_after is not None
        assert timedelta(seconds=50) < refusal.value.retry_after <= MINUTELY.spacing
    assert read_budget().next_slot_at == next_slot
    assert issubclass(OutOfSlots, RateLimited)


def test_integrations_do_not_wait_for_each_other() -> None:
    """Each has slots of its own."""
    take_slot("crm", MINUTELY)
    take_slot("tickets", MINUTELY)
    with pytest.raises(OutOfSlots):
        take_slot("crm", MINUTELY)


@pytest.mark.parametrize("rate", [MINUTELY, None])
def test_inside_a_transaction_it_is_refused(rate: Rate | None) -> None:
    """To sleep with locks and a connection in hand is a trap, so it raises and takes nothing."""
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        take_slot("crm", rate)
    assert not Budget.objects.exists()


def test_no_slot_is_given_during_a_hold() -> None:
    """A short hold is waited for, a long one is told."""
    hold("crm", timedelta(seconds=0.5), "Too many.")
    held_until = read_budget().held_until
    take_slot("crm", Rate.parse("100/s"))
    assert held_until is not None
    assert read_clock() >= held_until - datetime.fromtimestamp(0, UTC)
    hold("crm", timedelta(minutes=5), "Too many.")
    with pytest.raises(OutOfSlots, match=r"^Held: Too many\.$") as refusal:
        take_slot("crm", Rate.parse("100/s"))
    assert refusal.value.retry_after is not None
    assert timedelta(minutes=4) < refusal.value.retry_after <= timedelta(minutes=5)


def test_a_hold_counts_for_slots_that_were_given_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever is asleep when the vendor asks to be left alone does not send on waking."""
    rate = Rate.parse("1/s")
    take_slot("crm", rate)
    reserve = slots._reserve  # noqa: SLF001 -- to do something at the right moment

    def reserve_and_be_overtaken(*args: object) -> timedelta:
        wait = reserve(*args)  # type: ignore[arg-type]
        with ThreadPoolExecutor(1) as pool:
            calls = [partial(hold, "crm", timedelta(minutes=5), "Too many.")]
            pool.submit(run_together, calls).result()
        return wait

    monkeypatch.setattr(slots, "_reserve", reserve_and_be_overtaken)
    with pytest.raises(OutOfSlots):
        take_slot("crm", rate)


@pytest.mark.parametrize("year", [2001, 2060])
def test_a_wrong_clock_in_a_process_changes_nothing(year: int) -> None:
    """Slots follow the database's time, wherever the process believes to be."""
    with time_machine.travel(datetime(year, 1, 1, tzinfo=UTC)):
        take_slot("crm", MINUTELY)
        with pytest.raises(OutOfSlots):
            take_slot("crm", MINUTELY)
        hold("tickets", timedelta(minutes=1), "Too many.")
        with pytest.raises(OutOfSlots):
            take_slot("tickets", Rate.parse("100/s"))
    next_slot = read_budget().next_slot_at
    assert next_slot is not None
    away = (next_slot - datetime.fromtimestamp(0, UTC)) - read_clock()
    assert timedelta(seconds=50) < away <= MINUTELY.spacing
