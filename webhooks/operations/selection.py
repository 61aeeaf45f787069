"""Choose stored events, for whatever is to be done with them."""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from webhooks.models import Effect, Event

BATCH = 50
"""Events that are dealt with at a time: their bodies may be megabytes each."""

STOPPED = (Effect.State.FAILED, Effect.State.DEAD)
"""Effects that only people set going again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events are meant: those for which everything that is given here holds.

    `received_to` is not part of the time that is meant. `failed` means events that failed
    themselves, or have an effect that failed or is dead.
    """

    event_ids: tuple[uuid.UUID, ...] = ()
    event_type: str = ""
    received_from: datetime | None = None
    received_to: datetime | None = None
    status: str = ""
    conversation: str = ""
    source: str = ""
    failed: bool = False

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
        stopped = Effect.objects.filter(event=OuterRef("pk"), state__in=STOPPED)
        events = events.filter(Q(status=Event.Status.FAILED) | Exists(stopped))
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


def read_batches(events: QuerySet[Event], size: int = BATCH) -> Iterator[list[int]]:
    """Yield the keys of `events` in their order, `size` at a time.

    By key and not by offset, so that each batch costs the same however far it is, and so that
    events may stop to match while they are dealt with. Ends with what was there at the beginning:
    under steady traffic it would never.
    """
    events = events.order_by("pk")
    last = events.values_list("pk", flat=True).last()
    done = 0
    while last is not None:
        batch = list(events.filter(pk__gt=done, pk__lte=last).values_list("pk", flat=True)[:size])
        if not batch:
            return
        yield batch
        done = batch[-1]
