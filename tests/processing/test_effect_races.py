"""Claims, results, people and planning at one effect at the same moment, on several connections.

Orders of whole transactions are the model's (`tests.processing.model`); here they overlap.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from integrations.base import Result
from tests.contracts.requests import make_usage_record
from tests.factories import EffectFactory, SourceFactory
from tests.processing.integration import bind_memory
from tests.processing.steps import claim, let_time_pass, list_attempts
from tests.processing.stories import (
    ANALYSED,
    ANALYSIS,
    STARTED,
    Telling,
    process,
    store,
    tell_whole,
)
from tests.together import run_together
from webhooks.models import Attempt, Effect, Event, Replay
from webhooks.operations.closing import close_effects
from webhooks.operations.replay import restart_events
from webhooks.operations.retry import restart_effects
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.effects import record_verdict
from webhooks.processing.planning import PARTY_UNKNOWN
from webhooks.processing.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("own_database")

T = TypeVar("T")

ROUNDS = 15
APPLIED = Verdict(Attempt.Outcome.SUCCEEDED, result=Result("record-1"))
REFUSED = Verdict(Attempt.Outcome.PERMANENT, error_class="PermanentFailure", error="No.")


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


def plant(**columns: object) -> Effect:
    """Return a usage record that is owed."""
    request = make_usage_record(idempotency_key="key").to_json()
    return EffectFactory.create(integration="usage", request=request, **columns)


def race(*calls: Callable[[], Any]) -> list[Any]:
    """Call all at the same moment, and return what each returns."""
    return run_together(calls)


def make_record() -> Replay:
    """Return the record of what a person asked for."""
    return Replay.objects.create(reason="a test", requested_from="a test", selection={})


def start(pool: ThreadPoolExecutor, call: Callable[[], T]) -> "Future[T]":
    """Call from another thread, whose connection ends with it."""

    def run() -> T:
        try:
            return call()
        finally:
            connections.close_all()

    return pool.submit(run)


def test_late_result_and_next_claim_cannot_both_have_the_effect() -> None:
    """At the lease's end either the result is recorded or another worker has it, never both."""
    for _ in range(ROUNDS):
        effect = plant()
        late = claim(effect)
        let_time_pass(effect)
        recorded, taken = race(partial(record_verdict, late, APPLIED), lambda: claim_best("usage"))
        assert recorded is not isinstance(taken, Claim)
        effect.refresh_from_db()
        outcomes = [outcome for _, outcome, _, _ in list_attempts(effect)]
        if recorded:
            assert (effect.state, outcomes) == ("succeeded", ["succeeded"])
        else:
            assert (effect.state, outcomes) == ("running", ["lost", "running"])
        Effect.objects.all().delete()


def test_late_result_and_burial_agree() -> None:
    """At the end of the last lease one of both decides, and the attempt says the same."""
    for _ in range(ROUNDS):
        effect = plant(attempts_limit=1)
        late = claim(effect)
        let_time_pass(effect)
        recorded, taken = race(partial(record_verdict, late, APPLIED), lambda: claim_best("usage"))
        assert taken is None
        effect.refresh_from_db()
        ((_, outcome, _, _),) = list_attempts(effect)
        expected = ("succeeded", "succeeded") if recorded else ("dead", "lost")
        assert (effect.state, outcome) == expected
        Effect.objects.all().delete()


def test_result_that_is_told_twice_at_once_is_recorded_once() -> None:
    """Who repeats the transaction while the first is still under way learns that it is done."""
    for _ in range(ROUNDS):
        effect = plant()
        claimed = claim(effect)
        assert race(*[partial(record_verdict, claimed, APPLIED)] * 2) == [True, True]
        effect.refresh_from_db()
        assert effect.state == "succeeded"
        assert [outcome for _, outcome, _, _ in list_attempts(effect)] == ["succeeded"]


def test_retry_beside_claims_gives_the_effect_to_one_worker() -> None:
    """People who revive an effect at which workers look already do not have it run twice."""
    for _ in range(ROUNDS):
        effect = plant(state="dead", attempts_limit=1)
        row = make_record()
        look = partial(claim_best, "usage")
        retried, *taken = race(partial(restart_effects, row, [effect.pk]), look, look)
        assert retried == {"usage": 1}
        claims = [found for found in taken if isinstance(found, Claim)]
        assert len(claims) <= 1
        effect.refresh_from_db()
        assert (effect.state, effect.attempts_made) == (
            ("running", 1) if claims else ("pending", 0)
        )
        Effect.objects.all().delete()


