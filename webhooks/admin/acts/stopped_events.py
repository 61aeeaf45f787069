"""What people may have done with events: processed again, or closed."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from webhooks.admin.acts.choosing import Reader, read_filters, read_times
from webhooks.admin.acts.run_questions import CLOSE_EVENTS, REPLAY
from webhooks.admin.acts.stopped import StoppedAdmin
from webhooks.models import Event, Source
from webhooks.operations.selection import Selection


class StoppedEventAdmin(StoppedAdmin):
    """Pages of events that may be replayed and closed."""

    acts: ClassVar = {"replay": REPLAY, "close": CLOSE_EVENTS}
    actions = ["replay_chosen", "close_chosen"]
    actions_detail: ClassVar = ["replay_one", "close_one"]

    def select_marked(self, keys: tuple[int, ...]) -> Selection:
        """Return the selection of the events with these keys."""
        return Selection(keys=keys)

    def select_all(self, request: HttpRequest) -> Selection:
        """Return the selection of all events that match the list's filters."""
        times, names = read_times(request, self, "received_at", "received")
        readers: dict[str, Reader] = {
            "needs": read_needs,
            "status__exact": lambda value: {"status": Event.Status(value).value},
            "event_type": lambda value: {"event_type": value},
            "source__id__exact": read_source,
            "replay__id__exact": lambda value: {"replay": int(value)},
            "conversation_uuid": lambda value: {"conversation": value},
            **dict.fromkeys(names, lambda _: times),
        }
        given: dict[str, Any] = read_filters(request.GET, readers)
        return Selection(**given)

    def find_useful_acts(self, obj: Any) -> set[str]:
        """Return what there is to do with this event."""
        on_its_way = (Event.Status.PENDING, Event.Status.HELD)
        useful = {"replay"} if obj.status not in on_its_way and obj.body_bytes else set()
        return useful | ({"close"} if obj.status in Event.STOPPED else set())

    def has_replaying_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 -- unfold's signature
        """Tell who may replay and close; the actions name this permission."""
        return request.user.has_perm(REPLAY.permission)

    @admin.action(description=REPLAY.label, permissions=["replaying"])
    def replay_chosen(self, request: HttpRequest, queryset: QuerySet[Event]) -> HttpResponse:  # noqa: ARG002 -- Django's signature
        """Ask about a replay of the marked events, or of all that match."""
        return self.go_and_ask(request, "replay")

    @admin.action(description=CLOSE_EVENTS.label, permissions=["replaying"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[Event]) -> HttpResponse:  # noqa: ARG002
        """Ask about closing the marked events, or all that match."""
        return self.go_and_ask(request, "close")

    @action(
        description=REPLAY.label,
        url_path="replay",
        icon=REPLAY.icon,
        permissions=["replaying"],
    )  # type: ignore[untyped-decorator] # unfold ships no types
    def replay_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about a replay of the event whose page it is."""
        return self.ask_about_row(request, "replay", object_id)

    @action(
        description=CLOSE_EVENTS.label,
        url_path="close",
        icon=CLOSE_EVENTS.icon,
        permissions=["replaying"],
    )  # type: ignore[untyped-decorator]
    def close_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about closing the event whose page it is."""
        return self.ask_about_row(request, "close", object_id)


def read_needs(value: str) -> dict[str, object]:
    """Return what the filter by what needs people says. Raises ValueError."""
    if value != "people":
        raise ValueError
    return {"needs_people": True}


def read_source(value: str) -> dict[str, object]:
    """Return which source the filter names. Raises ValueError."""
    slug = Source.objects.filter(pk=int(value)).values_list("slug", flat=True).first()
    if slug is None:
        raise ValueError
    return {"source": slug}
