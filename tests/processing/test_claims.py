"""A worker gets the best effect that is due, nobody else gets the same, and the budget decides."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries, Settings

from integrations.base import Alias
from integrations.budget import hold, pause, record_failure, resume
from integrations.exceptions import AccessDenied, PermanentFailure, TemporaryFailure
from integrations.models import Budget
from tests.factories import ConversationFactory, EffectFactory, EventFactory
from tests.integrations.budgets import let_pass
from tests.processing.integration import bind_callback, bind_memory, read_memory
from tests.processing.steps import claim, let_time_pass, list_attempts
from tests.workers import run_due, run_one
from webhooks.models import Attempt, Effect
from webhooks.processing.candidates import Turn
from webhooks.processing.claims import Claim, Refusal, claim_best, take
from webhooks.processing.effects import record_verdict, run_effect
from webhooks.processing.verdicts import apply_effect

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
LIVE, RETRY, REPLAY = Effect.Priority


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)
    settings.WEBHOOKS_MAX_ATTEMPTS = 3


def list_claims() -> list[int]:
    """Claim until nothing is left, and return the effects in the order in which they came."""
    claimed = []
    while isinstance(found := claim_best("crm"), Claim):
        claimed.append(found.effect.pk)
    return claimed


def test_live_work_goes_before_retries_and_these_before_replays() -> None:
    """Whatever has been due for longer; of equals the longest due comes first, then the eldest."""
    long_ago = Now() - timedelta(hours=1)
    replay = EffectFactory.create(priority=REPLAY, due_at=long_ago)
    retry = EffectFactory.create(priority=RETRY, due_at=long_ago)
    live, later = EffectFactory.create_batch(2)
    Effect.objects.filter(pk__in=(live.pk, later.pk)).update(due_at=Now() - SECOND)
    earlier = EffectFactory.create(due_at=Now() - 2 * SECOND)
    EffectFactory.create(due_at=Now() + timedelta(minutes=1))
    assert list_claims() == [effect.pk for effect in (earlier, live, later, retry, replay)]


def test_newest_of_the_live_effects_may_go_first() -> None:
    """A backlog keeps nobody waiting who has just come in, whatever has been due for longer."""
    long_ago = Now() - timedelta(hours=1)
    EffectFactory.create(priority=RETRY)
    old, new = EffectFactory.create(due_at=long_ago), EffectFactory.create(due_at=Now() - SECOND)
    EffectFactory.create(due_at=Now() + timedelta(minutes=1))
    found = claim_best("crm", Turn.NEWEST)
    assert isinstance(found, Claim)
    assert found.effect == new
    claim(old)


def test_where_nothing_live_is_due_the_newest_does_not_go_first() -> None:
    """Of retries and replays the longest due is the best."""
    old = EffectFactory.create(priority=RETRY, due_at=Now() - timedelta(hours=1))
    EffectFactory.create(priority=RETRY)
    found = claim_best("crm", Turn.NEWEST)
    assert isinstance(found, Claim)
    assert found.effect == old


def test_retry_may_go_before_live_work() -> None:
    """The one that has been due longest; where none is due the best goes first as ever."""
    long_ago = Now() - timedelta(hours=1)
    EffectFactory.create(priority=REPLAY, due_at=long_ago)
    live = EffectFactory.create(due_at=long_ago)
    EffectFactory.create(priority=RETRY, due_at=Now() - SECOND)
    retry = EffectFactory.create(priority=RETRY, due_at=Now() - 2 * SECOND)
    EffectFactory.create(priority=RETRY, due_at=Now() + timedelta(minutes=1))
    found = claim_best("crm", Turn.RETRY)
    assert isinstance(found, Claim)
    assert found.effect == retry
    Effect.objects.filter(priority=RETRY).delete()
    found = claim_best("crm", Turn.RETRY)
    assert isinstance(found, Claim)
    assert found.effect == live


def test_update_is_not_taken_beside_one_that_runs() -> None:
    """Whoever looked before the other's claim was there is told so by the claim's own statement."""
    conversation = ConversationFactory.create()
    first, second = EffectFactory.create_batch(2, conversation=conversation)
    claim(first)
    assert take(second) is None
    second.refresh_from_db()
    assert (second.state, second.attempts_made) == ("pending", 0)
    assert not second.attempts.exists()
    let_time_pass(first)
    assert take(second) is not None


def test_only_the_integration_that_was_named_is_worked_for() -> None:
    """An effect of another is nobody's business there."""
    EffectFactory.create(integration="usage")
    assert claim_best("crm") is None


