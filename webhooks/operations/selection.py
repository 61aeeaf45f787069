"""Choose stored events and effects, for whatever is to be done with them."""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet

from webhooks.models import Effect, Event

ModelT = TypeVar("ModelT", bound=Model)

BATCH = 50
"""Events that are dealt with at a time: their bodies may be megabytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events are meant: those for which everything that is given here holds.

    `received_to` is not part of the time that is meant. `failed` means events that failed or are
    dead themselves, or have an effect that is.
    """

    event_ids: tuple[uuid.UUID, ...] = ()
    event_type: str = ""
    received_from: datetime | None = None
    received_to: datetime | None = None
    status: str = ""
    conversation: str = ""
    source: str = ""
    failed: bool = False

    @property
    def names_closed(self) -> bool:
        """Whether events that somebody has closed are asked for, and not only met on the way."""
        return bool(self.event_ids) or self.status == Event.Status.CLOSED

    def describe(self) -> dict[str, Any]:
        """Return what is given, as JSON's own types."""
        given = {name: value for name, value in asdict(self).items() if value}
        if self.event_ids:
            given["event_ids"] = [str(event_id) for event_id in self.event_ids]
        for name in ("received_from", "received_to"):
            if name in given:
                given[name] = given[name].isoformat()
        return given


def select_events(selection: Selection) -> QuerySet[Event]:
    """Return the events that `selection` means; all there are where it gives nothing."""
    events = Event.objects.all()
    if selection.event_ids:
        events = events.filter(event_id__in=selection.event_ids)
    if selection.failed:
        events = events.filter(pk__in=find_failed())
    for lookup, value in (
        ("event_type", selection.event_type),
        ("received_at__gte", selection.received_from),
        ("received_at__lt", selection.received_to),
        ("status", selection.status),
        ("conversation_uuid", selection.conversation),
        ("source__slug", selection.source),
    ):
        if value:
            events = events.filter(**{lookup: value})
    return events


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSelection:
    """Which effects are meant: those for which everything that is given here holds.

    `effects` are keys of rows, as chosen in a list; `keys` are idempotency keys. Without either,
    only those are meant that wait for people, or have the `state` that is given. `ended_to` is
    not part of the time that is meant.
    """

    effects: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    integration: str = ""
    state: str = ""
    ended_from: datetime | None = None
    ended_to: datetime | None = None

    def describe(self) -> dict[str, Any]:
        """Return what is given, as JSON's own types.

        Of what was chosen in a list only the number: the rows name the record themselves.
        """
        given = {name: value for name, value in asdict(self).items() if value}
        if self.effects:
            given["effects"] = len(self.effects)
        if self.keys:
            given["keys"] = list(self.keys)
        for name in ("ended_from", "ended_to"):
            if name in given:
                given[name] = given[name].isoformat()
        return given


def select_effects(selection: EffectSelection) -> QuerySet[Effect]:
    """Return the effects that `selection` means."""
    effects = Effect.objects.all()
    if selection.effects:
        effects = effects.filter(pk__in=selection.effects)
    if selection.keys:
        # A key's skipped rows only say that somebody else asked too, and no index has them.
        effects = effects.filter(idempotency_key__in=selection.keys)
        effects = effects.exclude(state=Effect.State.SKIPPED)
    if not selection.effects and not selection.keys and not selection.state:
        effects = effects.filter(state__in=Effect.STOPPED)
    for lookup, value in (
        ("integration", selection.integration),
        ("state", selection.state),
        ("finished_at__gte", selection.ended_from),
        ("finished_at__lt", selection.ended_to),
    ):
        if value:
            effects = effects.filter(**{lookup: value})
    return effects


def find_failed() -> QuerySet[Any, int]:
    """Return the keys of events that wait for people, or have an effect that does.

    Two questions, each served by an index that holds nothing else: a single condition that says
    "or" has the whole table read.
    """
    events = Event.objects.filter(status__in=Event.STOPPED).order_by()
    effects = Effect.objects.filter(state__in=Effect.STOPPED).order_by()
    return events.values_list("pk", flat=True).union(effects.values_list("event_id", flat=True))


def has_stopped_effect() -> Exists:
    """Return what holds for events with an effect that waits for people."""
    return Exists(Effect.objects.filter(event=OuterRef("pk"), state__in=Effect.STOPPED))


def read_batches(rows: QuerySet[ModelT], size: int = BATCH) -> Iterator[list[int]]:
    """Yield the keys of `rows` in their order, `size` at a time.

    By key and not by offset, so that each batch costs the same however far it is, and so that
    rows may stop to match while they are dealt with. Ends with what was there at the beginning:
    under steady traffic it would never.
    """
    rows = rows.order_by("pk")
    last = rows.values_list("pk", flat=True).last()
    done = 0
    while last is not None:
        batch = list(rows.filter(pk__gt=done, pk__lte=last).values_list("pk", flat=True)[:size])
        if not batch:
            return
        yield batch
        done = batch[-1]
