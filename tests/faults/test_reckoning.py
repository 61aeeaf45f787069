"""The reckoning finds whatever is lost, doubled or not true, and nothing where all is well."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from tests.faults.books import StoredEvent
from tests.faults.faults import FAULTS
from tests.faults.journal import Applied, Violated
from tests.faults.schedule import Incident
from tests.faults.stories import POISON, TRAFFIC, Story, tell_story
from tests.faults.traffic import build_poison

POISONED = build_poison(TRAFFIC, 0, POISON)[0]


def lose_an_event(story: Story) -> None:
    """Have an acknowledged event not be stored, nor anything that is owed for it."""
    lost = next(one for one in story.effects if one.integration == "crm")
    del story.events[lost.event_id]
    story.effects.remove(lost)
    story.entries = [
        one for one in story.entries if not (isinstance(one, Applied) and lost.event_id in one.key)
    ]


def lose_an_application(story: Story) -> None:
    """Have something owed, planned and even booked, and never applied."""
    _, entry = story.find("tickets")
    del story.entries[entry]


def lose_an_update(story: Story) -> None:
    """Have one of a conversation's updates never applied."""
    _, entry = story.find("crm")
    del story.entries[entry]


def never_plan(story: Story) -> None:
    """Have something owed that nobody has planned."""
    effect, entry = story.find("tasks")
    del story.effects[effect]
    del story.entries[entry]


def apply_under_two_keys(story: Story) -> None:
    """Have a bill written a second time under another key."""
    _, entry = story.find("usage")
    first = story.entries[entry]
    story.entries.append(msgspec.structs.replace(first, key="other"))


def record_a_second_acceptance(story: Story) -> None:
    """Have two deliveries of an event both recorded as the one that brought it."""
    event = next(iter(story.events.values()))
    story.events[event.event_id] = replace(event, accepted=2)


def bill_another_length(story: Story) -> None:
    """Have a bill about another length than the event says."""
    _, entry = story.find("usage")
    first = story.entries[entry]
    assert isinstance(first, Applied)
    said = first.said | {"seconds": 1}
    story.entries[entry] = msgspec.structs.replace(first, said=said)


def leave_the_crm_behind(story: Story) -> None:
    """Have a conversation's latest update say what only an earlier one may."""
    at, latest = max(
        (
            (i, one)
            for i, one in enumerate(story.entries)
            if isinstance(one, Applied) and one.version
        ),
        key=lambda pair: pair[1].version,
    )
    said = latest.said | {"status": "in_progress"}
    story.entries[at] = msgspec.structs.replace(latest, said=said)


def apply_what_nobody_owes(story: Story) -> None:
    """Have a ticket for a cause that there was not."""
    _, entry = story.find("tickets")
    first = story.entries[entry]
    assert isinstance(first, Applied)
    integration, conversation, _ = first.identity
    identity = integration, conversation, "other"
    story.entries.append(msgspec.structs.replace(first, key="other", identity=identity))


def leave_an_event_pending(story: Story) -> None:
    """Have an event never processed."""
    event = next(iter(story.events.values()))
    story.events[event.event_id] = replace(event, status="pending")


def kill_an_innocent_event(story: Story) -> None:
    """Have an event that is well end as dead."""
    event = next(iter(story.events.values()))
    story.events[event.event_id] = replace(event, status="dead")


def process_poison(story: Story) -> None:
    """Have a poisoned event processed."""
    story.events[POISONED] = StoredEvent(POISONED, "processed", 1)


def give_poison_an_effect(story: Story) -> None:
    """Have an effect of a poisoned event."""
    story.effects.append(replace(story.effects[0], key="other", event_id=POISONED))


def leave_an_effect_running(story: Story) -> None:
    """Have an effect run for ever."""
    story.change_effect(story.find("tasks")[0], state="running", running=1, succeeded=())


def skip_a_number(story: Story) -> None:
    """Have an attempt without a row."""
    story.change_effect(story.find("tasks")[0], attempts_made=3)


def succeed_twice(story: Story) -> None:
    """Have two attempts of an effect that both succeeded."""
    story.change_effect(story.find("tasks")[0], succeeded=(1, 2))


def succeed_with_a_lost_lease(story: Story) -> None:
    """Have the success of an attempt recorded after whose lease another one began."""
    story.change_effect(story.find("tasks")[0], succeeded=(1,))


def remember_another_record(story: Story) -> None:
    """Have the product name a record that the downstream does not."""
    story.change_effect(story.find("tickets")[0], external_id="tickets-0")


def forget_a_success(story: Story) -> None:
    """Have an effect dead in the books although it was applied."""
    story.change_effect(story.find("usage")[0], state="dead", reason="gone", succeeded=())


