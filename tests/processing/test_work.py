"""One hint has a worker go on with effect after effect, as far as time and budget allow."""

import time
from collections import deque
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from integrations.base import Request
from integrations.budget import hold, pause
from integrations.exceptions import RateLimited, TemporaryFailure
from integrations.models import Budget
from tests.factories import ConversationFactory, EffectFactory
from tests.processing.integration import bind_callback, bind_memory, read_memory
from webhooks.models import Attempt, Effect
from webhooks.processing import work as working
from webhooks.processing.work import TURNS, work_off

pytestmark = pytest.mark.django_db

LIVE, RETRY, REPLAY = Effect.Priority


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=2)


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Keep the hints that a worker leaves, where a test is not about the broker."""
    kept: list[dict[str, int]] = []
    monkeypatch.setattr(working, "hand_on", kept.append)
    return kept


def list_states() -> list[str]:
    """Return the states of all effects, in the order in which they were planned."""
    return list(Effect.objects.order_by("pk").values_list("state", flat=True))


def test_one_hint_is_enough_for_all_that_is_due(hints: list[dict[str, int]]) -> None:
    """A worker goes on until nothing is due, and then ends and leaves no hint."""
    EffectFactory.create_batch(10)
    EffectFactory.create(due_at=Now() + timedelta(minutes=1))
    other = EffectFactory.create(integration="tickets")
    work_off("crm")
    assert list_states() == ["succeeded"] * 10 + ["pending", "pending"]
    other.refresh_from_db()
    assert other.attempts_made == 0
    assert hints == []


def test_updates_that_waited_their_turn_are_worked_off_with_the_same_hint() -> None:
    """Whoever had the turn takes the next one of the conversation, too."""
    EffectFactory.create_batch(4, conversation=ConversationFactory.create())
    work_off("crm")
    assert list_states() == ["succeeded"] * 4


def test_newest_effects_have_turns_of_their_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a backlog is worked off, and what has just come in does not wait for that.

    Of each four turns one is a retry's, and where there is none the longest due's.
    """
    order: list[str] = []
    bind_callback(settings, lambda request: order.append(request.idempotency_key))
    monkeypatch.setattr(working, "_turns", deque(TURNS))
    for number in range(5):
        due_at = Now() - timedelta(minutes=9 - number)
        EffectFactory.create(idempotency_key=str(number), due_at=due_at)
    work_off("crm")
    assert order == ["0", "4", "1", "2", "3"]


def test_effect_that_failed_once_does_not_wait_until_no_live_work_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of that there is, every fourth effect is one that failed; replays wait."""
    order: list[str] = []
    bind_callback(settings, lambda request: order.append(request.idempotency_key))
    monkeypatch.setattr(working, "_turns", deque(TURNS))
    long_ago = Now() - timedelta(hours=1)
    EffectFactory.create(idempotency_key="replay", priority=REPLAY, due_at=long_ago)
    for number in range(2):
        EffectFactory.create(idempotency_key=f"retry {number}", priority=RETRY)
    for number in range(10):
        EffectFactory.create(idempotency_key=f"live {number}", due_at=long_ago)
    work_off("crm")
    assert [place for place, key in enumerate(order, 1) if key.startswith("retry")] == [4, 8]
    assert order[-1] == "replay"


def test_refusal_takes_nobodys_turn(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each claim is followed by a wait, every fourth claim is still a retry's."""
    order: list[str] = []

    def work(request: Request) -> None:
        order.append(request.idempotency_key)
        hold("crm", timedelta(seconds=0.1), "Slowly.")

    bind_callback(settings, work)
    monkeypatch.setattr(working, "_turns", deque(TURNS))
    for number in range(4):
        EffectFactory.create(idempotency_key=f"live {number}")
    EffectFactory.create(idempotency_key="retry", priority=RETRY)
    work_off("crm")
    assert order[3] == "retry"


