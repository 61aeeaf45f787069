"""Neither order nor repetition of a conversation's events changes where it ends."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.factories import SourceFactory
from tests.processing.stories import (
    ANALYSED,
    ANALYSIS,
    END,
    ENDED,
    PARTIES,
    STARTED,
    Telling,
    read_conversation,
    read_effects,
    read_ledger,
    reopen,
    run_all,
    store,
    tell_whole,
    undone,
)
from tests.workers import process_together, run_one
from webhooks.models import Effect, Event, Source

pytestmark = pytest.mark.django_db

slowly = settings(
    deadline=None,
    max_examples=40,
    # Examples are small as they are, and making them smaller takes minutes on a database.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = st.sampled_from(["", "one", "two", "three"])
MOMENTS = st.sampled_from([None, "2026-01-01T10:00:00Z", "2026-01-01T11:00:00+00:00"])
CREATED = st.integers(0, 3).map(
    lambda hours: datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(hours=hours)
)
ANY_DATA = st.fixed_dictionaries(
    {},
    optional={
        "agent_name": WORDS,
        "channel": WORDS,
        "direction": st.sampled_from(["inbound", "outbound", None]),
        "from_number": st.sampled_from(["+12025550123", "+12025550124", ""]),
        "to_number": st.sampled_from(["+12025550100", None]),
        "started_at": MOMENTS,
        "ended_at": MOMENTS,
        "status": st.sampled_from(["completed", "failed", "transferred", 7]),
        "duration_seconds": st.sampled_from([0, 59.5, "60", -1, None]),
        "answer_status": WORDS,
        "summary": WORDS,
        "score": st.sampled_from([0, 1.5, "2", "NaN", None]),
        "goals": st.sampled_from([[], {"Booked": False}, ["Booked"], 5, None]),
        "follow_ups": st.sampled_from([[], ["Call back"], {"Call back": "soon"}, None]),
    },
)
TELLINGS = st.builds(
    Telling,
    event_type=st.sampled_from([STARTED, ENDED, ANALYSED]),
    data=ANY_DATA,
    created=CREATED,
    agent_uuid=st.sampled_from(["agent-1", "agent-2", ""]),
    event_id=st.uuids(version=4),
)


@dataclass(frozen=True, slots=True)
class Course:
    """One way in which things may happen: events by their index, None for an effect that runs."""

    steps: tuple[int | None, ...]
    seed: int


@st.composite
def courses(draw: st.DrawFn, count: int) -> Course:
    """Return a course in which each of `count` events is processed at least once."""
    steps: list[int | None] = [*range(count)]
    steps += draw(st.lists(st.integers(0, count - 1), max_size=3))
    steps += [None] * draw(st.integers(0, 6))
    return Course(tuple(draw(st.permutations(steps))), draw(st.integers(0, 1000)))


def play(events: Sequence[Event], course: Course) -> None:
    """Let the course happen: batches of any size, replays, and effects that run in between."""
    chance = random.Random(course.seed)  # noqa: S311 -- only to be repeatable
    batch: list[Event] = []
    for step in course.steps:
        if step is None:
            run_next(chance)
        else:
            if chance.random() < 0.3:
                reopen(events[step])
            batch.append(events[step])
            if chance.random() < 0.5:
                process_together(batch)
                batch = []
    process_together(batch)
    processed = Event.objects.filter(
        pk__in=[events[step].pk for step in course.steps if step is not None]
    )
    assert set(processed.values_list("status", flat=True)) == {Event.Status.PROCESSED}


def run_next(chance: random.Random) -> None:
    """Run one effect that is due, of any integration that has one and of any age."""
    due = list(Effect.objects.filter(state="pending", due_at__lte=Now()))
    if due:
        chosen = chance.choice(due)
        # Workers take the eldest of an integration first, but nothing may hang on that.
        Effect.objects.filter(pk=chosen.pk).update(due_at=chosen.due_at - timedelta(hours=1))
        assert run_one(chosen)


@pytest.fixture
def source() -> Source:
    """Return a source without an agent scope."""
    return SourceFactory.create()


@slowly
@given(
    data=st.data(),
    tellings=st.lists(TELLINGS, min_size=2, max_size=5, unique_by=lambda telling: telling.event_id),
)
def test_any_order_ends_in_the_same_conversation(
    source: Source, data: st.DataObject, tellings: list[Telling]
) -> None:
    """Events that contradict each other leave the same facts and stamps in every order.

    What the CRM holds at the end follows from them, so that is the same too.
    """
    in_order = Course(tuple(range(len(tellings))), 0)
    ends = []
    for course in (in_order, data.draw(courses(len(tellings)))):
        with undone():
            events = store(tellings, source, "conversation-1")
            play(events, course)
            run_all("conversation-1")
            held = read_ledger("conversation-1")
            ends.append((read_conversation("conversation-1"), held["activity"], held["contact"]))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("first", [0, 1])
def test_end_is_not_undone_by_a_start_that_was_created_after_it(source: Source, first: int) -> None:
    """How far a conversation is counts before the sender's clock, whichever came first."""
    end = Telling(ENDED, PARTIES | END)
    start = Telling(STARTED, PARTIES | {"channel": "web"}, created=end.created.replace(hour=23))
    events = store([start, end], source, "conversation-1")
    play(events, Course((first, 1 - first), 0))
    facts = read_conversation("conversation-1")
    assert (facts["status"], facts["channel"]) == ("failed", "phone")


