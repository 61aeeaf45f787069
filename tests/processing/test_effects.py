"""An effect's life: its states, its attempts, and what is kept of what went wrong."""

from datetime import timedelta

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries, Settings

from integrations.base import Request, Result
from integrations.exceptions import PermanentFailure, TemporaryFailure
from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.processing.integration import (
    bind_callback,
    bind_memory,
    read_memory,
)
from tests.processing.logs import read_log
from webhooks.models import Effect
from webhooks.processing.effects import (
    Claim,
    apply_effect,
    claim_effect,
    record_verdict,
    retry_effects,
    run_effect,
)

pytestmark = pytest.mark.django_db

SECRET = "+12025550123 said the password"


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)
    settings.WEBHOOKS_MAX_ATTEMPTS = 3


def let_time_pass(effect: Effect) -> None:
    """Let the back-off or the lease of the effect end, as time does."""
    past = Now() - timedelta(seconds=1)
    Effect.objects.filter(pk=effect.pk).update(due_at=past, sweep_at=past)


def list_attempts(effect: Effect) -> list[tuple[int, str, str, str]]:
    """Return number, outcome, class and words of the effect's attempts."""
    rows = effect.attempts.order_by("number")
    return list(rows.values_list("number", "outcome", "error_class", "error"))


def claim(effect: Effect) -> Claim:
    """Claim the effect, which must be possible."""
    claimed = claim_effect(effect.pk)
    assert claimed is not None
    return claimed


def test_success_is_recorded_with_what_the_vendor_holds(settings: Settings) -> None:
    """The effect names the vendor's record, and its one attempt is finished."""
    bind_callback(settings, lambda _: Result("record-7", "https://crm.example.com/7"))
    effect = EffectFactory.create()
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.reason) == ("succeeded", 1, "")
    assert (effect.external_id, effect.external_url) == ("record-7", "https://crm.example.com/7")
    assert effect.finished_at is not None
    assert effect.lease is None
    assert list_attempts(effect) == [(1, "succeeded", "", "")]
    assert effect.attempts.get().finished_at is not None


def test_effect_is_run_once_for_any_number_of_hints() -> None:
    """A hint for what has succeeded calls nobody."""
    effect = EffectFactory.create()
    for _ in range(3):
        run_effect(effect.pk)
    assert read_memory("crm").calls == 1
    assert run_effect(0) == []


def test_temporary_failure_waits_and_then_succeeds() -> None:
    """It is pending again with the reason, not before its time, and then runs to its end."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(
        TemporaryFailure("Busy.", retry_after=timedelta(minutes=5)),
    )
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert (effect.state, effect.reason, effect.lease) == ("pending", "Busy.", None)
    assert claim_effect(effect.pk) is None
    let_time_pass(effect)
    run_effect(effect.pk)
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
    """The vendor's word decides when the effect is due, and the sweep keeps to it."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(TemporaryFailure("Busy.", retry_after=asked))
    run_effect(effect.pk)
    assert Effect.objects.filter(
        pk=effect.pk,
        due_at__gte=Now() + least - timedelta(seconds=5),
        due_at__lte=Now() + least + timedelta(seconds=30),
        sweep_at=F("due_at"),
    ).exists()


def test_last_temporary_failure_leaves_it_dead() -> None:
    """With its attempts used up an effect waits for people, and no hint runs it."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(*[TemporaryFailure(f"Busy {number}.") for number in range(9)])
    for _ in range(5):
        let_time_pass(effect)
        run_effect(effect.pk)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.reason) == ("dead", 3, "Busy 2.")
    assert effect.finished_at is not None
    assert read_memory("crm").calls == 3


def test_permanent_failure_is_not_tried_again() -> None:
    """It waits for people with the reason, and no hint runs it."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(PermanentFailure("No such contact."))
    for _ in range(2):
        run_effect(effect.pk)
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
        run_effect(effect.pk)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made, effect.attempts_limit) == ("succeeded", 6, 6)
    assert [number for number, *_ in list_attempts(effect)] == [4, 5, 6]


@pytest.mark.parametrize("state", ["pending", "running", "succeeded", "skipped"])
def test_retry_leaves_alone_what_did_not_fail(state: str) -> None:
    """Only failed and dead effects are retried."""
    effect = EffectFactory.create(state=state)
    assert retry_effects([effect.pk]) == 0


def test_unexpected_error_is_kept_by_its_class_alone(settings: Settings) -> None:
    """What an unknown exception says may be payload: it is in no row and in no log line."""

    def fail(_: Request) -> None:
        raise KeyError(SECRET) from ValueError(SECRET)

    bind_callback(settings, fail)
    effect = EffectFactory.create()
    with read_log() as log:
        run_effect(effect.pk)
    effect.refresh_from_db()
    assert effect.state == "pending"
    ((_, outcome, error_class, words),) = list_attempts(effect)
    assert (outcome, error_class) == ("temporary", "KeyError")
    logged = log.getvalue()
    assert "unexpected_error" in logged
    assert "KeyError" in logged
    for text in (words, effect.reason, logged):
        assert "password" not in text
        assert "12025550123" not in text


def test_request_that_cannot_be_read_fails_by_name(settings: Settings) -> None:
    """A frozen request of another shape is a permanent failure that does not quote it."""
    bind_callback(settings, lambda _: None)
    effect = EffectFactory.create(integration="tickets", request={"subject": SECRET})
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert effect.state == "failed"
    assert SECRET not in effect.reason


