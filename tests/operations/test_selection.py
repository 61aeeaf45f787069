"""Selections: what they say survives its way through the database, and nothing else is taken."""

import json
import uuid
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import DeliveryFactory, EffectFactory, EventFactory
from webhooks.models import Delivery, Effect, Replay
from webhooks.operations.selection import (
    AnySelection,
    EffectSelection,
    Selection,
    read_selection,
    select_effects,
    select_events,
)

# What JSON and Postgres hold; the database refuses the rest wherever it comes from.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
times = st.none() | st.datetimes(timezones=st.just(UTC))
numbers = st.integers(1, 2**63 - 1)
choices = st.sampled_from([None, True, False])

events = st.builds(
    Selection,
    event_ids=st.lists(st.uuids(), max_size=3).map(tuple),
    keys=st.lists(numbers, max_size=3).map(tuple),
    event_type=texts,
    received_from=times,
    received_to=times,
    status=texts,
    conversation=texts,
    organization=texts,
    source=texts,
    delivery_outcome=texts,
    needs_people=choices,
    failed=st.booleans(),
    replay=st.none() | numbers,
)
effects = st.builds(
    EffectSelection,
    effects=st.lists(numbers, max_size=3).map(tuple),
    keys=st.lists(texts, max_size=3).map(tuple),
    integration=texts,
    state=texts,
    event_id=st.none() | st.uuids(),
    event_type=texts,
    conversation=texts,
    planned_from=times,
    planned_to=times,
    ended_from=times,
    ended_to=times,
    needs_people=choices,
    replay=st.none() | numbers,
)


@given(events | effects)
def test_a_selection_comes_back_from_json_as_it_went(selection: AnySelection) -> None:
    """Whatever it says, and of whichever rows."""
    described = json.loads(json.dumps(selection.describe()))
    assert read_selection(described) == selection
    assert type(selection).read(described) == selection


@pytest.mark.parametrize("kind", [Selection, EffectSelection])
def test_every_field_is_tried(kind: type[AnySelection]) -> None:
    """A field that is added is added to the round trip, too."""
    built = {Selection: events, EffectSelection: effects}[kind]
    tried = built.wrapped_strategy.kwargs  # type: ignore[attr-defined] # hypothesis' own
    assert set(tried) == {field.name for field in fields(kind)}


def test_nothing_given_is_everything_and_says_so() -> None:
    """Also after its way through JSON."""
    for nothing in (Selection(), EffectSelection()):
        assert nothing.is_everything
        assert nothing.describe() == {"rows": nothing.kind}
    assert not Selection(needs_people=False).is_everything


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({}, "events or of effects"),
        ({"rows": "people"}, "events or of effects"),
        ({"rows": "events", "colour": "red"}, "knows no colour"),
        ({"rows": "events", "keys": ["one"]}, "keys"),
        ({"rows": "events", "received_from": "yesterday"}, "received_from"),
        ({"rows": "effects", "event_ids": []}, "knows no event_ids"),
        ({"rows": "effects", "event_id": "one"}, "event_id"),
    ],
)
def test_what_is_no_selection_is_refused_by_name(described: dict[str, Any], said: str) -> None:
    """Else it would mean more rows than somebody wanted."""
    with pytest.raises(ValueError, match=said):
        read_selection(described)


@pytest.mark.django_db
def test_each_choice_narrows_the_effects() -> None:
    """Everything that is given must hold, and each says something of its own."""
    run = Replay.objects.create(reason="a test", requested_from="a test", selection={})
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    one = EffectFactory.create(
        integration="tickets", state="dead", created_at=noon, finished_at=noon, replay=run
    )
    other = EffectFactory.create(event__event_type="conversation.started", state="succeeded")
    for selection in (
        EffectSelection(effects=(one.pk,)),
        EffectSelection(keys=(one.idempotency_key,)),
        EffectSelection(integration="tickets"),
        EffectSelection(state="dead"),
        EffectSelection(event_id=one.event.event_id),
        EffectSelection(event_type=one.event.event_type),
        EffectSelection(conversation=one.conversation.conversation_uuid),
        EffectSelection(planned_to=datetime(2026, 5, 5, tzinfo=UTC)),
        EffectSelection(ended_from=noon),
        EffectSelection(needs_people=True),
        EffectSelection(replay=run.pk),
    ):
        assert list(select_effects(selection)) == [one], selection
    assert list(select_effects(EffectSelection(needs_people=False))) == [other]
    assert list(select_effects(EffectSelection(planned_from=noon, state="succeeded"))) == [other]
    assert not select_effects(EffectSelection(ended_to=noon)).exists()
    assert not select_effects(EffectSelection(event_id=uuid.uuid4())).exists()


@pytest.mark.django_db
def test_events_are_chosen_by_their_deliveries_organization_and_run() -> None:
    """Once each, however many of their deliveries are meant."""
    one, _ = EventFactory.create(organization_uuid="organization-2"), DeliveryFactory.create()
    run = Replay.objects.create(reason="a test", requested_from="a test", selection={})
    for _ in range(2):
        DeliveryFactory.create(event=one, outcome=Delivery.Outcome.CONFLICT)
    one.replay = run
    one.save()
    for selection in (
        Selection(delivery_outcome="conflict"),
        Selection(organization="organization-2"),
        Selection(replay=run.pk),
    ):
        assert list(select_events(selection)) == [one], selection
    assert select_events(Selection(needs_people=False)).count() == 2


@pytest.mark.django_db
def test_a_key_does_not_mean_those_who_only_asked_for_the_same() -> None:
    """They have the key, too, and are skipped."""
    owed = EffectFactory.create(state="dead")
    EffectFactory.create(idempotency_key=owed.idempotency_key, state=Effect.State.SKIPPED)
    assert list(select_effects(EffectSelection(keys=(owed.idempotency_key,)))) == [owed]