def repeat(telling: Telling, hours: int) -> Telling:
    """Return the same event as a sender that lost track emits it once more."""
    return replace(telling, event_id=uuid.uuid4(), created=telling.created + timedelta(hours=hours))


def leave_out(telling: Telling, names: frozenset[str]) -> Telling:
    """Return the event without some of what it may say of the parties."""
    return replace(
        telling,
        data={name: value for name, value in telling.data.items() if name not in names},
        agent_uuid="" if "agent_uuid" in names else telling.agent_uuid,
    )


SILENCES = st.frozensets(st.sampled_from([*PARTIES, "agent_uuid"])) | st.just(
    frozenset([*PARTIES, "agent_uuid"])
)


def play_in_any_order(
    source: Source, tellings: list[Telling], data: st.DataObject
) -> tuple[dict[str, Any], dict[str, str]]:
    """Play the events in order and in a drawn course; return what both have led to."""
    ends = []
    for course in (Course((0, 1, 2), 0), data.draw(courses(len(tellings)))):
        with undone():
            play(store(tellings, source, "conversation-1"), course)
            run_all("conversation-1")
            ledger, effects = read_ledger("conversation-1"), read_effects("conversation-1")
            # Each event tells the CRM, also one that was only sent again.
            owed = {key: state for key, state in effects.items() if not key.startswith("crm:")}
            ends.append((ledger, owed))
            assert set(effects.values()) <= {"succeeded"}
    assert ends[0] == ends[1]
    return ends[1]


@slowly
@given(
    data=st.data(),
    silence=SILENCES,
    again=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=2),
)
def test_any_order_ends_in_the_same_downstream_state(
    source: Source,
    data: st.DataObject,
    silence: frozenset[str],
    again: list[tuple[int, int]],
) -> None:
    """Ticket, usage, follow-ups and activity are the same in every order, and once each.

    Also where the analysis names nobody, and where events were sent again under new ids.
    """
    start, end, analysis = tell_whole()
    tellings = [start, end, leave_out(analysis, silence)]
    tellings += [repeat(tellings[index], hours) for index, hours in again]
    ledger, owed = play_in_any_order(source, tellings, data)
    assert [len(ledger[name]) for name in ("LedgerTicket", "LedgerUsageRecord")] == [2, 1]
    assert len(ledger["LedgerFollowUp"]) == 2
    assert len(owed) == 5
    assert {ticket["phone_number"] for ticket in ledger["LedgerTicket"]} == {"+12025550123"}


@slowly
@given(data=st.data(), silence=SILENCES, scope=st.sampled_from(["agent-1", "agent-2"]))
def test_agent_scope_does_not_depend_on_the_order(
    source: Source, data: st.DataObject, silence: frozenset[str], scope: str
) -> None:
    """Who is outside the scope has no effects, who is inside has all, in whatever order.

    Also where an event that came first does not say which agent it was.
    """
    Source.objects.filter(pk=source.pk).update(agent_scope=[scope])
    tellings = [Telling(STARTED, PARTIES), Telling(ENDED, PARTIES | END)]
    tellings.append(leave_out(Telling(ANALYSED, PARTIES | ANALYSIS), silence))
    with undone():
        play(store(tellings, source, "conversation-1"), data.draw(courses(3)))
        run_all("conversation-1")
        owed = read_effects("conversation-1")
        assert len(owed) == (3 + 5 if scope == "agent-1" else 0)
        assert set(owed.values()) <= {"succeeded"}
