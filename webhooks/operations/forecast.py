"""Say what replaying events would do, without doing any of it.

Planning is asked what each event owes (`find_owed`, which processing asks too), and nothing is
written or locked for the answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from webhooks.models import Conversation, Effect, Event
from webhooks.processing.events import concerns_us, read_routes
from webhooks.processing.projection import merge, read_facts
from webhooks.processing.routing import Occasion, Owed, find_owed

State = Effect.State

NOT_KEPT = (*Effect.STOPPED, State.SKIPPED)
"""States of effects of which a replay makes something else."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a replay does: counts of events, then of effects.

    Replayed: `events`, of which `failing` ones will fail, as planning them does. Left as they
    are: `pending` (on their way already), `held` (until their source is resumed), `closed`
    (somebody has decided against them, and the replay does not name them) and `gone` (the body is
    no longer stored).

    Effects: `retried` (failed or dead), `planned` (owed by today's routes, but not there yet),
    `kept` (done, on their way or closed), `skipped` (switched off, out of scope, or owed by another
    event already).
    """

    events: int = 0
    pending: int = 0
    held: int = 0
    closed: int = 0
    gone: int = 0
    failing: int = 0
    retried: int = 0
    planned: int = 0
    kept: int = 0
    skipped: int = 0

    @property
    def to_run(self) -> int:
        """How many effects the replay has run."""
        return self.retried + self.planned

    def __add__(self, other: "Forecast") -> "Forecast":
        return Forecast(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        )


def forecast_events(
    events: Iterable[Event], promised: set[str], *, reopens: bool = False
) -> Forecast:
    """Return what replaying `events` would do.

    `promised` collects the keys of effects that the replay would plan, for the events that come
    after: a key is owed once, whatever number of events ask for it. With `reopens` those that
    somebody has closed are replayed, too.
    """
    found = sort_events(events, reopens=reopens)
    replayed = found.replayed
    owed, failing = find_all_owed(replayed)
    states = read_states(replayed)
    counts = Counter({"retried": 0, "planned": 0, "kept": 0, "skipped": 0})
    for own in states.values():
        counts["retried"] += sum(state in Effect.STOPPED for state in own.values())
        counts["kept"] += sum(state not in NOT_KEPT for state in own.values())
    elsewhere = read_taken(item for items in owed.values() for item in items)
    for event in replayed:
        own = states.get(event.pk, {})
        for item in owed.get(event.pk, []):
            if own.get(item.idempotency_key, State.SKIPPED) != State.SKIPPED:
                continue  # counted above
            taken = item.idempotency_key in elsewhere | promised
            if item.skip_reason or taken:
                counts["skipped"] += 1
            else:
                counts["planned"] += 1
                promised.add(item.idempotency_key)
    return replace(
        Forecast(**counts),
        events=len(replayed),
        pending=len(found.pending),
        held=len(found.held),
        closed=len(found.closed),
        gone=len(found.gone),
        failing=failing,
    )


@dataclass(frozen=True, slots=True)
class Sorted:
    """Events that a replay restarts, and those that it leaves as they are: see `Forecast`."""

    replayed: list[Event] = field(default_factory=list)
    pending: list[Event] = field(default_factory=list)
    held: list[Event] = field(default_factory=list)
    closed: list[Event] = field(default_factory=list)
    gone: list[Event] = field(default_factory=list)


def sort_events(events: Iterable[Event], *, reopens: bool) -> Sorted:
    """Return which of `events` a replay restarts; with `reopens` also what somebody has closed."""
    found = Sorted()
    for event in events:
        if event.status == Event.Status.PENDING:
            found.pending.append(event)
        elif event.status == Event.Status.HELD:
            found.held.append(event)
        elif event.status == Event.Status.CLOSED and not reopens:
            found.closed.append(event)
        elif event.body is None:
            found.gone.append(event)
        else:
            found.replayed.append(event)
    return found


def find_all_owed(events: Sequence[Event]) -> tuple[dict[int, list[Owed]], int]:
    """Return what each event owes by its key, and how many events fail to say it."""
    routes = read_routes()
    known = {
        conversation.conversation_uuid: conversation
        for conversation in Conversation.objects.filter(
            conversation_uuid__in={event.conversation_uuid for event in events}
        )
    }
    owed: dict[int, list[Owed]] = {}
    failing = 0
    for event in events:
        if not concerns_us(event, routes):
            continue
        conversation = known.setdefault(
            event.conversation_uuid, Conversation(conversation_uuid=event.conversation_uuid)
        )
        own_routes = routes.get(event.event_type, [])
        try:
            facts = read_facts(event)
            # As the projection will, but in memory alone.
            merge(conversation, facts)
            owed[event.pk] = list(find_owed(Occasion(event, facts, conversation), own_routes))
        except Exception:  # noqa: BLE001 -- whatever it is, processing will meet it too
            failing += 1
    return owed, failing


def read_states(events: Sequence[Event]) -> dict[int, dict[str, str]]:
    """Return the states of the events' own effects, by event and idempotency key."""
    states: dict[int, dict[str, str]] = {}
    effects = Effect.objects.filter(event__in=events)
    for event_pk, key, state in effects.values_list("event_id", "idempotency_key", "state"):
        states.setdefault(event_pk, {})[key] = state
    return states


def read_taken(owed: Iterable[Owed]) -> set[str]:
    """Return those of the keys owed that an effect has already, whichever event it is of."""
    keys = {item.idempotency_key for item in owed}
    effects = Effect.objects.filter(idempotency_key__in=keys).exclude(state=State.SKIPPED)
    return set(effects.values_list("idempotency_key", flat=True))
