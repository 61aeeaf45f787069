"""Whatever befalls effects, in whatever order: one claim at a time, one side effect, an end.

Two workers go through a life step by step against the real SQL; the machine decides when one is
killed, when a lease or a back-off ends, what an integration answers and when a result comes late.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.db.models.functions import Now
from django.forms.models import model_to_dict
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from integrations.base import Alias
from integrations.budget import pause, resume
from integrations.exceptions import (
    AccessDenied,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
)
from integrations.models import Budget
from tests.contracts.requests import make_ticket_request
from tests.factories import ConversationFactory, EffectFactory
from tests.integrations.budgets import let_pass
from tests.processing.integration import bind_memory, read_memory
from tests.processing.stories import undone
from tests.workers import run_due
from webhooks.models import Attempt, Effect
from webhooks.processing.candidates import count_candidates
from webhooks.processing.claims import Claim, Refusal, claim_best
from webhooks.processing.effects import MOST_ATTEMPTS, record_verdict, retry_effects, tell_budget
from webhooks.processing.sweep import GRACE, count_overdue, find_admitted
from webhooks.processing.verdicts import Verdict, apply_effect

MAX_ATTEMPTS = 3
TICKET = make_ticket_request(idempotency_key="ticket").to_json()
OPEN = Q(state__in=["pending", "running"])
ANSWERS = st.sampled_from(
    [
        None,
        TemporaryFailure("Busy."),
        PermanentFailure("No."),
        KeyError("a fault"),
        RateLimited("Slow down."),
        AccessDenied("The key was rejected."),
    ]
)
CALLED: tuple[Alias, ...] = ("crm", "tickets")
ALIASES = st.sampled_from(CALLED)


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker has in hand: an effect that it claimed, and what the integration answered."""

    claim: Claim
    verdict: Verdict | None = None


