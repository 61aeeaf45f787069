"""Work off the due events: claim a batch, process it, and go on until none is left."""

import time

from django.conf import settings

from webhooks.postgres.patience import ask_within
from webhooks.processing.batches import BATCH, claim_fresh, claim_tried, count_due
from webhooks.processing.concurrency import FAN_OUT
from webhooks.processing.events import process_batch
from webhooks.processing.hints import Gathered, hand_on
from webhooks.processing.outages import ending_at_outages
from webhooks.processing.stopping import is_ending


def work_off_events() -> None:
    """Process the due events, batch by batch; called by the Celery task.

    Ends when none is due, or after `WEBHOOKS_WORK_SPAN` or when the worker is to end, with the
    batch that is under way by then. In these last cases it leaves as many hints as are of use, so
    that as many workers go on as there were, and more where there are.
    """
    ends_at = time.monotonic() + settings.WEBHOOKS_WORK_SPAN.total_seconds()
    planned = Gathered()
    with ending_at_outages("events"):
        while work_a_round(planned):
            if time.monotonic() >= ends_at or is_ending():
                hand_on({"events": count_due(most=BATCH * FAN_OUT)})
                break
    planned.hand_on()


def work_a_round(planned: Gathered) -> bool:
    """Process a batch of fresh events, and some that were tried before; tell whether any was due.

    What was tried before gets as long as the batch took, and once at least: it gets on, and never
    keeps the others waiting for long. Each is claimed when the one before it is done, since it may
    be what its worker dies of.
    """
    began = time.monotonic()
    if fresh := ask_within(settings.WEBHOOKS_CLAIM_TIMEOUT, claim_fresh):
        planned.add(process_batch(fresh))
    found, ends_at = fresh is not None, 2 * time.monotonic() - began
    while tried := ask_within(settings.WEBHOOKS_CLAIM_TIMEOUT, claim_tried):
        planned.add(process_batch(tried))
        found = True
        if time.monotonic() >= ends_at:
            break
    return found
