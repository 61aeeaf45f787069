"""See events through until everything that they owe is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from webhooks.models import Effect, Event

BATCH = 1000
PAUSE = 0.5
"""Seconds between two looks."""

OPEN = (Effect.State.PENDING, Effect.State.RUNNING)


@dataclass(frozen=True, slots=True)
class Followed:
    """How far events have come: how many are done with, failed, held, or still under way.

    An event has failed if its own processing has, or one of its effects failed or is dead. It is
    under way while it or one of its effects is, and that can be hours for one that is retried. It
    is held while its source is paused, and nothing becomes of it until that is resumed.
    """

    done: int
    failed: int
    held: int
    under_way: int


def follow_events(
    event_pks: list[int], seconds: float, progress: Callable[[int], object] | None = None
) -> Followed:
    """Return how far the events have come when none is under way any more, or time is up.

    `progress` is told how many are under way no more since it was told last.
    """
    deadline = time.monotonic() + seconds
    under_way = list(event_pks)
    while True:
        still = find_under_way(under_way)
        if progress:
            progress(len(under_way) - len(still))
        under_way = still
        if not under_way or time.monotonic() >= deadline:
            break
        time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))
    held = find_held(event_pks) - set(under_way)
    failed = count_failed(set(event_pks) - set(under_way) - held)
    return Followed(
        done=len(event_pks) - len(under_way) - len(held) - failed,
        failed=failed,
        held=len(held),
        under_way=len(under_way),
    )


def find_under_way(event_pks: list[int]) -> list[int]:
    """Return those of the events that are pending, or have an effect that is not finished."""
    found: set[int] = set()
    for keys in split(event_pks):
        pending = Event.objects.filter(pk__in=keys, status=Event.Status.PENDING)
        found.update(pending.values_list("pk", flat=True))
        effects = Effect.objects.filter(event__in=keys, state__in=OPEN)
        found.update(effects.values_list("event_id", flat=True))
    return sorted(found)


def find_held(event_pks: list[int]) -> set[int]:
    """Return those of the events that wait until their source is resumed."""
    found: set[int] = set()
    for keys in split(event_pks):
        held = Event.objects.filter(pk__in=keys, status=Event.Status.HELD)
        found.update(held.values_list("pk", flat=True))
    return found


def count_failed(event_pks: set[int]) -> int:
    """Return how many of the events failed, or have an effect that did."""
    found: set[int] = set()
    for keys in split(sorted(event_pks)):
        events = Event.objects.filter(pk__in=keys, status__in=Event.STOPPED)
        found.update(events.values_list("pk", flat=True))
        effects = Effect.objects.filter(event__in=keys, state__in=Effect.STOPPED)
        found.update(effects.values_list("event_id", flat=True))
    return len(found)


def split(event_pks: list[int]) -> list[list[int]]:
    """Return the keys in pieces that fit into a query."""
    return [event_pks[start : start + BATCH] for start in range(0, len(event_pks), BATCH)]