def test_slow_integration_is_a_temporary_failure(settings: Settings) -> None:
    """Celery's soft time limit ends the call, and the effect is tried again."""

    def be_slow(_: Request) -> None:
        raise SoftTimeLimitExceeded

    bind_callback(settings, be_slow)
    effect = EffectFactory.create()
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert effect.state == "pending"
    assert list_attempts(effect)[0][1:] == (
        "temporary",
        "TimeLimit",
        "The integration took longer than 60 s.",
    )


def test_vendor_may_say_what_postgres_cannot_hold(settings: Settings) -> None:
    """A NUL or half a surrogate pair in a vendor's words does not lose the outcome."""
    odd = "a\0b\ud83d"
    effect, other = EffectFactory.create(), EffectFactory.create()
    read_memory("crm").fail_next(TemporaryFailure(odd))
    run_effect(effect.pk)
    bind_callback(settings, lambda _: Result(odd * 200, odd * 200))
    run_effect(other.pk)
    assert [*Effect.objects.order_by("pk").values_list("state", flat=True)] == [
        "pending",
        "succeeded",
    ]


def test_overlong_words_are_cut() -> None:
    """A vendor that says a lot does not lose the outcome."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(PermanentFailure("x" * 10_000))
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert effect.reason == "x" * 500


def test_running_effect_is_nobody_elses_until_its_lease_ends(settings: Settings) -> None:
    """A claim is respected for a lease, then another worker takes over and the attempt is lost."""
    effect = EffectFactory.create()
    first = claim(effect)
    assert claim_effect(effect.pk) is None
    lease = settings.WEBHOOKS_LEASE
    assert Effect.objects.filter(due_at__gt=Now() + lease * 0.9, sweep_at=F("due_at")).exists()
    let_time_pass(effect)
    second = claim(effect)
    assert second.lease != first.lease
    assert list_attempts(effect) == [
        (1, "lost", "", "The worker did not come back within its lease."),
        (2, "running", "", ""),
    ]


def test_effect_whose_workers_all_die_is_dead(settings: Settings) -> None:
    """A lost attempt counts: what kills its workers does not do so for ever."""
    bind_callback(settings, lambda _: pytest.fail("no attempt was left"))
    effect = EffectFactory.create()
    for _ in range(3):
        claim(effect)
        let_time_pass(effect)
    run_effect(effect.pk)
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made) == ("dead", 3)
    assert effect.reason == "The worker did not come back within its lease."
    assert {outcome for _, outcome, _, _ in list_attempts(effect)} == {"lost"}


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
    assert claim_effect(effect.pk) is None


def test_late_result_does_not_revive_what_people_retried() -> None:
    """A result from before a retry is not the retried effect's."""
    effect = EffectFactory.create(attempts_limit=1)
    late = claim(effect)
    let_time_pass(effect)
    assert claim_effect(effect.pk) is None
    assert retry_effects([effect.pk]) == 1
    assert record_verdict(late, apply_effect(late.effect)) is False
    effect.refresh_from_db()
    assert effect.state == "pending"


def test_updates_of_a_conversation_take_turns() -> None:
    """While one CRM effect runs, the next one waits and is handed over afterwards."""
    conversation = ConversationFactory.create()
    first, second, third = EffectFactory.create_batch(3, conversation=conversation)
    other = EffectFactory.create()
    claimed = claim(first)
    assert claim_effect(second.pk) is None
    assert claim_effect(other.pk) is not None
    record_verdict(claimed, apply_effect(claimed.effect))
    assert run_effect(second.pk) == [third.pk]
    assert run_effect(third.pk) == []


def test_failed_update_lets_the_next_one_go() -> None:
    """The turn is passed on whatever came of the effect."""
    conversation = ConversationFactory.create()
    first, second = EffectFactory.create_batch(2, conversation=conversation)
    read_memory("crm").fail_next(
        TemporaryFailure("Busy.", retry_after=timedelta(hours=1)),
    )
    assert run_effect(first.pk) == [second.pk]


def test_update_whose_worker_died_holds_up_the_others_for_its_lease_only() -> None:
    """A lease that has ended is no reason to wait."""
    conversation = ConversationFactory.create()
    first, second = EffectFactory.create_batch(2, conversation=conversation)
    claim(first)
    let_time_pass(first)
    assert claim_effect(second.pk) is not None


def test_creations_of_a_conversation_do_not_wait_for_each_other() -> None:
    """What is created once has a key of its own and needs no turn."""
    conversation = ConversationFactory.create()
    for effect in EffectFactory.create_batch(2, conversation=conversation, integration="tasks"):
        assert claim_effect(effect.pk) is not None


def test_claim_does_not_load_the_body(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A body of megabytes is not fetched again for each effect."""
    effect = EffectFactory.create(integration="usage", event=EventFactory.create())
    claimed = claim(effect)
    with django_assert_num_queries(0):
        assert claimed.effect.event.created
    assert "body" in claimed.effect.event.get_deferred_fields()


def test_attempt_is_logged_in_one_line() -> None:
    """A finished attempt has a line with what operations staff look for."""
    effect = EffectFactory.create()
    with read_log() as log:
        run_effect(effect.pk)
    (line,) = log.getvalue().strip().splitlines()
    for word in (effect.idempotency_key, str(effect.event.event_id), '"succeeded"', '"crm"'):
        assert word in line
