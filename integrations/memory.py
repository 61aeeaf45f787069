"""A backend without a vendor, for the tests of people who use this package.

    INTEGRATIONS = {"crm": {"BACKEND": "integrations.memory.MemoryBackend"}, …}

    crm = get_backend("crm")
    assert isinstance(crm, MemoryBackend)
    crm.fail_next(TemporaryFailure("Try again."))

It serves every kind and forgets everything with its process: nothing to run a business on.
"""

from collections import deque
from threading import Lock
from typing import Any

from integrations.base import Backend, Request, Result
from integrations.crm.base import ContactUpdate
from integrations.kinds import REQUESTS


class MemoryBackend(Backend[Any]):
    """Keeps what it is asked to do, and fails when told to."""

    serves = frozenset(REQUESTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls = 0
        """How often `apply` was called, failures and repetitions included."""
        self.applied: dict[str, Request] = {}
        """What was applied, in order of its first time, by idempotency key; of a conversation's
        contact updates only the highest version, by the conversation."""
        self._failures: deque[Exception] = deque()
        self._lock = Lock()

    def fail_next(self, *errors: Exception) -> None:
        """Let the next calls of `apply` raise `errors`, one each, before it works again."""
        with self._lock:
            self._failures.extend(errors)

    def apply(self, request: Request) -> Result:
        """Keep `request` unless its key is known, or raise what `fail_next` was given."""
        with self._lock:
            self.calls += 1
            if self._failures:
                raise self._failures.popleft()
            if isinstance(request, ContactUpdate):
                return self._keep_highest(request)
            self.applied.setdefault(request.idempotency_key, request)
            return Result(external_id=request.idempotency_key)

    def _keep_highest(self, update: ContactUpdate) -> Result:
        known = self.applied.get(update.conversation.conversation_uuid)
        if not isinstance(known, ContactUpdate) or known.version < update.version:
            self.applied[update.conversation.conversation_uuid] = update
        return Result(external_id=update.conversation.conversation_uuid)
