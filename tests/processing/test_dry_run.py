"""A dry run shows what would be sent, sends nothing, and can be made real."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from pytest_django import Settings

from integrations.base import Request
from integrations.exceptions import PermanentFailure
from integrations.kinds import REQUESTS
from integrations.memory import MemoryBackend
from tests.factories import EffectFactory, SourceFactory
from tests.operations.asking import because, have_done
from tests.processing.integration import bind_memory, read_memory
from tests.processing.steps import list_attempts
from tests.processing.stories import ANALYSIS, process, store, tell_whole
from tests.workers import run_due, run_one
from webhooks.models import Attempt, Effect, Replay
from webhooks.operations.selection import Selection
from webhooks.processing.effects import DRY_RUN

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings, DRY_RUN=True)


def say(preview: object) -> None:
    """Have every integration say that it would send `preview`."""
    for alias in REQUESTS:
        read_memory(alias).preview = lambda request: cast("Any", preview)  # type: ignore[method-assign] # noqa: ARG005 -- the method's own name


def test_dry_run_keeps_what_would_be_sent_and_sends_nothing() -> None:
    """The effect ends as skipped, with the preview and an attempt that says what it was."""
    effect = EffectFactory.create()
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.reason, effect.lease) == ("skipped", DRY_RUN, None)
    assert effect.preview is not None
    assert effect.preview["idempotency_key"] == effect.idempotency_key
    assert effect.finished_at is not None
    assert list_attempts(effect) == [(1, "dry_run", "", "")]
    assert read_memory("crm").calls == 0


def test_rehearsal_is_not_made_earnest_by_another_event(settings: Settings) -> None:
    """Only a replay does that: an event that settles what came too early leaves it alone."""
    source = SourceFactory.create()
    start, _, analysis = tell_whole()
    early, late = store([replace(analysis, data=ANALYSIS), start], source, "conversation-1")
    process(early)
    run_due()
    rehearsed = early.effects.get(integration="crm")
    assert (rehearsed.state, rehearsed.reason) == ("skipped", DRY_RUN)
    bind_memory(settings)
    process(late)
    assert early.effects.get(integration="crm").pk == rehearsed.pk
    assert early.effects.filter(integration="tickets", state="pending").exists()


def test_preview_may_hold_what_postgres_cannot() -> None:
    """Odd characters and types of Python's own are put down as JSON has them."""
    odd = "a\0b\ud83d"
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    say({odd: [odd, {"deep": (odd, Decimal("1.5"), moment)}]})
    effect = EffectFactory.create()
    run_one(effect)
    effect.refresh_from_db()
    mended = "a\ufffdb\ufffd"
    assert effect.preview == {mended: [mended, {"deep": [mended, "1.5", "2026-01-01T00:00:00Z"]}]}


def test_dry_run_that_is_refused_fails_as_the_real_one_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistake is found before anything is sent, which is what a dry run is for."""

    def refuse(_: MemoryBackend, __: Request) -> None:
        raise PermanentFailure("No such field.")

    monkeypatch.setattr(MemoryBackend, "preview", refuse)
    effect = EffectFactory.create()
    run_one(effect)
    effect.refresh_from_db()
    assert (effect.state, effect.reason, effect.preview) == ("failed", "No such field.", None)


def test_replay_after_a_dry_run_sends_everything_once(settings: Settings) -> None:
    """With the option off, an event that was only rehearsed is planned anew, and applied."""
    events = store(tell_whole(), SourceFactory.create(), "conversation-1")
    for event in events:
        process(event)
    run_due()
    owed = Effect.objects.count()
    assert set(Effect.objects.values_list("state", "reason")) == {("skipped", DRY_RUN)}
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"dry_run"}
    bind_memory(settings)
    for _ in range(2):
        have_done(Replay.Action.REPLAY, Selection(), because("It is real now."))
        for event in events:
            process(event)
        run_due()
        assert Effect.objects.count() == owed
        assert set(Effect.objects.values_list("state", "priority")) == {("succeeded", 2)}
    assert read_memory("usage").calls == 1
    assert len(read_memory("tickets").applied) == 2
