"""What programs say that a run is to do, and to which rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import TextChoices
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.exceptions import ValidationError

from webhooks.api.bodies import Why, convert
from webhooks.models import Effect, Event, Replay
from webhooks.operations.selection import AnySelection, EffectSelection, Selection

MOST_NAMED = 1000
"""Rows that can be named one by one; of more it is said what they have in common."""

# Postgres has no place for a NUL.
Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Time = Annotated[datetime, Meta(tz=True)]
Key = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Ids = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST_NAMED)]
Keys = Annotated[tuple[Key, ...], Meta(min_length=1, max_length=MOST_NAMED)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=MOST_NAMED)]


class EventsWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events: those for which everything that is given holds, which is at least one thing.

    Named and meant as the filters of the list are.
    """

    event_ids: Ids | UnsetType = UNSET
    event_type: Text | UnsetType = UNSET
    status: Event.Status | UnsetType = UNSET
    needs_people: bool | UnsetType = UNSET
    source: Text | UnsetType = UNSET
    conversation: Text | UnsetType = UNSET
    organization: Text | UnsetType = UNSET
    received_after: Time | UnsetType = UNSET
    received_before: Time | UnsetType = UNSET
    delivery_outcome: Literal["duplicate", "conflict"] | UnsetType = UNSET

    def select(self) -> Selection:
        """Return what is meant as the runs know it."""
        return Selection(
            **rename(self, received_after="received_from", received_before="received_to")
        )


class EffectsWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Effects: those for which everything that is given holds, which is at least one thing.

    Named and meant as the filters of the list are; `ended_after` and `ended_before` are about when
    they came to their state.
    """

    ids: Keys | UnsetType = UNSET
    idempotency_keys: Texts | UnsetType = UNSET
    integration: Effect.Integration | UnsetType = UNSET
    status: Effect.State | UnsetType = UNSET
    needs_people: bool | UnsetType = UNSET
    event: UUID | UnsetType = UNSET
    event_type: Text | UnsetType = UNSET
    conversation: Text | UnsetType = UNSET
    planned_after: Time | UnsetType = UNSET
    planned_before: Time | UnsetType = UNSET
    ended_after: Time | UnsetType = UNSET
    ended_before: Time | UnsetType = UNSET

    def select(self) -> EffectSelection:
        """Return what is meant as the runs know it."""
        return EffectSelection(
            **rename(
                self,
                ids="effects",
                idempotency_keys="keys",
                status="state",
                event="event_id",
                planned_after="planned_from",
                planned_before="planned_to",
                ended_after="ended_from",
                ended_before="ended_to",
            )
        )


def rename(wanted: Struct, **names: str) -> dict[str, Any]:
    """Return what is given, those fields under other names that have one in `names`."""
    return {
        names.get(field, field): value.value if isinstance(value, TextChoices) else value
        for field in wanted.__struct_fields__
        if (value := getattr(wanted, field)) is not UNSET
    }


# Nothing given would mean everything there is.
Events = Annotated[EventsWanted, Meta(extra_json_schema={"minProperties": 1})]
Effects = Annotated[EffectsWanted, Meta(extra_json_schema={"minProperties": 1})]


class EventReplay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Process events again, as if they had just arrived; what was done is not done twice."""

    action: Literal["replay"]
    events: Events


class EffectRetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Try effects again that failed or are dead, or were closed."""

    action: Literal["retry"]
    effects: Effects


class EffectRedo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do effects again although they succeeded: what is owed once is then there twice."""

    action: Literal["redo"]
    effects: Effects


class EventClosing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have events that failed or are dead wait for people no longer."""

    action: Literal["closing"]
    events: Events


class EffectClosing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have effects that failed or are dead wait for people no longer."""

    action: Literal["closing"]
    effects: Effects


class NewEventReplay(EventReplay, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Process events again, as if they had just arrived; what was done is not done twice."""

    reason: Why


class NewEffectRetry(EffectRetry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Try effects again that failed or are dead, or were closed."""

    reason: Why


class NewEffectRedo(EffectRedo, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do effects again although they succeeded: what is owed once is then there twice."""

    reason: Why


class NewEventClosing(EventClosing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have events that failed or are dead wait for people no longer."""

    reason: Why


class NewEffectClosing(EffectClosing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have effects that failed or are dead wait for people no longer."""

    reason: Why


Kinds = Mapping[tuple[str, str], type[Struct]]
"""What a body is read as, by its action and the kind of rows that it names."""

PREVIEWS: Kinds = {
    ("replay", "events"): EventReplay,
    ("retry", "effects"): EffectRetry,
    ("redo", "effects"): EffectRedo,
    ("closing", "events"): EventClosing,
    ("closing", "effects"): EffectClosing,
}
RUNS: Kinds = {
    ("replay", "events"): NewEventReplay,
    ("retry", "effects"): NewEffectRetry,
    ("redo", "effects"): NewEffectRedo,
    ("closing", "events"): NewEventClosing,
    ("closing", "effects"): NewEffectClosing,
}


def read_wanted(data: object, kinds: Kinds) -> tuple[Replay.Action, AnySelection, str]:
    """Return the action, the rows that it is for and the reason, which is empty in a preview.

    Raises ValidationError, which names the field that is wrong.
    """
    given = data if isinstance(data, dict) else {}
    rows = "effects" if "effects" in given else "events"
    fitting = {action: kind for (action, of), kind in kinds.items() if of == rows}
    kind = fitting.get(str(given.get("action")))
    if kind is None:
        problem = f"Of {rows} there are: {', '.join(fitting)}."
        raise ValidationError({"action": [problem]})
    wanted: Any = convert(data, kind)
    selected: EventsWanted | EffectsWanted = getattr(wanted, rows)
    selection = selected.select()
    if selection.is_everything:
        raise ValidationError({rows: ["Say which: nothing given would mean all there are."]})
    return Replay.Action(wanted.action), selection, getattr(wanted, "reason", "")
