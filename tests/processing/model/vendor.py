"""The vendor of the model, as the product's own run of an effect meets it."""

from collections import Counter

from integrations.base import Request, Result
from integrations.exceptions import PermanentFailure, TemporaryFailure
from tests.processing.model.world import Answer


class Desk:
    """Gives the worker at it the answer that the vendor gave it, or works for whoever comes."""

    def __init__(self) -> None:
        self.answer = Answer.DONE
        self.applied: Counter[str] = Counter()

    def call(self, request: Request) -> Result:
        """Return or raise what the answer is, and count what was asked under each key."""
        self.applied[request.idempotency_key] += 1
        if self.answer is Answer.DONE:
            return Result(f"applied {request.idempotency_key}")
        if self.answer is Answer.NO:
            raise PermanentFailure("Never.")
        raise TemporaryFailure("Not now.")


desk = Desk()
