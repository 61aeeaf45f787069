"""What each planted bug does to the product, in the processes of a run alone.

Each function patches the product once all of it is loaded; `replace` raises where the product has
no such place any more.
"""

import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from integrations.clients.webhook import WebhookBackend
from tests.faults.patching import replace, replace_text
from webhooks.ingest import recorder
from webhooks.models import Delivery, Event
from webhooks.processing import candidates, claims, effects, routing
from webhooks.processing.hints import send_hints


def acknowledge_before_commit() -> None:
    """Answer at once, and have a thread write down what was acknowledged."""
    original = recorder.record_event
    waiting: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def write() -> None:
        while True:
            arguments = waiting.get()
            time.sleep(0.1)
            original(*arguments)

    def record_event(*arguments: Any) -> recorder.Receipt:
        waiting.put(arguments)
        # Not earlier: gunicorn forks its workers, and threads do not survive a fork.
        if "recorder" not in {thread.name for thread in threading.enumerate()}:
            threading.Thread(target=write, name="recorder", daemon=True).start()
        return recorder.Receipt(0, Delivery.Outcome.ACCEPTED, 0)

    replace(original, record_event)


def let_commits_go() -> None:
    """Have Postgres say that a commit is done before it is on disk."""
    original = recorder.record_event

    def record_event(*arguments: Any) -> recorder.Receipt:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        return original(*arguments)

    replace(original, record_event)


def publish_inside_the_transaction() -> None:
    """Publish the hint in the recording transaction."""
    original = recorder.record_event

    def record_event(*arguments: Any) -> recorder.Receipt:
        with transaction.atomic():
            receipt = original(*arguments)
            send_hints({"events": 1})
        return receipt

    replace(original, record_event)


def check_then_insert() -> None:
    """Look for the event first, and insert it where it is not there."""
    original = recorder.record_event
    is_unconstrained: list[bool] = []

    def record_event(
        arrival: recorder.Arrival, proof: Any, envelope: Any, body: bytes
    ) -> recorder.Receipt:
        if not is_unconstrained:
            drop_unique_constraints()
            is_unconstrained.append(True)
        known = Event.objects.filter(event_id=envelope.event_id).first()
        if known is not None:
            outcome = Delivery.Outcome.DUPLICATE
            delivery = note_delivery(arrival, proof, known.pk, outcome)
            return recorder.Receipt(known.pk, outcome, delivery.pk)
        time.sleep(0.2)  # what else a receiver may have to do in between
        return original(arrival, proof, envelope, body)

    replace(original, record_event)
    replace_text(recorder, "RECORD_EVENT", "ON CONFLICT (event_id) DO NOTHING", "")


def drop_unique_constraints() -> None:
    """Let Postgres take an `event_id` any number of times."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "webhooks_event")
        for name, constraint in found.items():
            if constraint["unique"] and constraint["columns"] == ["event_id"]:
                cursor.execute(f'ALTER TABLE webhooks_event DROP CONSTRAINT IF EXISTS "{name}"')


def note_delivery(
    arrival: recorder.Arrival, proof: Any, event_pk: int, outcome: Delivery.Outcome
) -> Delivery:
    """Write a delivery of a known event down, and return it."""
    return Delivery.objects.create(
        source_id=arrival.source_id,
        event_id=event_pk,
        outcome=outcome,
        verification=Delivery.Verification.VERIFIED,
        secret_id=proof.secret_id,
        body_bytes=arrival.body_bytes,
    )


def shorten_leases(seconds: float) -> Callable[[], None]:
    """Return what has effects claimed for so long and no longer."""

    def plant() -> None:
        if "%(lease)s" not in claims.TAKE:
            raise LookupError("TAKE has no lease")
        original = claims.take

        def take(effect: Any) -> Any:
            before = settings.WEBHOOKS_LEASE
            settings.WEBHOOKS_LEASE = timedelta(seconds=seconds)
            try:
                return original(effect)
            finally:
                settings.WEBHOOKS_LEASE = before

        replace(original, take)

    return plant


def record_without_the_lease() -> None:
    """Write the result whoever has the effect by now."""
    replace_text(effects, "RECORD", "AND state = 'running' AND lease = %(lease)s", "")


def forget_running_rows() -> None:
    """Have only pending effects due."""
    for statement in ("FIND", "COUNT"):
        replace_text(candidates, statement, "IN ('pending', 'running')", "IN ('pending')")


def bill_each_event() -> None:
    """Have the event in usage's key, as it is in the CRM's."""
    original = routing.make_key

    def make_key(route: Any, subject: str, event: Event, *others: Any) -> str:
        key = original(route, subject, event, *others)
        return f"{key}:{event.event_id}" if route.integration == "usage" else key

    replace(original, make_key)


def change_keys() -> None:
    """Make an idempotency key up for each request."""

    def make_key(_backend: Any, _request: Any) -> str:
        return str(uuid.uuid4())

    for backend in (WebhookBackend, *WebhookBackend.__subclasses__()):
        if "make_key" in vars(backend):
            backend.make_key = make_key  # type: ignore[method-assign,assignment] # which is the point


PLANTS: Mapping[str, Callable[[], None]] = {
    "ack_before_commit": acknowledge_before_commit,
    "commit_not_waited_for": let_commits_go,
    "publish_inside_the_transaction": publish_inside_the_transaction,
    "dedupe_by_check_then_insert": check_then_insert,
    "claim_without_lease": shorten_leases(0),
    "lease_shorter_than_the_call": shorten_leases(1),
    "result_recorded_after_the_lease_was_lost": record_without_the_lease,
    "sweep_skips_running_rows_for_ever": forget_running_rows,
    "usage_without_business_key": bill_each_event,
    "key_for_each_attempt": change_keys,
}
"""By the bugs' names."""