@pytest.mark.parametrize("state", ["succeeded", "failed", "dead", "skipped"])
def test_what_has_come_to_its_end_is_not_claimed(state: str) -> None:
    """However long it has been due."""
    EffectFactory.create(state=state)
    assert claim_best("crm") is None


def test_running_effect_is_nobody_elses_until_its_lease_ends(settings: Settings) -> None:
    """A claim is respected for a lease, then another worker takes over and the attempt is lost."""
    effect = EffectFactory.create()
    first = claim(effect)
    assert claim_best("crm") is None
    lease = settings.WEBHOOKS_LEASE
    assert Effect.objects.filter(
        state="running", due_at__gt=Now() + lease * 0.9, lease=first.lease
    ).exists()
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
    assert claim_best("crm") is None
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made) == ("dead", 3)
    assert effect.reason == "The worker did not come back within its lease."
    assert {outcome for _, outcome, _, _ in list_attempts(effect)} == {"lost"}


def test_effect_that_kills_its_workers_does_not_stand_in_the_way_of_the_next() -> None:
    """Burying it is no reason to come back with nothing."""
    fatal = EffectFactory.create(attempts_limit=1)
    claim(fatal)
    let_time_pass(fatal)
    claim(EffectFactory.create())
    fatal.refresh_from_db()
    assert fatal.state == "dead"


def test_updates_of_a_conversation_take_turns() -> None:
    """While one CRM effect runs the next one waits, and others go on; afterwards it is the best."""
    conversation = ConversationFactory.create()
    first, second = EffectFactory.create_batch(2, conversation=conversation)
    other = EffectFactory.create()
    claimed = claim(first)
    claim(other)
    assert claim_best("crm") is None
    record_verdict(claimed, apply_effect(claimed.effect))
    assert run_one(second)


def test_failed_update_lets_the_next_one_go() -> None:
    """The turn is passed on whatever came of the effect."""
    conversation = ConversationFactory.create()
    first, second = EffectFactory.create_batch(2, conversation=conversation)
    read_memory("crm").fail_next(TemporaryFailure("Busy.", retry_after=timedelta(hours=1)))
    assert run_one(first)
    assert run_one(second)


def test_update_whose_worker_died_holds_up_the_others_for_its_lease_only() -> None:
    """A lease that has ended is no reason to wait."""
    conversation = ConversationFactory.create()
    first = EffectFactory.create(conversation=conversation, priority=REPLAY)
    claim(first)
    second = EffectFactory.create(conversation=conversation)
    assert claim_best("crm") is None
    let_time_pass(first)
    claim(second)


def test_creations_of_a_conversation_do_not_wait_for_each_other() -> None:
    """What is created once has a key of its own and needs no turn."""
    conversation = ConversationFactory.create()
    for effect in EffectFactory.create_batch(2, conversation=conversation, integration="tasks"):
        claim(effect)


def test_no_more_effects_run_at_once_than_the_option_says(settings: Settings) -> None:
    """A place is free again when an effect is done, or its lease has ended."""
    bind_memory(settings, CONCURRENCY=2)
    first, second, third, _ = EffectFactory.create_batch(4)
    done, _ = claim(first), claim(second)
    assert claim_best("crm") == Refusal()
    run_effect(done)
    claim(third)
    assert claim_best("crm") == Refusal()
    let_time_pass(second)
    claim(second)
    assert claim_best("crm") == Refusal()
    assert Effect.objects.filter(state="running").count() == 2


def test_full_integration_does_not_hold_up_another(settings: Settings) -> None:
    """Places are counted for each integration by itself."""
    bind_memory(settings, CONCURRENCY=1)
    for alias in ("crm", "usage"):
        claim(EffectFactory.create(integration=alias))


def test_pause_stops_claims_and_resuming_lets_them_go_on() -> None:
    """What is under way comes to its end; nothing else is begun, and no attempt is used up."""
    first, second = EffectFactory.create_batch(2)
    claimed = claim(first)
    pause("crm", "Ada", "The CRM is being moved.")
    run_effect(claimed)
    assert claim_best("crm") == Refusal(wait=None)
    second.refresh_from_db()
    assert (second.state, second.attempts_made) == ("pending", 0)
    resume("crm", "Ada")
    assert run_one(second)
    assert set(Effect.objects.values_list("state", flat=True)) == {"succeeded"}


