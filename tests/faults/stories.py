"""A run in which all is well, made without running anything; for the tests of what judges it."""

from dataclasses import dataclass, replace

from tests.faults.books import Books, StoredEffect, StoredEvent
from tests.faults.journal import Answered, Applied, Entry
from tests.faults.owed import Identity, Said, owe
from tests.faults.reckoning import ALREADY_OWED, Evidence, Reckoning, reckon
from tests.faults.schedule import Incident
from tests.faults.traffic import (
    Planned,
    Traffic,
    build_body,
    build_conversation,
    build_poison,
    make_event_id,
    plan_deliveries,
)
from tests.faults.tries import Try

TRAFFIC = Traffic(seed=5, events=60, rate=30.0, epoch=1_800_000_000.0)
POISON = "poison"


@dataclass(slots=True)
class Story:
    """What each of the three has written down; a test changes one thing, and reckons."""

    tries: list[Try]
    entries: list[Entry]
    events: dict[str, StoredEvent]
    effects: list[StoredEffect]

    def reckon(self, *incidents: Incident) -> Reckoning:
        """Compare them, with what broke meanwhile."""
        books = Books(self.events, tuple(self.effects))
        return reckon(Evidence(TRAFFIC, self.tries, self.entries, books), incidents)

    def find(self, integration: str) -> tuple[int, int]:
        """Return where an effect of the integration and its application are."""
        at = next(
            i
            for i, one in enumerate(self.effects)
            if one.integration == integration and one.state == "succeeded"
        )
        key = self.effects[at].key
        entries = enumerate(self.entries)
        return at, next(i for i, one in entries if isinstance(one, Applied) and key in one.key)

    def change_effect(self, at: int, **changes: object) -> None:
        """Change an effect's row."""
        self.effects[at] = replace(self.effects[at], **changes)  # type: ignore[arg-type] # any field


def tell_story() -> Story:
    """Return a run in which all is as it must be, with all that may come about in it."""
    story = Story([], [], {}, [])
    for planned in plan_deliveries(TRAFFIC):
        story.tries += deliver(planned)
        event_id = build_body(TRAFFIC, planned.conversation, planned.part, planned.edition)[0]
        story.events[event_id] = StoredEvent(event_id, "processed", 1)
    poisoned = build_poison(TRAFFIC, 0, POISON)[0]
    story.tries.append(Try(poisoned, 0, True, 1, 1.0, 1.0, 1.1, 202))
    story.events[poisoned] = StoredEvent(poisoned, "dead", 1)
    for number in range(TRAFFIC.conversations):
        record(story, number)
    return story


def deliver(planned: Planned) -> list[Try]:
    """Return the tries of a delivery; every tenth conversation's are refused first."""
    event_id = build_body(TRAFFIC, planned.conversation, planned.part, planned.edition)[0]
    due = TRAFFIC.epoch + planned.due
    tries = [Try(event_id, planned.copy, False, 1, due, due, due + 0.1, 503)]
    tries.append(Try(event_id, planned.copy, False, 2, due, due + 1, due + 1.1, 202))
    if planned.conversation % 10:
        return [replace(tries[1], number=1, began=due, ended=due + 0.1)]
    return tries


def record(story: Story, number: int) -> None:
    """Write down what is owed for a conversation as planned, tried and applied."""
    stored = {
        event_id: part
        for part in range(3)
        for edition in range(2)
        if (event_id := make_event_id(TRAFFIC.seed, number, part, edition)) in story.events
    }
    owed = owe(build_conversation(TRAFFIC, number), stored)
    for version, (identity, said) in enumerate(owed.items(), start=1):
        apply(story, identity, said, next(iter(stored)), version)
    if len(stored) > len(set(stored.values())):
        key = f"usage:{identity.conversation}"
        again = story.effects[-1]
        story.effects.append(
            replace(
                again,
                key=key,
                state="skipped",
                attempts_made=0,
                external_id="",
                reason=ALREADY_OWED,
                numbers=(),
                succeeded=(),
                workers=(),
                starts=(),
            )
        )


def apply(story: Story, identity: Identity, said: Said, event_id: str, version: int) -> None:
    """Write down one effect that succeeded at the second attempt, and what that made."""
    key = ":".join(
        part for part in (identity.integration, identity.conversation, identity.item) if part
    )
    external_id = f"{identity.integration}-{version}"
    if identity.is_update:
        external_id = f"crm-{identity.conversation}"
        event_id = identity.item
    parts = identity.integration, identity.conversation, identity.item
    story.entries += [
        Answered(1.0, key, 500, 0.1),
        Applied(
            at=2.0,
            key=f"{key}:{version}" if identity.is_update else key,
            digest="d",
            identity=parts,
            external_id=external_id,
            said=dict(said),
            version=version if identity.is_update else 0,
        ),
        Answered(2.0, key, 200, 0.1),
    ]
    story.effects.append(
        StoredEffect(
            key=key,
            event_id=event_id,
            integration=identity.integration,
            conversation=identity.conversation,
            state="succeeded",
            attempts_made=2,
            external_id=external_id,
            reason="",
            numbers=(1, 2),
            succeeded=(2,),
            running=0,
            workers=("worker1-10", "worker2-20"),
            starts=(1.0, 2.0),
        )
    )
