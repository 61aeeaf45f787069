"""Effects, as lists and one by one."""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from tests.factories import AttemptFactory, EffectFactory
from webhooks.models import Attempt, Effect

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def effect() -> Effect:
    """Return an effect that was tried twice, in vain."""
    effect: Effect = EffectFactory.create(
        integration=Effect.Integration.TICKETS,
        state=Effect.State.DEAD,
        reason="The vendor is away.",
        attempts_made=2,
        attempts_limit=2,
        request={"subject": "Help"},
        preview={"subject": "Help wanted"},
    )
    for outcome in (Attempt.Outcome.LOST, Attempt.Outcome.TEMPORARY):
        AttemptFactory.create(
            effect=effect,
            outcome=outcome,
            started_at=MOMENT,
            finished_at=MOMENT,
            error_class="TemporaryFailure",
            error="The vendor is away.",
        )
    return effect


def test_an_effect_shows_what_is_asked_and_every_attempt(reader: APIClient, effect: Effect) -> None:
    """`attempts` is their number, `attempt_history` is what came of each, in their order."""
    answer = reader.get(f"/api/v1/effects/{effect.pk}/?payload=true").json()
    assert (answer["status"], answer["reason"]) == ("dead", "The vendor is away.")
    assert (answer["attempts"], answer["attempts_limit"]) == (2, 2)
    assert answer["event_id"] == str(effect.event.event_id)
    assert answer["conversation_uuid"] == effect.conversation.conversation_uuid
    assert answer["request"] == {"subject": "Help"}
    assert answer["preview"] == {"subject": "Help wanted"}
    assert answer["priority"] == "live"
    assert [attempt["outcome"] for attempt in answer["attempt_history"]] == ["lost", "temporary"]
    assert answer["attempt_history"][1] == {
        "number": 2,
        "outcome": "temporary",
        "started_at": "2026-03-01T12:00:00Z",
        "finished_at": "2026-03-01T12:00:00Z",
        "worker": "worker-1",
        "error_class": "TemporaryFailure",
        "error": "The vendor is away.",
    }


def test_unless_they_are_asked_for_request_and_preview_are_null(
    viewer: APIClient, reader: APIClient, effect: Effect
) -> None:
    """All else is the same, whatever permission one has."""
    path = f"/api/v1/effects/{effect.pk}/"
    shown = reader.get(f"{path}?payload=true").json()
    assert reader.get(path).json() == shown | {"request": None, "preview": None}
    assert viewer.get(path).json() == reader.get(path).json()


def test_a_list_shows_neither_request_nor_preview_nor_attempts(
    reader: APIClient, effect: Effect
) -> None:
    """A list's row is the single one without these."""
    single = reader.get(f"/api/v1/effects/{effect.pk}/?payload=true").json()
    (row,) = reader.get("/api/v1/effects/").json()["results"]
    del single["request"], single["preview"], single["attempt_history"]
    assert row == single


def test_the_lease_of_a_running_effect_is_shown_to_nobody(reader: APIClient) -> None:
    """Who knows a lease could have a result recorded under it."""
    effect = AttemptFactory.create().effect
    content = reader.get(f"/api/v1/effects/{effect.pk}/?payload=true").content.decode()
    assert str(effect.attempts.get().lease) not in content