def skip_what_is_owed(story: Story) -> None:
    """Have an effect skipped for a reason that there is none for here."""
    at, entry = story.find("tickets")
    story.change_effect(at, state="skipped", reason="Switched off.", numbers=(), succeeded=())
    del story.entries[entry]


def overlap(story: Story) -> None:
    """Have a key with two requests under way."""
    story.entries.append(Violated(5.0, "overlap", "key", ("usage", "c", "")))


def send_another_body(story: Story) -> None:
    """Have a key come again with another body."""
    story.entries.append(Violated(5.0, "other_body", "key", ("usage", "c", "")))


def lose_an_attempt(story: Story) -> None:
    """Have an attempt lost with its worker, of which nothing had become."""
    story.change_effect(story.find("tasks")[0], lost_at=(1.0,))


WRONGS: list[tuple[Callable[[Story], None], str]] = [
    (lose_an_event, "lost"),
    (lose_an_application, "lost"),
    (lose_an_update, "lost"),
    (never_plan, "lost"),
    (apply_under_two_keys, "doubled"),
    (record_a_second_acceptance, "doubled"),
    (bill_another_length, "wrong"),
    (leave_the_crm_behind, "wrong"),
    (apply_what_nobody_owes, "wrong"),
    (send_another_body, "wrong"),
    (leave_an_event_pending, "unsound"),
    (kill_an_innocent_event, "unsound"),
    (process_poison, "poison"),
    (give_poison_an_effect, "poison"),
    (leave_an_effect_running, "unsound"),
    (skip_a_number, "unsound"),
    (succeed_twice, "unsound"),
    (succeed_with_a_lost_lease, "unsound"),
    (remember_another_record, "unsound"),
    (forget_a_success, "unsound"),
    (skip_what_is_owed, "unsound"),
    (overlap, "overlap"),
    (lose_an_attempt, "unsound"),
]


def test_nothing_is_found_where_all_is_well() -> None:
    """With redeliveries, retries, re-reported calls and poison; and all of it is counted."""
    found = tell_story().reckon()
    assert found.findings == ()
    assert found.sent == found.acked == found.stored > 60
    assert found.tries > found.sent
    assert found.owed == found.applied > found.stored
    assert found.poisoned == 1


@pytest.mark.parametrize(
    ("spoil", "kind"), WRONGS, ids=lambda value: getattr(value, "__name__", "")
)
def test_wrong_is_found(spoil: Callable[[Story], None], kind: str) -> None:
    """Each by its own kind, and in words that name the row."""
    story = tell_story()
    spoil(story)
    found = story.reckon().findings
    assert kind in {finding.kind for finding in found}
    assert len(found) <= 4


FROZEN = Incident(FAULTS["worker_frozen"], 0.5, 20.0)


def overlap_with(story: Story, at: float, worker: str) -> None:
    """Have two requests for a bill under way, of which the worker had begun one at 1.0."""
    effect = story.find("usage")[0]
    story.change_effect(effect, workers=(worker, "worker2-20"), starts=(1.0, 19.0))
    key = story.effects[effect].key
    story.entries.append(Violated(at, "overlap", key, ("usage", "c", "")))


def test_overlap_of_a_worker_that_was_stopped_is_told_apart() -> None:
    """Nothing but the downstream's own knowledge of the key can help there."""
    story = tell_story()
    overlap_with(story, 20.1, "worker1-10")
    found = story.reckon(FROZEN)
    assert found.findings == ()
    assert len(found.excused) == 1


@pytest.mark.parametrize(
    ("at", "worker"), [(10.0, "worker1-10"), (50.0, "worker1-10"), (20.1, "worker2-10")]
)
def test_other_overlap_is_found_whatever_is_frozen(at: float, worker: str) -> None:
    """While it can't send, long after it was thawed, or of what it had nothing to do with."""
    story = tell_story()
    overlap_with(story, at, worker)
    assert [finding.kind for finding in story.reckon(FROZEN).findings] == ["overlap"]


def test_attempt_that_was_lost_with_a_killed_worker_is_none_of_the_product_s() -> None:
    """Another fault, or one long before, explains nothing."""
    story = tell_story()
    lose_an_attempt(story)
    assert story.reckon(Incident(FAULTS["worker_killed"], 2.0, 3.0)).findings == ()
    assert story.reckon(Incident(FAULTS["broker_killed"], 2.0, 3.0)).count("unsound") == 1
    assert story.reckon(Incident(FAULTS["worker_killed"], 200.0, 201.0)).count("unsound") == 1


def test_event_that_was_stored_and_never_acknowledged_owes_its_effects() -> None:
    """The acknowledgement was lost, and the event was not."""
    story = tell_story()
    some = story.tries[0].event_id
    story.tries = [replace(one, status=0) if one.event_id == some else one for one in story.tries]
    found = story.reckon()
    assert found.findings == ()
    assert found.acked == found.stored - 1
