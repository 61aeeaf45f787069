"""What the downstream holds, and how a request changes it.

As vendors with idempotency keys do, it answers a known key with the same body as it did the first
time, and applies nothing; a known key with another body is refused with 422, and one whose first
request is under way still with 409.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.journal import Answered, Applied, Journal, Violated, Violation, read_journal
from tests.faults.misbehaviour import Chances, Conduct, Misbehaviour
from tests.faults.owed import Identity, Said
from tests.faults.records import read_identity, read_said


class Message(msgspec.Struct):
    """The body of a request: `type` is the integration, a full stop and the kind."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """One request that is under way; `busy` is what must not be under way twice."""

    key: str
    digest: str
    identity: Identity
    said: Said
    version: int
    busy: str
    conduct: Conduct
    began: float


decoder = msgspec.json.Decoder(Message)


class Holdings:
    """What is held, by key, and the rules of how it changes."""

    def __init__(self, journal_path: Path, seed: int, chances: Chances) -> None:
        self._known: dict[str, tuple[str, str]] = {}
        """By key: the digest of its body, and what was answered."""
        self._keys: dict[Identity, str] = {}
        """By what happens once: the key that it came under."""
        self._under_way: set[str] = set()
        for entry in read_journal(journal_path):
            if isinstance(entry, Applied):
                self._known[entry.key] = entry.digest, entry.external_id
                self._keys.setdefault(Identity(*entry.identity), entry.key)
        self._journal = Journal(journal_path)
        self._misbehaviour = Misbehaviour(f"{seed}:{len(self._known)}", chances)

    def begin(self, key: str, body: bytes) -> Work | int:
        """Take a request in; returns what is to be done, or the status of its refusal."""
        try:
            message = decoder.decode(body)
            integration = message.type.partition(".")[0]
            identity = read_identity(integration, message.data)
            said = read_said(integration, message.data)
        except (msgspec.DecodeError, KeyError, StopIteration):
            return self._refuse(422, "unreadable", key, Identity("", ""))
        digest = hashlib.sha256(body).hexdigest()[:16]
        known = self._known.get(key)
        if known is not None and known[0] != digest:
            return self._refuse(422, "other_body", key, identity)
        # Two updates of one record must not race, whatever their keys.
        busy = f"crm:{identity.conversation}" if identity.is_update else key
        if busy in self._under_way:
            return self._refuse(409, "overlap", key, identity)
        self._under_way.add(busy)
        conduct = self._misbehaviour.draw(integration, time.monotonic())
        version = int(message.data.get("version", 0))
        return Work(key, digest, identity, said, version, busy, conduct, time.monotonic())

    def finish(self, work: Work) -> bytes:
        """Apply what is to be applied, on disk too, and return the answer's body."""
        known = self._known.get(work.key)
        if work.conduct.is_applied and known is None:
            known = self._apply(work)
        self._under_way.discard(work.busy)
        answered = Answered(
            time.time(), work.key, work.conduct.status, time.monotonic() - work.began
        )
        self._journal.write(answered)
        return msgspec.json.encode({"id": known[1]}) if known else b"{}"

    def _apply(self, work: Work) -> tuple[str, str]:
        identity = work.identity
        is_update = identity.is_update
        first = self._keys.setdefault(identity, work.key)
        if first != work.key and not is_update:
            self._note("doubled", work.key, identity)
        number = identity.conversation if is_update else str(len(self._known) + 1)
        applied = Applied(
            at=time.time(),
            key=work.key,
            digest=work.digest,
            identity=(identity.integration, identity.conversation, identity.item),
            external_id=f"{identity.integration}-{number}",
            said=dict(work.said),
            version=work.version,
        )
        self._journal.write(applied)
        self._known[work.key] = applied.digest, applied.external_id
        return self._known[work.key]

    def _refuse(self, status: int, what: Violation, key: str, identity: Identity) -> int:
        self._note(what, key, identity)
        self._journal.write(Answered(time.time(), key, status, 0.0))
        return status

    def _note(self, what: Violation, key: str, identity: Identity) -> None:
        parts = identity.integration, identity.conversation, identity.item
        self._journal.write(Violated(time.time(), what, key, parts))
