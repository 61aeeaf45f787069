"""A worker that is told to end: it finishes what it has begun, and begins nothing more."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from integrations.base import Request
from tests.contracts.requests import make_ticket_request
from tests.factories import EffectFactory
from tests.processes import start_beat, start_worker
from tests.processing.integration import bind_callback
from tests.test_end_to_end import TROUBLED, wait_until
from webhooks.models import Attempt, Effect
from webhooks.processing import stopping
from webhooks.processing import work as working
from webhooks.processing.claims import Refusal
from webhooks.processing.work import outwait, work_off

GRACE = 20.0
"""Seconds; what `make run` gives its processes."""


@pytest.fixture(autouse=True)
def _go_on() -> Iterator[None]:
    yield
    stopping.go_on()


@pytest.mark.django_db
def test_effect_that_is_under_way_is_the_last(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its result is recorded; the rest is left to whoever takes the hint."""
    hints: list[dict[str, int]] = []
    monkeypatch.setattr(working, "hand_on", hints.append)

    def call(_: Request) -> None:
        stopping.end_soon()

    bind_callback(settings, call)
    EffectFactory.create_batch(3)
    work_off("crm")
    states = list(Effect.objects.order_by("state").values_list("state", "attempts_made"))
    assert states == [("pending", 0), ("pending", 0), ("succeeded", 1)]
    assert hints == [{"crm": 2}]
    work_off("crm")  # what has been fetched already
    assert Attempt.objects.count() == 1
    assert hints == [{"crm": 2}] * 2


def test_wait_for_a_vendor_ends_at_once() -> None:
    """Nobody stays to ask again for an integration that wants to be left alone."""
    stopping.end_soon()
    started = time.monotonic()
    assert outwait(Refusal(timedelta(seconds=4)), started + 5)
    assert time.monotonic() - started < 1


def test_sigterm_in_the_middle_of_a_burst_loses_no_result(
    own_database: str, tmp_path: Path
) -> None:
    """The calls under way come to their end and are recorded; the others are still there."""
    for number in range(10):
        key = f"key-{number}"
        request = make_ticket_request(idempotency_key=key).to_json()
        EffectFactory.create(
            integration="tickets",
            idempotency_key=key,
            request=request,
            event__status="processed",
        )
    mark = tmp_path / "mark"
    variables = {
        "DJANGO_SETTINGS_MODULE": TROUBLED,
        "TROUBLE": "Slow",
        "TROUBLE_MARK": str(mark),
    }
    with (
        start_worker(own_database, **variables) as worker,
        start_beat(own_database, **variables) as beat,
    ):
        wait_until(mark.exists, worker, beat)
        begun = Attempt.objects.count()
        started = time.monotonic()
        worker.process.terminate()
        assert worker.process.wait(GRACE) == 0
        assert time.monotonic() - started < GRACE
    outcomes = list(Attempt.objects.values_list("outcome", flat=True))
    assert set(outcomes) == {"succeeded"}
    # All ten would take eight seconds; whoever is told a moment later may begin another.
    assert begun <= len(outcomes) < 10
    assert Effect.objects.filter(state="pending", attempts_made=0).count() == 10 - len(outcomes)
