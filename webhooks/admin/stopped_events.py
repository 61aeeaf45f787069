"""What may be done with events whose processing, or one of whose effects, went wrong."""

from collections.abc import Mapping

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from webhooks.admin.base import ModelAdmin
from webhooks.admin.retries import ActionPage, Chosen, ask_or_do, note_choice, write_command
from webhooks.models import Event
from webhooks.operations.forecast import preview
from webhooks.operations.replay import replay
from webhooks.operations.retry import Asked, Handled, close_events
from webhooks.operations.selection import Selection, has_stopped_effect

UNDER_WAY = "processed by itself, now or when its back-off is over"

NOT_RETRIED = {
    Event.Status.PENDING: UNDER_WAY,
    Event.Status.PROCESSED: "processed, and none of its effects failed or is dead",
    Event.Status.IGNORED: "nothing is owed for it",
}
"""Why a retry leaves events alone, by their status."""

NOT_CLOSED = {
    Event.Status.PENDING: UNDER_WAY,
    Event.Status.PROCESSED: "processed; its effects are closed in their own list",
    Event.Status.IGNORED: "nothing is owed for it",
    Event.Status.CLOSED: "closed already",
}
"""Why a closing leaves events alone, by their status."""

OPTIONS = {"status__exact": "--status", "event_type": "--type"}
"""What `replay_events` calls the filters of the list."""


def retry_chosen_events(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Chosen
) -> HttpResponse | None:
    """Ask about a replay of the events that went wrong, or have it done and return nothing."""
    events = Event.objects.filter(pk__in=chosen.pks)
    wrong = Q(status__in=Event.RETRYABLE) | has_stopped_effect()
    retried = events.filter(wrong).exclude(status=Event.Status.PENDING)
    forecast = preview(retried, reopens=True).forecast
    lines = [
        ("Events: processed again", forecast.events),
        ("  of them bound to fail in the same way", forecast.failing),
        ("Effects: tried again, since they failed or are dead", forecast.retried),
        ("Effects: added, since today's routes owe them", forecast.planned),
        ("Effects: left alone, since they are done, on their way or closed", forecast.kept),
        ("Left alone: its body is not stored any more", forecast.gone),
        *list_left_alone(events.exclude(pk__in=retried.values("pk")), NOT_RETRIED),
    ]
    command = write_command(request, "replay_events --failed", OPTIONS)
    page = ActionPage(
        title="Retry events",
        verb="Retry",
        done="to be processed again",
        meaning="Events are processed again under the same keys: what was done is not done twice,"
        " what failed is tried again, and what today's routes owe is added.",
        lines=[(what, number) for what, number in lines if number],
        rows=forecast.events,
        notes=note_choice(chosen, command),
    )

    def do(asked: Asked) -> Handled:
        event_ids = tuple(retried.order_by("pk").values_list("event_id", flat=True))
        replayed = replay(
            Selection(event_ids=event_ids),
            reason=asked.reason,
            requested_by=asked.requested_by,
            requested_from=asked.requested_from,
        )
        return Handled(replayed.replay, replayed.forecast.events)

    return ask_or_do(model_admin, request, chosen, page, do)


def close_chosen_events(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Chosen
) -> HttpResponse | None:
    """Ask about closing the events, or have it done and return nothing."""
    events = Event.objects.filter(pk__in=chosen.pks)
    closable = events.filter(status__in=Event.STOPPED).count()
    page = ActionPage(
        title="Close events",
        verb="Close",
        done="closed",
        meaning="Closed events wait for nobody any more, and what they say is not taken into their"
        " conversations. They can still be retried later. Effects are closed in their own list.",
        lines=[
            ("Closed", closable),
            *list_left_alone(events.exclude(status__in=Event.STOPPED), NOT_CLOSED),
        ],
        rows=closable,
        notes=note_choice(chosen),
    )
    return ask_or_do(
        model_admin, request, chosen, page, lambda asked: close_events(list(chosen.pks), asked)
    )


def list_left_alone(
    events: QuerySet[Event], why: Mapping[Event.Status, str]
) -> list[tuple[str, int]]:
    """Return for a page how many events are left alone; `why` is the reason, by their status."""
    statuses = events.order_by().values_list("status").annotate(Count("pk"))
    return [
        (f"Left alone: {why[Event.Status(status)]}", number) for status, number in sorted(statuses)
    ]
