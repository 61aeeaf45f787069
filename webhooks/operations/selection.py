"""Choose stored events and effects, for whatever is to be done with them."""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from webhooks.models import Delivery, Effect, Event

KIND = "rows"
"""The key in a stored selection that says what it chooses from."""


class SelectionError(ValueError):
    """This is no selection, or it is of the wrong rows; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What both selections have in common: they go to JSON and back."""

    kind: ClassVar[str]
    """What is chosen from, for people."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return not self._list_given()

    def describe(self) -> dict[str, Any]:
        """Return what is given, and of which kind it is, as JSON's own types."""
        return {KIND: self.kind} | {
            name: msgspec.json.decode(msgspec.json.encode(value))
            for name, value in self._list_given().items()
        }

    @classmethod
    def read(cls, described: dict[str, Any]) -> Self:
        """Return the selection that `describe` has described.

        Raises `SelectionError` for what it cannot have described, with the name of what is wrong.
        """
        given = {name: value for name, value in described.items() if name != KIND}
        if described.get(KIND, cls.kind) != cls.kind:
            raise SelectionError(f"This is no selection of {cls.kind}.")
        names = {field.name for field in fields(cls)}
        if unknown := sorted(given.keys() - names):
            raise SelectionError(f"A selection of {cls.kind} knows no {', '.join(unknown)}.")
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            # It names the place and the types, and quotes nothing but what a person has chosen.
            raise SelectionError(f"This is no selection of {cls.kind}: {error}.") from None

    def _list_given(self) -> dict[str, Any]:
        """Return what is not as it would be if nothing had been said."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Choice):
    """Which events are meant: those for which everything that is given here holds.

    `keys` are those of rows, as chosen in a list. `received_to` is not part of the time that is
    meant. `needs_people` means events that failed or are dead (or, if False, are neither);
    `failed` also those that have an effect that is. `delivery_outcome` is that of any of their
    deliveries, and `replay` the key of the run that had them processed last.
    """

    kind: ClassVar[str] = "events"

    event_ids: tuple[uuid.UUID, ...] = ()
    keys: tuple[int, ...] = ()
    event_type: str = ""
    received_from: datetime | None = None
    received_to: datetime | None = None
    status: str = ""
    conversation: str = ""
    organization: str = ""
    source: str = ""
    delivery_outcome: str = ""
    needs_people: bool | None = None
    failed: bool = False
    replay: int | None = None

    @property
    def names_rows(self) -> bool:
        """Whether these and no others are meant, and not all that are as it says."""
        return bool(self.event_ids or self.keys)

    @property
    def names_closed(self) -> bool:
        """Whether events that somebody has closed are asked for, and not only met on the way."""
        return self.names_rows or self.status == Event.Status.CLOSED


def select_events(
    selection: Selection, after: int | None = None, upto: int | None = None
) -> QuerySet[Event]:
    """Return the events that `selection` means; all there are where it gives nothing.

    Of them those with keys after `after` and up to `upto`, where these are given.
    """
    events = Event.objects.all()
    if selection.failed:
        events = events.filter(pk__in=find_failed(after, upto))
    if selection.needs_people is not None:
        events = events.filter(wait_for_people("status", needs=selection.needs_people))
    if selection.delivery_outcome:
        deliveries = Delivery.objects.filter(outcome=selection.delivery_outcome)
        events = events.filter(Exists(deliveries.filter(event=OuterRef("pk"))))
    return events.filter(
        **keep_given(
            event_id__in=selection.event_ids,
            pk__in=selection.keys,
            pk__gt=after,
            pk__lte=upto,
            event_type=selection.event_type,
            received_at__gte=selection.received_from,
            received_at__lt=selection.received_to,
            status=selection.status,
            conversation_uuid=selection.conversation,
            organization_uuid=selection.organization,
            source__slug=selection.source,
            replay=selection.replay,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSelection(Choice):
    """Which effects are meant: those for which everything that is given here holds.

    `effects` are keys of rows, as chosen in a list; `keys` are idempotency keys. The times are
    those at which they were planned and have ended; what has the `…_to` is not meant any more.
    `event_id`, `event_type` and `conversation` are those of the event that owes it.
    """

    kind: ClassVar[str] = "effects"

    effects: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    integration: str = ""
    state: str = ""
    event_id: uuid.UUID | None = None
    event_type: str = ""
    conversation: str = ""
    planned_from: datetime | None = None
    planned_to: datetime | None = None
    ended_from: datetime | None = None
    ended_to: datetime | None = None
    needs_people: bool | None = None
    replay: int | None = None

    @property
    def names_rows(self) -> bool:
        """Whether these and no others are meant, and not all that are as it says."""
        return bool(self.effects or self.keys)


def select_effects(
    selection: EffectSelection, after: int | None = None, upto: int | None = None
) -> QuerySet[Effect]:
    """Return the effects that `selection` means, as `select_events` does events."""
    effects = Effect.objects.all()
    if selection.keys:
        # A key's skipped rows only say that somebody else asked too, and no index has them.
        effects = effects.filter(idempotency_key__in=selection.keys)
        effects = effects.exclude(state=Effect.State.SKIPPED)
    if selection.needs_people is not None:
        effects = effects.filter(wait_for_people("state", needs=selection.needs_people))
    return effects.filter(
        **keep_given(
            pk__in=selection.effects,
            pk__gt=after,
            pk__lte=upto,
            integration=selection.integration,
            state=selection.state,
            event__event_id=selection.event_id,
            event__event_type=selection.event_type,
            conversation__conversation_uuid=selection.conversation,
            created_at__gte=selection.planned_from,
            created_at__lt=selection.planned_to,
            finished_at__gte=selection.ended_from,
            finished_at__lt=selection.ended_to,
            replay=selection.replay,
        )
    )


AnySelection = Selection | EffectSelection


def read_selection(described: dict[str, Any]) -> AnySelection:
    """Return the selection of either kind that was described. Raises `SelectionError`."""
    for kind in (Selection, EffectSelection):
        if described.get(KIND) == kind.kind:
            return kind.read(described)
    raise SelectionError("A selection says whether it is of events or of effects.")


def keep_given(**lookups: object) -> dict[str, Any]:
    """Return those of the lookups that say something."""
    return {lookup: value for lookup, value in lookups.items() if value not in (None, "", ())}


def wait_for_people(column: str, *, needs: bool) -> Q:
    """Return what holds for rows that failed or are dead, or for the others."""
    stopped = Q(**{f"{column}__in": Effect.STOPPED})
    return stopped if needs else ~stopped


def find_failed(after: int | None, upto: int | None) -> QuerySet[Any, int]:
    """Return the keys of events that wait for people, or have an effect that does.

    Two questions, each served by an index that holds nothing else: a single condition that says
    "or" has the whole table read. Both have the bounds, which Postgres does not carry in from
    outside: else each step of a walk would read all that there are.
    """
    events = Event.objects.filter(
        status__in=Event.STOPPED, **keep_given(pk__gt=after, pk__lte=upto)
    ).order_by()
    effects = Effect.objects.filter(
        state__in=Effect.STOPPED, **keep_given(event_id__gt=after, event_id__lte=upto)
    ).order_by()
    return events.values_list("pk", flat=True).union(effects.values_list("event_id", flat=True))
