"""An effect's life: its states, its attempts, and what is kept of what went wrong."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.base import Result
from integrations.exceptions import (
    AccessDenied,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
)
from integrations.models import Budget
from tests.factories import EffectFactory
from tests.processing.integration import (
    bind_callback,
    bind_memory,
    read_memory,
)
from tests.processing.steps import claim, let_time_pass, list_attempts
from tests.workers import run_one
from webhooks.models import Effect
from webhooks.processing.claims import claim_best
from webhooks.processing.effects import (
    MOST_ATTEMPTS,
    record_verdict,
    retry_effects,
)
from webhooks.processing.verdicts import apply_effect
from webhooks.processing.work import work_off

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)
    settings.WEBHOOKS_MAX_ATTEMPTS = 3


def test_success_is_recorded_with_what_the_vendor_holds(settings: Settings) -> None:
    """The effect names the vendor's record, and its one attempt is finished."""
    bind_callback(settings, lambda _: Result("record-7", "https://crm.example.com/7"))
    effect = EffectFactory.create()
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.reason) == ("succeeded", 1, "")
    assert (effect.external_id, effect.external_url) == ("record-7", "https://crm.example.com/7")
    assert effect.finished_at is not None
    assert effect.lease is None
    assert list_attempts(effect) == [(1, "succeeded", "", "")]
    assert effect.attempts.get().finished_at is not None


def test_effect_is_run_once_for_any_number_of_hints() -> None:
    """A hint for what has succeeded calls nobody."""
    EffectFactory.create()
    for _ in range(3):
        work_off("crm")
    assert read_memory("crm").calls == 1


def test_temporary_failure_waits_and_then_succeeds() -> None:
    """It is pending again with the reason, not before its time, and then runs to its end."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(
        TemporaryFailure("Busy.", retry_after=timedelta(minutes=5)),
    )
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.reason, effect.lease) == ("pending", "Busy.", None)
    assert claim_best("crm") is None
    let_time_pass(effect)
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.reason) == ("succeeded", "")
    assert list_attempts(effect) == [
        (1, "temporary", "TemporaryFailure", "Busy."),
        (2, "succeeded", "", ""),
    ]


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(hours=24), timedelta(hours=24)),
        (timedelta(days=30), timedelta(hours=24)),
        (timedelta(days=-1), timedelta(0)),
    ],
)
def test_retry_after_is_honoured_up_to_a_day(asked: timedelta, least: timedelta) -> None:
    """The vendor's word decides when the effect is due."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(TemporaryFailure("Busy.", retry_after=asked))
    run_one(effect)
    assert Effect.objects.filter(
        pk=effect.pk,
        due_at__gte=Now() + least - timedelta(seconds=5),
        due_at__lte=Now() + least + timedelta(seconds=30),
    ).exists()


def test_last_temporary_failure_leaves_it_dead() -> None:
    """With its attempts used up an effect waits for people, and no hint runs it."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(*[TemporaryFailure(f"Busy {number}.") for number in range(9)])
    for _ in range(5):
        let_time_pass(effect)
        run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.reason) == ("dead", 3, "Busy 2.")
    assert effect.finished_at is not None
    assert read_memory("crm").calls == 3


def test_permanent_failure_is_not_tried_again() -> None:
    """It waits for people with the reason, and no hint runs it."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(PermanentFailure("No such contact."))
    for _ in range(2):
        run_one(effect)
        let_time_pass(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made) == ("failed", 1)
    assert effect.reason == "No such contact."
    assert list_attempts(effect) == [(1, "permanent", "PermanentFailure", "No such contact.")]


@pytest.mark.parametrize("state", ["failed", "dead"])
def test_retry_gives_all_attempts_anew_and_keeps_the_key(state: str) -> None:
    """A retried effect starts with the shortest back-off and counts its attempts on."""
    effect = EffectFactory.create(state=state, attempts_made=3, attempts_limit=3)
    assert retry_effects([effect.pk]) == 1
    assert retry_effects([effect.pk]) == 0
    read_memory("crm").fail_next(*[TemporaryFailure("Busy.")] * 2)
    for _ in range(3):
        let_time_pass(effect)
        run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.attempts_limit) == ("succeeded", 6, 6)
    assert [number for number, *_ in list_attempts(effect)] == [4, 5, 6]


@pytest.mark.parametrize("state", ["pending", "running", "succeeded", "skipped"])
def test_retry_leaves_alone_what_did_not_fail(state: str) -> None:
    """Only failed and dead effects are retried."""
    effect = EffectFactory.create(state=state)
    assert retry_effects([effect.pk]) == 0


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [("pending", 0, 1), ("pending", 1, 1), ("pending", 2, 2)],
)
def test_failure_sends_an_effect_behind_live_work(state: str, before: int, after: int) -> None:
    """What has failed once is a retry from then on, and a replay stays one."""
    effect = EffectFactory.create(priority=before)
    read_memory("crm").fail_next(TemporaryFailure("Busy."))
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.priority) == (state, after)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (2, 2)])
def test_what_people_retry_goes_behind_live_work(before: int, after: int) -> None:
    """A retry is one, whoever asks for it."""
    effect = EffectFactory.create(state="dead", priority=before)
    assert retry_effects([effect.pk]) == 1
    effect.refresh_from_db()
    assert effect.priority == after


