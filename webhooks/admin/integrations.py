"""The integrations: whether each may be called, since when not and why, and a pause for people."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from integrations.admin.explanations import (
    COLOURS,
    describe_limits,
    explain_budget,
    name_backend,
    show_time,
)
from integrations.base import Alias
from integrations.budget import NOTHING_TO_LIFT
from integrations.budget.rows import make_rows
from integrations.kinds import REQUESTS
from integrations.models import Budget
from webhooks.admin.acts.asking import OptionalReasonForm, ReasonForm, ask
from webhooks.admin.acts.choosing import ROWS, refuse_action
from webhooks.admin.acts.integration_pauses import CLOSED, ask_to_pause, ask_to_resume
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.audit import actor_of
from webhooks.operations.pausing import pause_integration, resume_integration

PERMISSION = "integrations.pause_integration"


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    """A row for each integration, whether or not anything was ever asked of it."""

    list_display = ["alias", "backend", "state", "meaning", "limits", "next_slot", "switch"]
    fields = ["alias", "backend", "state", "meaning", "limits", "failures", "next_slot"]
    actions = ["pause_selected", "resume_selected"]
    actions_detail: ClassVar = ["pause_one", "resume_one"]

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that ask about several integrations at once."""
        asks = path(
            "ask/<slug:deed>/",
            self.admin_site.admin_view(self.ask_about_list),
            name="integrations_budget_ask",
        )
        return [asks, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """Add the database's time, which is what the row's times are to be compared with."""
        budgets: QuerySet[Budget] = super().get_queryset(request).annotate(now=Now())
        return budgets

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the ways to a pause to those who may pause."""
        columns = super().get_list_display(request)
        return [name for name in columns if name != "switch" or self.has_pause_permission(request)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the integrations that nothing was asked of, too: they can be paused beforehand."""
        refuse_action(self, request)
        make_rows(REQUESTS)
        return super().changelist_view(request, extra_context)

    def has_pause_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 -- Django's signature
        """Tell who may pause and resume; the actions name this permission."""
        return request.user.has_perm(PERMISSION)

    @admin.action(description="Pause", permissions=["pause"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:  # noqa: ARG002 -- Django's signature
        """Ask about a pause of the marked integrations."""
        return go_and_ask("pause", queryset)

    @admin.action(description="Resume", permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:  # noqa: ARG002
        """Ask about letting the marked integrations go on."""
        return go_and_ask("resume", queryset)

    @action(description="Pause", url_path="pause", icon="pause", permissions=["pause"])  # type: ignore[untyped-decorator] # unfold ships no types
    def pause_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about a pause of the integration whose page it is."""
        page = reverse("admin:integrations_budget_change", args=[object_id])
        return self.pause(request, self.read_budgets(request, [unquote(object_id)]), page)

    @action(description="Resume", url_path="resume", icon="resume", permissions=["pause"])  # type: ignore[untyped-decorator]
    def resume_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about letting the integration go on whose page it is."""
        page = reverse("admin:integrations_budget_change", args=[object_id])
        return self.resume(request, self.read_budgets(request, [unquote(object_id)]), page)

    def ask_about_list(self, request: HttpRequest, deed: str) -> HttpResponse:
        """Ask about the integrations that the address names, or do what was asked."""
        if not (self.has_view_permission(request) and self.has_pause_permission(request)):
            raise PermissionDenied
        budgets = self.read_budgets(request, request.GET.get(ROWS, "").split(","))
        back = reverse("admin:integrations_budget_changelist")
        if deed == "pause":
            return self.pause(request, budgets, back)
        if deed == "resume":
            return self.resume(request, budgets, back)
        raise Http404

    def pause(self, request: HttpRequest, budgets: Sequence[Any], back: str) -> HttpResponse:
        """Ask for a reason, then stop the integrations."""
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return ask(request, self, ask_to_pause(budgets, back), form)
        for budget in budgets:
            reason = form.cleaned_data["reason"]
            if pause_integration(cast("Alias", budget.alias), actor_of(request), reason):
                self.message_user(request, f"{budget} is paused.", messages.SUCCESS)
            else:
                self.message_user(request, f"{budget} is paused already.", messages.WARNING)
        return HttpResponseRedirect(back)

    def resume(self, request: HttpRequest, budgets: Sequence[Any], back: str) -> HttpResponse:
        """Ask first, then let the integrations go on at once, whatever keeps them back."""
        form = OptionalReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return ask(request, self, ask_to_resume(budgets, back), form)
        for budget in budgets:
            reason = form.cleaned_data["reason"]
            lifted = resume_integration(cast("Alias", budget.alias), actor_of(request), reason)
            level = messages.SUCCESS if lifted else messages.WARNING
            self.message_user(request, f"{budget}: {lifted or NOTHING_TO_LIFT}", level)
        return HttpResponseRedirect(back)

    def read_budgets(self, request: HttpRequest, aliases: Sequence[str]) -> list[Any]:
        """Return the integrations of these names. Raises Http404 where there is none."""
        make_rows(REQUESTS)
        budgets = list(self.get_queryset(request).filter(pk__in=aliases).order_by("pk"))
        if not budgets:
            raise Http404
        return budgets

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer on an integration's page what there is to do with it."""
        budget: Any = self.get_object(request, unquote(object_id))
        if budget is None:
            return []
        offered = {
            "integrations_budget_pause_one": budget.paused_at is None,
            "integrations_budget_resume_one": budget.read_state(budget.now) in CLOSED,
        }
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold's
        return [item for item in actions if offered[item.action_name]]

    @admin.display(description="state")
    def state(self, budget: Any) -> SafeString:
        """Return whether effects may begin."""
        state = budget.read_state(budget.now)
        context = {"text": state.label, "type": COLOURS[state]}
        return render_to_string("unfold/helpers/label.html", context)

    @admin.display(description="backend")
    def backend(self, budget: Any) -> str:
        """Return what applies its effects."""
        return name_backend(budget.alias)

    @admin.display(description="in words")
    def meaning(self, budget: Any) -> str:
        """Return the state in words."""
        return explain_budget(budget, budget.now)

    @admin.display(description="limits")
    def limits(self, budget: Any) -> str:
        """Return what the settings allow all workers together."""
        return describe_limits(budget.alias)

    @admin.display(description="next slot")
    def next_slot(self, budget: Any) -> SafeString | str:
        """Return when the next request may leave, where effects may begin at all."""
        if budget.read_state(budget.now) not in (Budget.State.OPEN, Budget.State.HALF_OPEN):
            return "-"
        is_ahead = budget.next_slot_at is not None and budget.next_slot_at > budget.now
        return show_time(budget.next_slot_at) if is_ahead else "at once"

    @admin.display(description="pause")
    def switch(self, budget: Any) -> SafeString:
        """Return the way to a pause, or to its end."""
        deed = "resume" if budget.read_state(budget.now) in CLOSED else "pause"
        href = reverse(f"admin:integrations_budget_{deed}_one", args=[budget.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', href, deed.capitalize())


def go_and_ask(deed: str, budgets: QuerySet[Budget]) -> HttpResponse:
    """Send the browser from an action of the list to the page that asks about it."""
    rows = ",".join(budgets.values_list("pk", flat=True))
    asks = reverse("admin:integrations_budget_ask", args=[deed])
    return HttpResponseRedirect(f"{asks}?{ROWS}={rows}")
