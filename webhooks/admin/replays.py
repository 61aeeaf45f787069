"""Runs: what people had done with events and effects, when and why, and how far it is."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action

from webhooks.admin.acts.asking import OptionalReasonForm, Question, ask
from webhooks.admin.acts.choosing import describe_choice
from webhooks.admin.acts.progress import describe_progress, say_looked_at
from webhooks.admin.acts.run_questions import may_stop
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.paginator import parse_key
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import page_of, shorten_text, show_time
from webhooks.audit import actor_of
from webhooks.models import Replay
from webhooks.operations.runs import stop

STOPPING = (
    "It ends as soon as the rows that are just being dealt with are done. What was done by then"
    " stays so. For the rest, ask for it again."
)


class PersonFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Runs by who asked for them, among those who ever did."""

    title = "who"
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the people, and that it was nobody with an account."""
        askers = Replay.objects.order_by().values("requested_by")
        people = User.objects.filter(pk__in=askers).order_by("username")
        return [*((str(user.pk), user.get_username()) for user in people), ("none", "no account")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Replay]) -> QuerySet[Replay]:  # noqa: ARG002
        """Return the runs that the chosen one asked for."""
        if not self.value():
            return queryset
        if self.value() == "none":
            return queryset.filter(requested_by=None)
        key = parse_key(str(self.value()))
        return queryset.none() if key is None else queryset.filter(requested_by=key)


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    """Runs; the page of one is where it is followed, and its record afterwards."""

    list_display = ["kind", "condition", "progress", "who", "door", "why", "requested"]
    list_filter = [
        ("action", ChoicesDropdownFilter),
        ("state", ChoicesDropdownFilter),
        PersonFilter,
    ]
    list_filter_submit = False
    list_select_related = ["requested_by", "stopped_by"]
    fields = [
        ("kind", "chosen"),
        "why_in_full",
        ("who", "door"),
        ("requested", "finished"),
        "stopped",
    ]
    actions_detail: ClassVar = ["stop_one"]
    change_form_template = "admin/webhooks/run.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the part of a run's page that is asked for again and again."""
        progress = path(
            "<int:run_id>/progress/",
            self.admin_site.admin_view(self.show_progress),
            name="webhooks_replay_progress",
        )
        return [progress, *super().get_urls()]

    def get_page_context(self, request: HttpRequest, obj: Replay) -> dict[str, Any]:
        """Return how far the run is."""
        return {"progress": describe_progress(obj, request.user)}

    def show_progress(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return how far a run is, to be put into its page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.find_run(str(run_id))
        context = {"progress": describe_progress(run, request.user), "original": run}
        return TemplateResponse(request, "admin/webhooks/progress.html", context)

    @action(description="Stop", url_path="stop", icon="stop_circle")  # type: ignore[untyped-decorator] # unfold ships no types
    def stop_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether the run is to be stopped, and stop it."""
        run = self.find_run(unquote(object_id))
        if not (self.has_view_permission(request) and may_stop(request.user, run)):
            raise PermissionDenied
        form = OptionalReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            if not stop(run, actor_of(request), form.cleaned_data["reason"]):
                said = "It had ended before, or was being stopped already."
                self.message_user(request, said, messages.WARNING)
            return HttpResponseRedirect(page_of(Replay, run.pk))
        question = Question(
            title=f"Stop {run}",
            meaning=[f"{say_looked_at(run)}.", STOPPING],
            verb="Stop it" if run.state in Replay.UNDER_WAY and not run.is_stopping else "",
            refusal="It has ended, or is being stopped already.",
            back=page_of(Replay, run.pk),
            back_to=str(run),
        )
        return ask(request, self, question, form)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to stop a run that is under way, to who may."""
        run = self.get_object(request, unquote(object_id))
        if run is None or run.state not in Replay.UNDER_WAY or not may_stop(request.user, run):
            return []
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold's
        return actions

    def find_run(self, key: str) -> Replay:
        """Return the run of that key, with who had a hand in it. Raises Http404."""
        runs = Replay.objects.select_related("requested_by", "stopped_by")
        run = runs.filter(pk=key).first() if key.isascii() and key.isdecimal() else None
        if run is None:
            raise Http404
        return run

    @admin.display(description="what")
    def kind(self, run: Replay) -> str:
        """Return what was asked for."""
        return run.get_action_display()

    @admin.display(description="state")
    def condition(self, run: Replay) -> SafeString:
        """Return how far it has come, in a word."""
        return render_label(Replay.State(run.state))

    @admin.display(description="progress")
    def progress(self, run: Replay) -> str:
        """Return how many rows were dealt with."""
        return say_looked_at(run)

    @admin.display(description="who")
    def who(self, run: Replay) -> str:
        """Return who asked for it."""
        return run.requested_by.get_username() if run.requested_by else "-"

    @admin.display(description="through")
    def door(self, run: Replay) -> str:
        """Return the door, and who it was that has no account here."""
        return run.requested_from

    @admin.display(description="rows")
    def chosen(self, run: Replay) -> SafeString:
        """Return how the rows were chosen."""
        return format_html_join(", ", "{}", ((words,) for words in describe_choice(run.selection)))

    @admin.display(description="requested")
    def requested(self, run: Replay) -> Any:
        """Return when it was asked for."""
        return show_time(run.created_at)

    @admin.display(description="ended")
    def finished(self, run: Replay) -> Any:
        """Return when it ended."""
        return show_time(run.finished_at)

    @admin.display(description="stopped by")
    def stopped(self, run: Replay) -> str:
        """Return who stopped it."""
        return run.stopped_by.get_username() if run.stopped_by else "-"

    @admin.display(description="reason")
    def why(self, run: Replay) -> str:
        """Return the reason given, at a list's length."""
        return shorten_text(run.reason)

    @admin.display(description="reason")
    def why_in_full(self, run: Replay) -> str:
        """Return the reason given."""
        return run.reason
