"""Compare what was acknowledged, stored and applied with what is owed, and find every difference.

Nothing here asks the product: what is owed is said by `owed`, what was acknowledged by the
sender's log, what was applied by the downstream's journal, what is stored by Postgres's tables.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.books import Books, StoredEffect
from tests.faults.excuses import find_lost_attempts, is_thawed_worker
from tests.faults.finding import Finding, Kind
from tests.faults.journal import Answered, Applied, Entry, Violated
from tests.faults.owed import Identity, Said, owe
from tests.faults.schedule import Incident
from tests.faults.traffic import Traffic, build_conversation, make_event_id
from tests.faults.tries import Try

ALREADY_OWED = "Already owed under this key by another event."
"""The only reason for which an effect may be skipped here."""


MEANINGS = {
    "other_body": "a known key with another body",
    "doubled": "a second key for what happens once",
    "overlap": "a request while another of its kind was under way",
    "unreadable": "a request that makes no sense",
}


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The counts that the report ends in, and all that was found; none is as it must be."""

    sent: int
    tries: int
    acked: int
    stored: int
    poisoned: int
    owed: int
    applied: int
    """Effects that have been applied, each counted once."""
    requests: int
    """What the downstream was asked, everything that came again included."""
    findings: tuple[Finding, ...] = ()
    excused: tuple[Finding, ...] = ()
    """What a fault that stops a worker in mid-request brings about with any product."""
    judged: int = 0
    """Tries of which it was judged whether they had to be acknowledged at once."""

    def count(self, *kinds: Kind) -> int:
        """Return how many findings of these kinds there are."""
        return sum(finding.kind in kinds for finding in self.findings)


@dataclass(slots=True)
class Sent:
    """What the sender's log says, by event."""

    events: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    poisoned: set[str] = field(default_factory=set)
    tries: int = 0