def test_hold_keeps_effects_back_and_says_for_how_long() -> None:
    """A vendor that wants to be left alone gets nothing, and no effect pays for it."""
    EffectFactory.create()
    hold("crm", timedelta(seconds=30), "The vendor's limit is used up.")
    found = claim_best("crm")
    assert isinstance(found, Refusal)
    assert found.wait is not None
    assert timedelta(seconds=20) < found.wait <= timedelta(seconds=30)
    assert not Attempt.objects.exists()
    let_pass(timedelta(seconds=31))
    run_due()
    assert Effect.objects.get().state == "succeeded"


def test_long_outage_costs_no_attempts() -> None:
    """With the circuit open nothing is claimed but one probe at a time."""
    effects = EffectFactory.create_batch(20)
    read_memory("crm").fail_next(*[TemporaryFailure("Down.")] * 100)
    for _ in range(10):
        Effect.objects.update(due_at=Now())
        run_due()
        let_pass(timedelta(minutes=11))
    assert read_memory("crm").calls == 5 + 9
    states = Effect.objects.values_list("state", flat=True)
    assert set(states) == {"pending"}
    assert len(states) == len(effects)


def test_probe_that_succeeds_lets_all_others_go_on() -> None:
    """One effect finds out that the vendor works again, and then nobody waits any more."""
    EffectFactory.create_batch(5)
    record_failure("crm", AccessDenied("The key was rejected."), "an effect")
    assert isinstance(claim_best("crm"), Refusal)
    let_pass(timedelta(minutes=11))
    probe = claim_best("crm")
    assert isinstance(probe, Claim)
    assert probe.admission.is_probe
    assert isinstance(claim_best("crm"), Refusal)
    run_effect(probe)
    run_due()
    assert set(Effect.objects.values_list("state", flat=True)) == {"succeeded"}


def test_probe_that_is_refused_for_good_leaves_its_place_to_the_next() -> None:
    """It may never have asked the vendor, so the circuit stays open, and another effect tries."""
    refused, _ = EffectFactory.create_batch(2)
    record_failure("crm", AccessDenied("The key was rejected."), "an effect")
    let_pass(timedelta(minutes=11))
    read_memory("crm").fail_next(PermanentFailure("No."))
    assert run_one(refused)
    probe = claim_best("crm")
    assert isinstance(probe, Claim)
    assert probe.admission.is_probe


@pytest.mark.parametrize("option", [{}, {"CONCURRENCY": 1}])
def test_worker_that_finds_nothing_is_no_probe(settings: Settings, option: dict[str, int]) -> None:
    """A probe that nobody makes would keep the integration closed for its time."""
    bind_memory(settings, **option)
    if option:
        claim(EffectFactory.create())
        EffectFactory.create()
    record_failure("crm", AccessDenied("The key was rejected."), "an effect")
    let_pass(timedelta(minutes=11))
    assert not isinstance(claim_best("crm"), Claim)
    assert not Budget.objects.get(pk="crm").is_probing


def test_misconfigured_backend_shows_in_an_attempt(settings: Settings) -> None:
    """An integration that cannot be built is no reason to leave its effects lying unseen."""
    settings.INTEGRATIONS = {}
    effect = EffectFactory.create()
    run_one(effect)
    assert list_attempts(effect)[0][1:3] == ("temporary", "ImproperlyConfigured")


def test_claim_does_not_load_the_body(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A body of megabytes is not fetched again for each effect."""
    effect = EffectFactory.create(integration="usage", event=EventFactory.create())
    claimed = claim(effect)
    with django_assert_num_queries(0):
        assert claimed.effect.event.created
    assert "body" in claimed.effect.event.get_deferred_fields()


@pytest.mark.parametrize(("alias", "queries"), [("usage", 1), ("crm", 2)])
def test_hint_that_finds_nothing_costs_little(
    django_assert_num_queries: DjangoAssertNumQueries, alias: Alias, queries: int
) -> None:
    """Hints are sent generously, so they have to be cheap."""
    with django_assert_num_queries(queries + 2):  # with the test's savepoint around it
        assert claim_best(alias) is None


def test_effect_is_run_in_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A claim is three queries, a verdict one; with a vendor that works, the budget adds none."""
    EffectFactory.create(integration="tickets", request=None)
    with django_assert_num_queries(3 + 2):
        claimed = claim_best("tickets")
    assert isinstance(claimed, Claim)
    with django_assert_num_queries(1):
        run_effect(claimed)
