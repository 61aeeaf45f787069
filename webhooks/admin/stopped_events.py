"""What may be done with events whose processing, or one of whose effects, went wrong."""

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from webhooks.admin.base import ModelAdmin
from webhooks.admin.retries import ActionPage, Chosen, ask_or_do, note_choice
from webhooks.models import Event
from webhooks.operations.forecast import preview
from webhooks.operations.replay import replay
from webhooks.operations.retry import Asked, Handled, close_events
from webhooks.operations.selection import Selection, has_stopped_effect

LEFT_ALONE = {
    Event.Status.PENDING: "waiting to be processed already",
    Event.Status.PROCESSED: "processed, and none of its effects failed or is dead",
    Event.Status.IGNORED: "nothing is owed for it",
    Event.Status.FAILED: "failed",
    Event.Status.DEAD: "dead",
    Event.Status.CLOSED: "closed already",
}
"""Why events are left alone, by their status."""


def retry_chosen_events(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Chosen
) -> HttpResponse | None:
    """Ask about a replay of the events that went wrong, or have it done and return nothing."""
    events = Event.objects.filter(pk__in=chosen.pks)
    wrong = Q(status__in=Event.RETRYABLE) | has_stopped_effect()
    retried = events.filter(wrong).exclude(status=Event.Status.PENDING)
    forecast = preview(retried).forecast
    lines = [
        ("Events: processed again", forecast.events),
        ("  of them bound to fail in the same way", forecast.failing),
        ("Effects: tried again, since they failed or are dead", forecast.retried),
        ("Effects: added, since today's routes owe them", forecast.planned),
        ("Effects: left alone, since they are done, on their way or closed", forecast.kept),
        ("Left alone: its body is not stored any more", forecast.gone),
        *list_left_alone(events.exclude(pk__in=retried.values("pk"))),
    ]
    page = ActionPage(
        title="Retry events",
        verb="Retry",
        done="to be processed again",
        meaning="Events are processed again under the same keys: what was done is not done twice,"
        " what failed is tried again, and what today's routes owe is added.",
        lines=[(what, number) for what, number in lines if number],
        rows=forecast.events,
        notes=note_choice(chosen, "replay_events --failed"),
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

    return ask_or_do(model_admin, request, page, do)


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
            *list_left_alone(events.exclude(status__in=Event.STOPPED)),
        ],
        rows=closable,
        notes=note_choice(chosen),
    )
    return ask_or_do(
        model_admin, request, page, lambda asked: close_events(list(chosen.pks), asked)
    )


def list_left_alone(events: QuerySet[Event]) -> list[tuple[str, int]]:
    """Return for a page how many events are left alone, and why."""
    statuses = events.order_by().values_list("status").annotate(Count("pk"))
    return [
        (f"Left alone: {LEFT_ALONE[Event.Status(status)]}", number)
        for status, number in sorted(statuses)
    ]
