"""How hypothesis's examples go through the door: each undone before the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from hypothesis import HealthCheck, settings

through_the_door = settings(
    # The door is one and the same throughout; each example is rolled back.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=80,
)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo at the end what the block did."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
