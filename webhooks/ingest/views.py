"""The door: `POST /webhooks/<source>/`.

Verify the raw bytes, read the envelope, record in one transaction, acknowledge; everything else
happens after the acknowledgement. Every answer is short JSON, and none is a 500.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFailure
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from webhooks.ingest import recorder
from webhooks.ingest.afterwards import AnsweredResponse, compare_conflict, look_into_refusal
from webhooks.ingest.body import UnreadableBodyError, read_body
from webhooks.ingest.envelope import InvalidEventError, read_envelope
from webhooks.ingest.recorder import Arrival, NotRecordedError
from webhooks.ingest.signatures import Proof, VerificationError, verify
from webhooks.ingest.sources import Subscription, subscriptions
from webhooks.ingest.tries import Refused
from webhooks.models import Delivery
from webhooks.processing.dispatch import hand_over
from webhooks.remote_address import read_remote_address
from webhooks.statistics.acknowledgements import note_answer

logger = structlog.stdlib.get_logger("webhooks.delivery")


@dataclass(slots=True)
class Answer:
    """What is answered, and what the delivery's log line says beside it."""

    status: int
    content: dict[str, Any]
    log: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    afterwards: Callable[[], None] | None = None
    """What is found out for people when the sender has the answer."""


@csrf_exempt
def receive_delivery(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer one delivery to the source `slug` and log it in one line."""
    started = time.perf_counter()
    answer = answer_delivery(request, slug)
    seconds = time.perf_counter() - started
    note_answer(answer.status, seconds)
    logger.info(
        "delivery",
        source=slug,
        http_status=answer.status,
        outcome=answer.content.get("status"),
        reason=answer.content.get("reason"),
        duration_ms=round(seconds * 1000, 2),
        **answer.log,
    )
    return AnsweredResponse(
        answer.content, status=answer.status, headers=answer.headers, afterwards=answer.afterwards
    )


def answer_delivery(request: HttpRequest, slug: str) -> Answer:
    """Decide what becomes of the request, in the order of the HTTP contract."""
    if request.method != "POST":
        return reject(405, "method_not_allowed", headers={"Allow": "POST"})
    now = timezone.now()
    try:
        subscription = subscriptions.find(slug)
        if subscription is None:
            return reject(404, "unknown_source")
        body = read_body(request)
        arrival = Arrival(subscription.source_id, read_remote_address(request), len(body))
        return verify_and_record(request, subscription, arrival, body, now)
    except UnreadableBodyError as error:
        return reject(error.status, error.reason)
    except (NotRecordedError, DatabaseFailure, ImproperlyConfigured) as error:
        # Not this delivery's fault: it is sent again when we have mended ours.
        logger.error("delivery_not_recorded", source=slug, error=str(error))  # noqa: TRY400 -- a line, not a traceback, for each delivery of an outage
        return ask_for_retry()
    except Exception:
        # Whatever it is, it is ours: a 500 would tell some senders to give the event up.
        logger.exception("delivery_failed", source=slug)
        return ask_for_retry()


def ask_for_retry() -> Answer:
    """Return 503 with how long the sender is to wait, in whole seconds and never 0."""
    seconds = math.ceil(settings.WEBHOOKS_RETRY_AFTER.total_seconds())
    return reject(503, "try_again_later", headers={"Retry-After": str(seconds)})


def verify_and_record(
    request: HttpRequest, subscription: Subscription, arrival: Arrival, body: bytes, now: datetime
) -> Answer:
    """Take the delivery in if it is genuine; nothing is parsed or stored of it before."""
    try:
        proof = verify(subscription.scheme, subscription.keys, request.headers, body, now)
    except VerificationError as error:
        refused = Refused(
            subscription.source_id, subscription.scheme, error.reason, request.headers, body
        )
        return refuse_unverified(arrival, error, refused)
    answer = record_verified(arrival, proof, body)
    recorder.secret_use.note(proof.secret_id, now)
    return answer


def record_verified(arrival: Arrival, proof: Proof, body: bytes) -> Answer:
    """Write a genuine delivery down, and have its event processed if it is new."""
    try:
        envelope = read_envelope(body)
    except InvalidEventError as error:
        recorder.record_invalid(arrival, proof, str(error))
        return reject(
            400, "invalid_event", field=error.field, detail=error.reason, log=describe(proof)
        )
    receipt = recorder.record_event(arrival, proof, envelope, body)
    if receipt.outcome is Delivery.Outcome.ACCEPTED:
        try:
            hand_over()
        except Exception:
            # The event is durable, so whatever this is, the answer stands; the sweep finds it.
            logger.exception("event_not_handed_over", event_id=str(envelope.event_id))
    is_conflict = receipt.outcome is Delivery.Outcome.CONFLICT
    return Answer(
        202 if receipt.outcome is Delivery.Outcome.ACCEPTED else 200,
        {"status": receipt.outcome.value, "event_id": str(envelope.event_id)},
        log=describe(proof)
        | {
            "event_id": str(envelope.event_id),
            "event_type": envelope.event_type,
            "organization": envelope.organization_uuid,
        },
        afterwards=partial(compare_conflict, receipt, body) if is_conflict else None,
    )


def refuse_unverified(arrival: Arrival, refusal: VerificationError, refused: Refused) -> Answer:
    """Answer 401; a verdict that could not be written down is a verdict all the same."""
    answer = reject(401, refusal.reason.value, log={"verification": refusal.reason.value})
    try:
        delivery_pk = recorder.record_unverified(arrival, refusal.reason, refusal.proof)
    except NotRecordedError as error:
        logger.warning("rejection_not_recorded", error=str(error))
    else:
        if delivery_pk is not None:
            answer.afterwards = partial(look_into_refusal, delivery_pk, refused)
    return answer


def describe(proof: Proof) -> dict[str, Any]:
    """Return what a log line says of a verified delivery."""
    return {
        "verification": Delivery.Verification.VERIFIED.value,
        "secret_id": proof.secret_id,
        "delivery_timestamp": proof.signed_at.isoformat() if proof.signed_at else None,
    }


def reject(
    status: int,
    reason: str,
    *,
    log: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    **details: str,
) -> Answer:
    """Return an answer that takes nothing in, with one short reason."""
    content = {"status": "rejected", "reason": reason, **details}
    return Answer(status, content, log or {}, headers or {})
