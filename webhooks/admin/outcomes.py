"""What the pages of events, conversations and effects tell of deliveries, effects and attempts."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webhooks.admin.explanations import (
    explain_attempt,
    explain_delivery,
    explain_effect,
)
from webhooks.admin.labels import render_label
from webhooks.admin.links import link_out, link_to_replay, page_of, show_time
from webhooks.models import Attempt, Delivery, Effect, Event, Replay

MOST = 200
"""Rows of one kind on a page."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """A delivery as a page of its event shows it."""

    url: str
    received: SafeString | str
    label: SafeString
    meaning: str
    verification: str


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """An attempt as a page of its effect shows it. `duration` is in words."""

    number: int
    started: SafeString | str
    duration: str
    label: SafeString
    meaning: str
    worker: str


@dataclass(frozen=True, slots=True)
class EffectOutcome:
    """An effect as a page of its event shows it."""

    url: str
    integration: str
    label: SafeString
    key: str
    meaning: str
    downstream: SafeString | str
    attempts: Sequence[AttemptOutcome]


def describe_deliveries(request: HttpRequest, event: Event) -> list[DeliveryOutcome]:
    """Return the event's deliveries in the order in which they came, to who may see them."""
    if not request.user.has_perm("webhooks.view_delivery"):
        return []
    deliveries = event.deliveries.select_related("source").order_by("pk")[:MOST]
    return [
        DeliveryOutcome(
            url=page_of(Delivery, delivery.pk),
            received=show_time(delivery.received_at),
            label=render_label(Delivery.Outcome(delivery.outcome)),
            meaning=explain_delivery(delivery),
            verification=delivery.get_verification_display(),
        )
        for delivery in deliveries
    ]


def describe_effects(request: HttpRequest, effects: QuerySet[Effect]) -> list[EffectOutcome]:
    """Return effects with their attempts, to who may see them."""
    if not request.user.has_perm("webhooks.view_effect"):
        return []
    effects = effects.select_related("replay__requested_by").defer("request", "preview")
    effects = effects.prefetch_related("attempts").order_by("pk")[:MOST]
    return [
        EffectOutcome(
            url=page_of(Effect, effect.pk),
            integration=effect.get_integration_display(),
            label=render_label(Effect.State(effect.state)),
            key=effect.idempotency_key,
            meaning=explain_effect(effect),
            downstream=link_out(effect.external_url, effect.external_id),
            attempts=describe_attempts(request, effect),
        )
        for effect in effects
    ]


def describe_attempts(request: HttpRequest, effect: Effect) -> list[AttemptOutcome]:
    """Return the effect's attempts in their order, to who may see them."""
    if not request.user.has_perm("webhooks.view_attempt"):
        return []
    return [
        AttemptOutcome(
            number=attempt.number,
            started=show_time(attempt.started_at),
            duration=show_duration(attempt),
            label=render_label(Attempt.Outcome(attempt.outcome)),
            meaning=explain_attempt(attempt),
            worker=attempt.worker,
        )
        for attempt in effect.attempts.all()
    ]


def describe_request(replay: Replay | None, *, is_link: bool) -> SafeString | str:
    """Return what somebody had done with a row, when and why.

    Whoever may see the row is told so much; `is_link`: they may also see the record of it.
    """
    if replay is None:
        return "-"
    name = link_to_replay(replay, str(replay).capitalize(), is_link=is_link)
    return format_html("{}, {}: {}", name, show_time(replay.created_at), replay.reason)


def show_duration(attempt: Attempt) -> str:
    """Return how long an attempt took."""
    if attempt.finished_at is None:
        return "-"
    milliseconds = (attempt.finished_at - attempt.started_at).total_seconds() * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004 -- a second