class Lives(RuleBasedStateMachine):
    """Two updates and a ticket of one conversation, from their plan to their end."""

    works = Bundle("works")

    def __init__(self) -> None:
        super().__init__()
        self.database = undone()
        self.database.__enter__()
        conversation = ConversationFactory.create(conversation_uuid="conversation-1", version=1)
        self.keys = [
            EffectFactory.create(conversation=conversation, idempotency_key="first").pk,
            EffectFactory.create(conversation=conversation, idempotency_key="second").pk,
            EffectFactory.create(
                conversation=conversation,
                integration="tickets",
                idempotency_key="ticket",
                request=TICKET,
            ).pk,
        ]
        self.applied: Counter[str] = Counter()

    @initialize()
    def forget(self) -> None:
        """Begin with vendors that hold nothing."""
        for alias in ("crm", "tickets"):
            read_memory(alias).applied.clear()

    @rule(target=works, alias=ALIASES)
    def hint(self, alias: Alias) -> Any:
        """A message reaches a worker, which claims the best effect if it can."""
        due = Effect.objects.filter(OPEN, integration=alias, due_at__lte=Now())
        before = {effect.pk: effect for effect in due}
        paused = Budget.objects.filter(pk=alias, paused_at__isnull=False).exists()
        claim = claim_best(alias)
        if claim is None or isinstance(claim, Refusal):
            return multiple()
        assert not paused
        claimed = before.pop(claim.effect.pk)
        assert claimed.attempts_made < claimed.attempts_limit
        for other in before.values():
            # A better one was passed over only where it was not its turn, or it is dead now.
            if (other.priority, other.due_at) < (claimed.priority, claimed.due_at):
                assert other.state == "running"
        return Work(claim)

    @rule(target=works, work=consumes(works), answer=ANSWERS)
    def call(self, work: Work, answer: Exception | None) -> Any:
        """The worker calls the integration, which applies the request or raises."""
        if work.verdict is not None:
            return work
        alias = work.claim.effect.integration
        if answer is not None:
            read_memory(alias).fail_next(answer)
        verdict = apply_effect(work.claim.effect)
        assert (verdict.result is not None) == (answer is None)
        return Work(work.claim, verdict)

    @rule(work=consumes(works))
    def report(self, work: Work) -> None:
        """The worker records what came of it, in time or long after its lease."""
        if work.verdict is None:
            return
        key = work.claim.effect.pk
        before = Effect.objects.get(pk=key)
        tell_budget(work.claim, work.verdict)
        ours = record_verdict(work.claim, work.verdict)
        assert ours == (before.state == "running" and before.lease == work.claim.lease)
        after = Effect.objects.get(pk=key)
        if ours:
            assert after.state != "running"
        else:
            assert model_to_dict(after) == model_to_dict(before)
            outcome = Attempt.objects.get(lease=work.claim.lease).outcome
            assert outcome == Attempt.Outcome.LOST

    @rule(work=consumes(works))
    def kill(self, work: Work) -> None:
        """The worker is killed with what it has in hand, also after the integration's answer."""
        assert Attempt.objects.filter(lease=work.claim.lease).exists()

    @rule(which=st.integers(0, 2))
    def pass_time(self, which: int) -> None:
        """The effect's back-off or lease ends."""
        past = Now() - timedelta(seconds=1)
        Effect.objects.filter(OPEN, pk=self.keys[which]).update(due_at=past)

    @rule(alias=ALIASES)
    def wait(self, alias: Alias) -> None:
        """A hold and a circuit's time come to their end, a probe's too."""
        let_pass(timedelta(hours=1), alias)

    @rule(alias=ALIASES, paused=st.booleans())
    def decide(self, alias: Alias, paused: bool) -> None:  # noqa: FBT001 -- hypothesis passes it by name
        """People pause the integration, or have it go on."""
        if paused:
            pause(alias, "Ada", "It is being moved.")
        else:
            resume(alias, "Ada")

    @rule(which=st.integers(0, 2))
    def retry(self, which: int) -> None:
        """People have a failed or dead effect tried again."""
        before = Effect.objects.get(pk=self.keys[which])
        assert retry_effects([before.pk]) == int(before.state in ("failed", "dead"))

    @rule()
    def sweep(self) -> None:
        """The sweep finds whatever could be claimed and has been due for a moment."""
        Effect.objects.filter(OPEN, due_at__lte=Now()).update(due_at=Now() - GRACE)
        for alias in find_admitted():
            due = Effect.objects.filter(OPEN, integration=alias, due_at__lte=Now())
            under_way = Effect.objects.filter(
                integration=alias, state="running", due_at__gt=Now()
            ).exists()
            if alias == "crm" and under_way:
                assert count_overdue(alias) == 0
            else:
                assert count_overdue(alias) == due.count()

    @invariant()
    def one_claim_at_a_time(self) -> None:
        """An effect runs under one lease, and of two updates only one is within its lease."""
        for effect in Effect.objects.all():
            running = effect.attempts.filter(outcome="running").values_list("lease", flat=True)
            assert list(running) == ([effect.lease] if effect.state == "running" else [])
        alive = Effect.objects.filter(integration="crm", state="running", due_at__gt=Now())
        assert alive.count() <= 1

    @invariant()
    def attempts_have_no_gaps(self) -> None:
        """Attempts are numbered from one on, and no more than are allowed.

        What was turned away does not count: there are never more others than the limit says.
        """
        for effect in Effect.objects.all():
            numbers = list(effect.attempts.order_by("number").values_list("number", flat=True))
            assert numbers == list(range(1, effect.attempts_made + 1))
            assert effect.attempts_made <= effect.attempts_limit <= MOST_ATTEMPTS

    @invariant()
    def done_means_applied_once(self) -> None:
        """What says that it succeeded is at the vendor, and nothing is there twice."""
        held = {key for alias in ("crm", "tickets") for key in read_memory(alias).applied}
        assert held <= {"conversation-1", "ticket"}
        for effect in Effect.objects.filter(state="succeeded"):
            assert effect.external_id in held

    @invariant()
    def nothing_is_stuck(self) -> None:
        """Whatever is not at its end has a time at which it can be claimed."""
        horizon = Now() + timedelta(hours=25)
        assert not Effect.objects.filter(OPEN).exclude(due_at__lte=horizon).exists()

    def teardown(self) -> None:
        """From wherever it came to, time and a person who resumes bring everything to an end."""
        try:
            for alias in CALLED:
                resume(alias, "Ada")
            for _ in range(4 * MAX_ATTEMPTS):
                Effect.objects.filter(OPEN).update(due_at=Now() - GRACE)
                for alias in CALLED:
                    let_pass(timedelta(hours=1), alias)
                    assert count_overdue(alias) or not count_candidates(alias, 1)
                run_due()
            assert not Effect.objects.filter(OPEN).exists()
            self.done_means_applied_once()
        finally:
            self.database.__exit__(None, None, None)


@pytest.mark.django_db
def test_effects_come_to_an_end_and_happen_once(settings: Settings) -> None:
    """No course of claims, crashes, answers, late results, retries and sweeps breaks a promise."""
    settings.WEBHOOKS_MAX_ATTEMPTS = MAX_ATTEMPTS
    bind_memory(settings)
    run_state_machine_as_test(
        Lives,
        settings=hypothesis_settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            # Making a failing life shorter takes minutes on a database.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
