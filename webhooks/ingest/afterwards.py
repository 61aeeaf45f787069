"""What is found out about a delivery when its answer has gone out.

It is for people alone: nothing of it reaches the sender, not even by how long the answer takes, and
where it fails or is asked for too often, the delivery simply does not say it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from django.http import JsonResponse

from webhooks.ingest import recorder
from webhooks.ingest.allowance import Allowance
from webhooks.ingest.causes import find_cause
from webhooks.ingest.deadline import ask_postgres
from webhooks.ingest.differences import NotComparableError, find_differences
from webhooks.ingest.known_secrets import known_secrets
from webhooks.ingest.recorder import Receipt
from webhooks.ingest.tries import Refused
from webhooks.models import Delivery, Event

Verification = Delivery.Verification

logger = structlog.stdlib.get_logger(__name__)

LONGEST_COMPARED = 1024 * 1024
"""Bytes of each of two bodies that are compared."""

causes_allowance = Allowance(per_second=2)
"""Strangers decide how often a refusal might be looked into, and with many secrets one takes some
milliseconds of the processor."""

differences_allowance = Allowance(per_second=2)


class AnsweredResponse(JsonResponse):
    """An answer after which something is left to do, in the thread of its request.

    A WSGI server closes a response when the last of it has been sent.
    """

    def __init__(
        self, content: object, *, afterwards: Callable[[], None] | None, **options: Any
    ) -> None:
        super().__init__(content, **options)
        self._afterwards = afterwards

    def close(self) -> None:
        """Do what is left, and then what Django does, which may give the connection up."""
        afterwards, self._afterwards = self._afterwards, None
        try:
            if afterwards is not None:
                afterwards()
        except Exception as error:  # noqa: BLE001 -- the delivery is answered, whatever this is
            # Without its words, which may quote what nobody has vouched for.
            logger.warning("delivery_not_looked_into", error_class=type(error).__name__)
        finally:
            super().close()


def look_into_refusal(delivery_pk: int, refused: Refused) -> None:
    """Note why the delivery was refused, if that can be found out and nothing is asked too often.

    A stale one says so itself.
    """
    if refused.verification == Verification.STALE or not causes_allowance.take():
        return
    found = find_cause(refused, known_secrets.find(refused.source_id))
    if found is not None:
        recorder.note_cause(delivery_pk, found.cause, found.detail)


def compare_conflict(receipt: Receipt, body: bytes) -> None:
    """Note which fields of the body have other values than those of the event that is stored."""
    if len(body) > LONGEST_COMPARED or not differences_allowance.take():
        return
    # Postgres sends nothing of a body that is too large, and none may be stored any more.
    events = Event.objects.filter(
        pk=receipt.event_pk, body__isnull=False, body_bytes__lte=LONGEST_COMPARED
    )
    stored = ask_postgres(partial(events.values_list("body", flat=True).first))
    if stored is None:
        return
    try:
        differences = find_differences(bytes(stored), body)
    except NotComparableError as error:
        logger.info("conflict_not_compared", delivery_pk=receipt.delivery_pk, reason=str(error))
    else:
        recorder.note_differences(receipt.delivery_pk, differences)