def test_worker_looks_anew_for_the_best_after_each_effect(settings: Settings) -> None:
    """Live work that comes in meanwhile goes before the replays that were there first."""
    order: list[str] = []

    def work(request: Request) -> None:
        order.append(request.idempotency_key)
        if len(order) == 1:
            EffectFactory.create(idempotency_key="live")

    bind_callback(settings, work)
    for number in range(3):
        EffectFactory.create(idempotency_key=f"replay {number}", priority=REPLAY)
    EffectFactory.create(idempotency_key="retry", priority=RETRY)
    work_off("crm")
    assert order == ["retry", "live", "replay 0", "replay 1", "replay 2"]


def test_worker_whose_time_is_over_ends_and_leaves_hints_at_the_rest(
    settings: Settings, hints: list[dict[str, int]]
) -> None:
    """It finishes what it has begun; as many go on as have something to do."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=0.3)
    bind_callback(settings, lambda _: time.sleep(0.2))
    EffectFactory.create_batch(5)
    started = time.monotonic()
    work_off("crm")
    assert time.monotonic() - started < 1
    assert list_states().count("succeeded") == 2
    assert hints == [{"crm": 3}]


def test_last_effect_that_outlasts_the_time_leaves_no_hint(
    settings: Settings, hints: list[dict[str, int]]
) -> None:
    """Where nothing is left there is nothing to hint at."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=0.1)
    bind_callback(settings, lambda _: time.sleep(0.2))
    EffectFactory.create()
    work_off("crm")
    assert list_states() == ["succeeded"]
    assert hints == [{"crm": 0}]


def test_short_hold_is_waited_for(hints: list[dict[str, int]]) -> None:
    """A worker that would be needed again in a moment stays."""
    EffectFactory.create_batch(2)
    hold("crm", timedelta(seconds=0.5), "The vendor's limit is used up.")
    started = time.monotonic()
    work_off("crm")
    assert time.monotonic() - started >= 0.4
    assert list_states() == ["succeeded"] * 2
    assert hints == []


@pytest.mark.parametrize("closed", ["held", "paused", "full"])
def test_worker_that_would_wait_for_long_ends_at_once(
    settings: Settings, hints: list[dict[str, int]], closed: str
) -> None:
    """It is free for others, the sweep comes back in time, and no effect has paid for it."""
    if closed == "held":
        hold("crm", timedelta(minutes=1), "The vendor's limit is used up.")
    elif closed == "paused":
        pause("crm", "Ada", "It is being moved.")
    else:
        bind_memory(settings, CONCURRENCY=1)
        EffectFactory.create(state="running", due_at=Now() + timedelta(minutes=1))
    effect = EffectFactory.create()
    started = time.monotonic()
    work_off("crm")
    assert time.monotonic() - started < 1
    effect.refresh_from_db()
    assert (effect.state, effect.attempts_made) == ("pending", 0)
    assert hints == []


def test_vendor_that_goes_down_takes_five_attempts_and_not_the_backlog(
    settings: Settings,
) -> None:
    """Its circuit opens in the middle of the work, and the rest keeps all its attempts."""

    def fail(_: Request) -> None:
        raise TemporaryFailure("Down.", retry_after=timedelta(minutes=1))

    bind_callback(settings, fail)
    EffectFactory.create_batch(30)
    work_off("crm")
    assert Attempt.objects.count() == 5
    assert Effect.objects.filter(attempts_made=0).count() == 25


def test_vendor_that_is_held_in_the_middle_is_waited_for(settings: Settings) -> None:
    """After a 429 the same worker goes on when the vendor's time is over."""
    EffectFactory.create_batch(3)
    read_memory("crm").fail_next(RateLimited("Slow.", retry_after=timedelta(seconds=0.3)))
    work_off("crm")
    assert Budget.objects.get(pk="crm").failures == 0
    assert list_states().count("succeeded") >= 2
    assert not Effect.objects.filter(priority__gt=LIVE).exists()
    assert timedelta(seconds=2) == settings.WEBHOOKS_WORK_SPAN
