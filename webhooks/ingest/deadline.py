"""How long a request waits for Postgres before the sender is told to come back."""

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

from webhooks.postgres.patience import ask_within

T = TypeVar("T")


def ask_postgres(question: Callable[[], T]) -> T:
    """Return what `question`, which may be asked twice, returns within `WEBHOOKS_RECORD_TIMEOUT`.

    Raises what `question` does, and `django.db.Error` where Postgres is away or hangs.
    """
    return ask_within(settings.WEBHOOKS_RECORD_TIMEOUT, question)
