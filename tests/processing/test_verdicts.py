"""What an integration does is put into words that may be kept."""

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pytest_django import Settings

from integrations.base import Request, Result
from integrations.budget import record_failure, resume
from integrations.exceptions import AccessDenied, PermanentFailure, TemporaryFailure
from integrations.models import Budget
from tests.factories import EffectFactory
from tests.processing.integration import (
    bind_callback,
    bind_memory,
    read_memory,
)
from tests.processing.logs import read_log
from tests.processing.steps import list_attempts
from tests.workers import run_one
from webhooks.models import Effect

pytestmark = pytest.mark.django_db

SECRET = "+12025550123 said the password"


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)
    settings.WEBHOOKS_MAX_ATTEMPTS = 3


def test_unexpected_error_is_kept_by_its_class_alone(settings: Settings) -> None:
    """What an unknown exception says may be payload: it is in no row and in no log line."""

    def fail(_: Request) -> None:
        raise KeyError(SECRET) from ValueError(SECRET)

    bind_callback(settings, fail)
    effect = EffectFactory.create()
    with read_log() as log:
        run_one(effect)
    effect.refresh_from_db()
    assert effect.state == "pending"
    ((_, outcome, error_class, words),) = list_attempts(effect)
    assert (outcome, error_class) == ("temporary", "KeyError")
    told = "KeyError, which the integration does not declare; the log of the time says where."
    assert words == effect.reason == told
    logged = log.getvalue()
    assert "unexpected_error" in logged
    assert "KeyError" in logged
    for text in (words, effect.reason, logged):
        assert "password" not in text
        assert "12025550123" not in text


def test_fault_of_ours_says_nothing_about_the_vendor(settings: Settings) -> None:
    """Five in a row do not open its circuit, nor does one more close or open one that is open."""

    def fail(_: Request) -> None:
        raise KeyError(SECRET)

    bind_callback(settings, fail)
    for _ in range(6):
        assert run_one(EffectFactory.create())
    assert not Budget.objects.exclude(failed_keys=[], open_until=None).exists()
    record_failure("crm", AccessDenied("The key was rejected."), "an effect")
    resume("crm", "Ada")
    for _ in range(2):
        assert run_one(EffectFactory.create())
    budget = Budget.objects.get(pk="crm")
    assert (budget.failures, budget.openings, budget.is_probing) == (1, 1, False)
    assert budget.open_until is not None


def test_request_that_cannot_be_read_fails_by_name(settings: Settings) -> None:
    """A frozen request of another shape is a permanent failure that does not quote it."""
    bind_callback(settings, lambda _: None)
    effect = EffectFactory.create(integration="tickets", request={"subject": SECRET})
    run_one(effect)
    effect.refresh_from_db()
    assert effect.state == "failed"
    assert SECRET not in effect.reason


def test_slow_integration_is_a_temporary_failure(settings: Settings) -> None:
    """Celery's soft time limit ends the call, and the effect is tried again."""

    def be_slow(_: Request) -> None:
        raise SoftTimeLimitExceeded

    bind_callback(settings, be_slow)
    effect = EffectFactory.create()
    run_one(effect)
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
    run_one(effect)
    bind_callback(settings, lambda _: Result(odd * 200, odd * 200))
    run_one(other)
    assert [*Effect.objects.order_by("pk").values_list("state", flat=True)] == [
        "pending",
        "succeeded",
    ]


def test_overlong_words_are_cut() -> None:
    """A vendor that says a lot does not lose the outcome."""
    effect = EffectFactory.create()
    read_memory("crm").fail_next(PermanentFailure("x" * 10_000))
    run_one(effect)
    effect.refresh_from_db()
    assert effect.reason == "x" * 500


def test_attempt_is_logged_in_one_line() -> None:
    """A finished attempt has a line with what operations staff look for."""
    effect = EffectFactory.create()
    with read_log() as log:
        run_one(effect)
    (line,) = log.getvalue().strip().splitlines()
    for word in (effect.idempotency_key, str(effect.event.event_id), '"succeeded"', '"crm"'):
        assert word in line