def test_retry_beside_a_late_result_stands() -> None:
    """What a lost worker brings is nobody's any more, just before a retry and just after it."""
    for _ in range(ROUNDS):
        effect = plant(attempts_limit=1)
        late = claim(effect)
        let_time_pass(effect)
        assert claim_best("usage") is None
        recorded, retried = race(
            partial(record_verdict, late, APPLIED),
            partial(restart_effects, make_record(), [effect.pk]),
        )
        assert (recorded, retried) == (False, {"usage": 1})
        effect.refresh_from_db()
        assert (effect.state, effect.lease) == ("pending", None)
        Effect.objects.all().delete()


def test_people_who_retry_the_same_effects_at_once_retry_each_once() -> None:
    """In whichever order they name them: they wait for each other, and never in a circle."""
    effects = [plant(state="failed") for _ in range(30)]
    for _ in range(5):
        keys = [effect.pk for effect in effects]
        retried = race(
            partial(restart_effects, make_record(), keys),
            partial(restart_effects, make_record(), keys[::-1]),
        )
        assert sum(counter.total() for counter in retried) == 30
        assert set(Effect.objects.values_list("state", flat=True)) == {"pending"}
        Effect.objects.update(state="failed")


def test_retry_beside_a_closing_wins() -> None:
    """Somebody closes what somebody else has tried again: nothing that runs is closed."""
    for _ in range(ROUNDS):
        effect = plant(state="dead")
        race(
            partial(restart_effects, make_record(), [effect.pk]),
            partial(close_effects, make_record(), [effect.pk]),
        )
        effect.refresh_from_db()
        assert effect.state == "pending"


def test_replay_beside_a_result_loses_neither() -> None:
    """The attempt has its end; the effect has failed, or was revived after that."""
    for _ in range(ROUNDS):
        effect = plant()
        Event.objects.update(status="processed")
        claimed = claim(effect)
        own = Event.objects.filter(pk=effect.event_id)
        recorded, _ = race(
            partial(record_verdict, claimed, REFUSED),
            partial(restart_events, make_record(), own, set()),
        )
        assert recorded is True
        effect.refresh_from_db()
        assert effect.state in ("failed", "pending")
        assert (effect.finished_at is None) == (effect.state == "pending")
        assert [outcome for _, outcome, _, _ in list_attempts(effect)] == ["permanent"]
        Effect.objects.all().delete()
        Event.objects.all().delete()


def plan_too_early() -> tuple[Effect, Event]:
    """Return a follow-up that has waited long enough to be settled, and the event to settle it."""
    source = SourceFactory.create()
    analysis, started = store(
        [Telling(ANALYSED, ANALYSIS), Telling(STARTED, tell_whole()[0].data)], source, "call"
    )
    process(analysis)
    effect = Effect.objects.filter(integration="tasks", reason=PARTY_UNKNOWN).earliest("pk")
    Effect.objects.exclude(pk=effect.pk).delete()
    let_time_pass(effect)
    return effect, started


def test_planning_waits_for_a_claim_and_then_leaves_its_effect_alone() -> None:
    """What was claimed while its question was being settled is neither deleted nor planned anew."""
    effect, started = plan_too_early()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            claimed = claim(effect)
            planning = start(pool, partial(process, started))
            with pytest.raises(TimeoutError):
                planning.result(0.5)
        planning.result(10)
    started.refresh_from_db()
    assert started.status == "processed"
    key = effect.idempotency_key
    assert Effect.objects.get(idempotency_key=key, lease=claimed.lease).state == "running"
    assert record_verdict(claimed, APPLIED)


def test_claim_passes_over_what_is_being_settled() -> None:
    """It waits for nobody, and what it gets afterwards says whom the conversation was with."""
    effect, started = plan_too_early()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            process(started)
            assert start(pool, lambda: claim_best("tasks")).result(5) is None
        claimed = claim_best("tasks")
    assert isinstance(claimed, Claim)
    assert not Effect.objects.filter(pk=effect.pk).exists()
    assert claimed.effect.idempotency_key in Effect.objects.filter(
        integration="tasks", state="running"
    ).values_list("idempotency_key", flat=True)
    assert "+12025550123" in str(claimed.effect.request)