def gather_sent(tries: Iterable[Try]) -> Sent:
    """Return what was sent, what of it was acknowledged, and what was poisoned."""
    sent = Sent()
    for one in tries:
        sent.tries += 1
        sent.events.add(one.event_id)
        if one.is_acked:
            sent.acked.add(one.event_id)
        if one.is_poison:
            sent.poisoned.add(one.event_id)
    return sent


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was sent, and what the sender, the downstream and the product wrote down."""

    traffic: Traffic
    tries: Sequence[Try]
    entries: Sequence[Entry]
    books: Books


def reckon(evidence: Evidence, incidents: Sequence[Incident] = ()) -> Reckoning:
    """Compare all of it; `incidents` say what may be put down to a fault."""
    books, entries = evidence.books, evidence.entries
    sent = gather_sent(evidence.tries)
    applied = [entry for entry in entries if isinstance(entry, Applied)]
    violated = [entry for entry in entries if isinstance(entry, Violated)]
    owed = owe_all(evidence.traffic, books)
    findings = [
        *find_unstored(sent, books),
        *find_differences(owed, applied),
        *find_unsound_events(sent, books),
        *find_unsound_effects(books, applied),
        *find_lost_attempts(books, incidents),
        *(Finding("doubled", describe(one)) for one in violated if one.what == "doubled"),
        *(
            Finding("wrong", describe(one))
            for one in violated
            if one.what in {"other_body", "unreadable"}
        ),
    ]
    overlaps = [one for one in violated if one.what == "overlap"]
    excused = [one for one in overlaps if is_thawed_worker(one, books, incidents)]
    findings += [Finding("overlap", describe(one)) for one in overlaps if one not in excused]
    return Reckoning(
        sent=len(sent.events),
        tries=sent.tries,
        acked=len(sent.acked),
        stored=len(books.events),
        poisoned=len(sent.poisoned),
        owed=len(owed),
        applied=len({entry.identity for entry in applied}),
        requests=sum(isinstance(entry, Answered) for entry in entries),
        findings=tuple(findings),
        excused=tuple(Finding("overlap", describe(one)) for one in excused),
    )


def describe(violated: Violated) -> str:
    """Return a violation in words."""
    return f"{MEANINGS[violated.what]}: {violated.key} of {' '.join(violated.identity).strip()}"


def owe_all(traffic: Traffic, books: Books) -> dict[Identity, Said]:
    """Return what is owed for all events that are stored, poisoned ones aside."""
    owed: dict[Identity, Said] = {}
    for number in range(traffic.conversations):
        named = {
            make_event_id(traffic.seed, number, part, edition): part
            for part in range(3)
            for edition in range(2)
        }
        stored = {name: part for name, part in named.items() if name in books.events}
        owed |= owe(build_conversation(traffic, number), stored)
    return owed


def find_unstored(sent: Sent, books: Books) -> Iterator[Finding]:
    """Find events that were acknowledged and are not there."""
    for event_id in sorted(sent.acked - books.events.keys()):
        yield Finding("lost", f"event {event_id} was acknowledged and is not stored")
    for event_id in sorted(books.events.keys() - sent.events):
        yield Finding("wrong", f"event {event_id} is stored and was never sent")


def find_differences(
    owed: Mapping[Identity, Said], applied: Sequence[Applied]
) -> Iterator[Finding]:
    """Find what is owed and was not applied, was made twice, or says something else in the end."""
    times: Counter[Identity] = Counter()
    latest: dict[Identity | str, Applied] = {}
    for entry in applied:
        identity = Identity(*entry.identity)
        times[identity] += 1
        record = name_record(identity)
        # As the service is told to do: of a conversation's updates the highest version stays.
        if record not in latest or entry.version >= latest[record].version:
            latest[record] = entry
    for identity in sorted(owed.keys() | times.keys()):
        name = f"{identity.integration} {identity.conversation} {identity.item}".strip()
        if identity not in times:
            yield Finding("lost", f"{name} is owed and was not applied")
        elif identity not in owed:
            yield Finding("wrong", f"{name} was applied and is not owed")
        elif (said := latest[name_record(identity)].said) != owed[identity]:
            yield Finding("wrong", f"{name} {tell_difference(said, owed[identity])}")
        if times[identity] > 1 and not identity.is_update:
            yield Finding("doubled", f"{name} was applied {times[identity]} times")


def name_record(identity: Identity) -> Identity | str:
    """Return what is held at the downstream: the CRM has one record for a conversation."""
    return identity.conversation if identity.is_update else identity


def tell_difference(said: Said, owed: Said) -> str:
    """Return in which fields the two differ."""
    names = sorted(name for name in said.keys() | owed.keys() if said.get(name) != owed.get(name))
    return f"differs in {', '.join(names)}"


def find_unsound_events(sent: Sent, books: Books) -> Iterator[Finding]:
    """Find events that were recorded twice, or are not where they must have ended."""
    for event in books.events.values():
        if event.accepted != 1:
            yield Finding("doubled", f"event {event.event_id} was accepted {event.accepted} times")
        is_poison = event.event_id in sent.poisoned
        if is_poison and event.status not in {"dead", "failed"}:
            yield Finding("poison", f"event {event.event_id} is poisoned and {event.status}")
        elif not is_poison and event.status != "processed":
            yield Finding("unsound", f"event {event.event_id} is {event.status}")
    poisoned = Counter(
        effect.event_id for effect in books.effects if effect.event_id in sent.poisoned
    )
    for event_id in poisoned:
        yield Finding("poison", f"event {event_id} is poisoned and has effects")


def find_unsound_effects(books: Books, applied: Sequence[Applied]) -> Iterator[Finding]:
    """Find effects whose rows, attempts and records at the downstream do not fit together."""
    records: dict[str, set[str]] = defaultdict(set)
    for entry in applied:
        # A contact update's key is that of the effect and the version it told.
        key = entry.key.rpartition(":")[0] if entry.identity[0] == "crm" else entry.key
        records[key].add(entry.external_id)
    for effect in books.effects:
        for text in tell_unsoundness(effect, records.get(effect.key, set())):
            yield Finding("unsound", f"effect {effect.key} {text}")
    known = {effect.key for effect in books.effects if effect.state == "succeeded"}
    for key in sorted(records.keys() - known):
        yield Finding("unsound", f"effect {key} was applied and has not succeeded in the books")


def tell_unsoundness(effect: StoredEffect, records: set[str]) -> Iterator[str]:
    """Say what is not true of one effect; `records` are those that its key has made."""
    if effect.state == "skipped":
        if effect.reason != ALREADY_OWED or effect.numbers:
            yield f"is skipped: {effect.reason}"
        return
    if effect.state != "succeeded":
        yield f"is {effect.state} after {effect.attempts_made} attempts: {effect.reason}"
    if list(effect.numbers) != list(range(1, effect.attempts_made + 1)):
        yield f"has the attempts {effect.numbers} and counts {effect.attempts_made}"
    if effect.running:
        yield "has an attempt under way for ever"
    if effect.state == "succeeded" and list(effect.succeeded) != [effect.attempts_made]:
        yield f"has succeeded with attempts {effect.succeeded} of {effect.attempts_made}"
    if effect.state == "succeeded" and records != {effect.external_id}:
        yield f"has succeeded as {effect.external_id!r}, and the downstream has {sorted(records)}"