@pytest.mark.parametrize("error", [RateLimited("Slow down."), AccessDenied("Wrong key.")])
def test_being_turned_away_costs_an_effect_nothing(error: TemporaryFailure) -> None:
    """It keeps its place and its number of attempts, and the attempt is there to be seen."""
    effect = EffectFactory.create(attempts_limit=1)
    for number in (1, 2, 3):
        Budget.objects.all().delete()
        let_time_pass(effect)
        read_memory("crm").fail_next(error)
        run_one(effect)
        effect.refresh_from_db()
        assert (effect.state, effect.priority, effect.reason) == ("pending", 0, str(error))
        assert (effect.attempts_made, effect.attempts_limit) == (number, number + 1)
    assert list_attempts(effect)[0] == (1, "temporary", type(error).__name__, str(error))


def test_effect_that_is_turned_away_for_ever_is_dead_at_last() -> None:
    """After a thousand attempts somebody should have a look."""
    effect = EffectFactory.create(
        attempts_made=MOST_ATTEMPTS - 1, attempts_limit=MOST_ATTEMPTS, priority=0
    )
    read_memory("crm").fail_next(RateLimited("Slow down."))
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made) == ("dead", MOST_ATTEMPTS)


def test_budget_hears_what_came_of_each_effect() -> None:
    """Temporary failures count until a success; refusals and our faults say nothing of it."""
    vendor = read_memory("crm")
    counted = []
    for error in (
        TemporaryFailure("Busy."),
        KeyError("a fault"),
        TemporaryFailure("Busy."),
        PermanentFailure("No."),
        RateLimited("Slow down."),
        None,
    ):
        Budget.objects.update(held_until=None)
        effect = EffectFactory.create()
        if error:
            vendor.fail_next(error)
        assert run_one(effect)
        Effect.objects.update(due_at=Now() + timedelta(hours=1))
        counted.append(Budget.objects.get(pk="crm").failures)
    assert counted == [1, 1, 2, 2, 2, 0]


def test_effect_that_its_vendor_always_fails_does_not_have_the_others_wait() -> None:
    """However often it is tried, the circuit counts it once, and the next effect is applied."""
    poisoned = EffectFactory.create(attempts_limit=16)
    read_memory("crm").fail_next(*[TemporaryFailure("Busy.")] * 10)
    for _ in range(10):
        Effect.objects.update(due_at=Now())
        assert run_one(poisoned)
    assert Budget.objects.get(pk="crm").failures == 1
    other = EffectFactory.create()
    assert run_one(other)
    other.refresh_from_db()
    assert other.state == "succeeded"


def test_vendor_that_wants_to_be_left_alone_is_held_for_everybody() -> None:
    """Where a backend says so itself, the next effect is not begun."""
    read_memory("crm").fail_next(RateLimited("Slow down.", retry_after=timedelta(minutes=2)))
    first, second = EffectFactory.create_batch(2)
    work_off("crm")
    assert read_memory("crm").calls == 1
    assert set(Effect.objects.values_list("state", "pk")) == {
        ("pending", first.pk),
        ("pending", second.pk),
    }
    assert Budget.objects.filter(held_until__gt=Now() + timedelta(minutes=1)).exists()


@pytest.mark.parametrize("error", [None, TemporaryFailure("Busy."), PermanentFailure("No.")])
def test_late_result_is_not_recorded_as_ours(error: Exception | None) -> None:
    """Whoever took over decides; the late worker's outcome is told beside its lost attempt."""
    effect = EffectFactory.create()
    late = claim(effect)
    let_time_pass(effect)
    current = claim(effect)
    if error:
        read_memory("crm").fail_next(error)
    assert record_verdict(late, apply_effect(late.effect)) is False
    effect.refresh_from_db()
    assert (effect.state, effect.lease) == ("running", current.lease)
    number, outcome, _, words = list_attempts(effect)[0]
    assert (number, outcome) == (1, "lost")
    assert words.startswith("The worker came back late, with: ")
    assert record_verdict(current, apply_effect(current.effect)) is True
    effect.refresh_from_db()
    assert effect.state == "succeeded"


def test_result_after_the_lease_that_nobody_took_over_counts() -> None:
    """Where the effect is still the worker's own, its work is not done twice."""
    effect = EffectFactory.create()
    claimed = claim(effect)
    let_time_pass(effect)
    assert record_verdict(claimed, apply_effect(claimed.effect)) is True
    assert claim_best("crm") is None


def test_late_result_does_not_revive_what_people_retried() -> None:
    """A result from before a retry is not the retried effect's."""
    effect = EffectFactory.create(attempts_limit=1)
    late = claim(effect)
    let_time_pass(effect)
    assert claim_best("crm") is None
    assert retry_effects([effect.pk]) == 1
    assert record_verdict(late, apply_effect(late.effect)) is False
    effect.refresh_from_db()
    assert effect.state == "pending"
