"""What people may have done with effects: tried again, closed, or done a second time."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from webhooks.admin.acts.choosing import Reader, read_filters, read_times
from webhooks.admin.acts.run_questions import CLOSE_EFFECTS, REDO, RETRY
from webhooks.admin.acts.stopped import StoppedAdmin
from webhooks.admin.acts.stopped_events import read_needs
from webhooks.models import Effect
from webhooks.operations.selection import EffectSelection


class StoppedEffectAdmin(StoppedAdmin):
    """Pages of effects that may be retried, closed and done again."""

    acts: ClassVar = {"retry": RETRY, "close": CLOSE_EFFECTS, "redo": REDO}
    actions = ["retry_chosen", "close_chosen", "redo_chosen"]
    actions_detail: ClassVar = ["retry_one", "close_one", "redo_one"]

    def select_marked(self, keys: tuple[int, ...]) -> EffectSelection:
        """Return the selection of the effects with these keys."""
        return EffectSelection(effects=keys)

    def select_all(self, request: HttpRequest) -> EffectSelection:
        """Return the selection of all effects that match the list's filters."""
        planned, planned_names = read_times(request, self, "created_at", "planned")
        ended, ended_names = read_times(request, self, "finished_at", "ended")
        readers: dict[str, Reader] = {
            "needs": read_needs,
            "state__exact": lambda value: {"state": Effect.State(value).value},
            "integration__exact": lambda value: {"integration": Effect.Integration(value).value},
            "event_type": lambda value: {"event_type": value},
            "replay__id__exact": lambda value: {"replay": int(value)},
            **dict.fromkeys(planned_names, lambda _: planned),
            **dict.fromkeys(ended_names, lambda _: ended),
        }
        given: dict[str, Any] = read_filters(request.GET, readers)
        return EffectSelection(**given)

    def find_useful_acts(self, obj: Any) -> set[str]:
        """Return what there is to do with this effect."""
        useful = {
            "retry": obj.state in Effect.RETRYABLE,
            "close": obj.state in Effect.STOPPED,
            "redo": obj.state == Effect.State.SUCCEEDED,
        }
        return {name for name, is_useful in useful.items() if is_useful}

    def has_retrying_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 -- unfold's signature
        """Tell who may retry and close; the actions name this permission."""
        return request.user.has_perm(RETRY.permission)

    def has_redoing_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Tell who may have done again what succeeded."""
        return request.user.has_perm(REDO.permission)

    @admin.action(description=RETRY.label, permissions=["retrying"])
    def retry_chosen(self, request: HttpRequest, queryset: QuerySet[Effect]) -> HttpResponse:  # noqa: ARG002 -- Django's signature
        """Ask about a retry of the marked effects, or of all that match."""
        return self.go_and_ask(request, "retry")

    @admin.action(description=CLOSE_EFFECTS.label, permissions=["retrying"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[Effect]) -> HttpResponse:  # noqa: ARG002
        """Ask about closing the marked effects, or all that match."""
        return self.go_and_ask(request, "close")

    @admin.action(description=REDO.label, permissions=["redoing"])
    def redo_chosen(self, request: HttpRequest, queryset: QuerySet[Effect]) -> HttpResponse:  # noqa: ARG002
        """Ask about doing the marked effects again, or all that match."""
        return self.go_and_ask(request, "redo")

    @action(description=RETRY.label, url_path="retry", icon=RETRY.icon, permissions=["retrying"])  # type: ignore[untyped-decorator] # unfold ships no types
    def retry_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about a retry of the effect whose page it is."""
        return self.ask_about_row(request, "retry", object_id)

    @action(
        description=CLOSE_EFFECTS.label,
        url_path="close",
        icon=CLOSE_EFFECTS.icon,
        permissions=["retrying"],
    )  # type: ignore[untyped-decorator]
    def close_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about closing the effect whose page it is."""
        return self.ask_about_row(request, "close", object_id)

    @action(description=REDO.label, url_path="redo", icon=REDO.icon, permissions=["redoing"])  # type: ignore[untyped-decorator]
    def redo_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about doing the effect again whose page it is."""
        return self.ask_about_row(request, "redo", object_id)
