"""The integrations: whether each may be called, since when not and why, and a pause for people."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from integrations.admin.explanations import (
    COLOURS,
    describe_limits,
    explain_budget,
    name_backend,
    show_time,
)
from integrations.base import Alias
from integrations.budget import NOTHING_TO_LIFT, pause, resume
from integrations.budget.rows import make_rows
from integrations.kinds import REQUESTS
from integrations.models import Budget

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    ModelAdmin = TypedModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin


class PauseForm(forms.Form):
    """Why somebody pauses."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="For whoever wonders later. It is shown to everybody who may see this list.",
        error_messages={"required": "Say why."},
    )


@admin.register(Budget)
class BudgetAdmin(ModelAdmin):
    """A row for each integration, whether or not anything was ever asked of it."""

    list_display = ["alias", "backend", "state", "meaning", "limits", "next_slot"]
    fields = ["alias", "backend", "state", "meaning", "limits", "failures", "next_slot"]
    readonly_fields = ["alias", "backend", "state", "meaning", "limits", "failures", "next_slot"]
    actions = ["pause_selected", "resume_selected"]
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add an integration: the four are what there is."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody write what workers rely on; the actions are for people."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a row: it would end a pause and a hold that nobody meant to end."""
        return False

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Tell who may pause and resume; the actions name this permission."""
        return request.user.has_perm("integrations.pause_integration")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        """Offer no filter, so take none."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the database's time, which is what the row's times are to be compared with."""
        budgets: QuerySet[Any] = super().get_queryset(request).annotate(now=Now())
        return budgets

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the integrations that nothing was asked of, too: they can be paused beforehand."""
        make_rows(REQUESTS)
        return super().changelist_view(request, extra_context)

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

    @admin.action(description="Pause", permissions=["pause"])
    def pause_selected(
        self, request: HttpRequest, queryset: QuerySet[Budget]
    ) -> HttpResponse | None:
        """Ask for a reason, then stop the chosen integrations."""
        form = PauseForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return self.ask_for_reason(request, list(queryset), form)
        reason = form.cleaned_data["reason"]
        for budget in queryset:
            # Together, so that no pause is there of which the history says nothing.
            with transaction.atomic():
                done = pause(cast("Alias", budget.alias), request.user.get_username(), reason)
                if done:
                    self.log_change(request, budget, f"Paused: {reason}")
            if done:
                self.message_user(request, f"{budget} is paused.", messages.SUCCESS)
            else:
                self.message_user(request, f"{budget} is paused already.", messages.WARNING)
        return None

    @admin.action(description="Resume", permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        """Let the chosen integrations go on at once, whatever keeps them back."""
        for budget in queryset:
            with transaction.atomic():
                lifted = resume(cast("Alias", budget.alias), request.user.get_username())
                if lifted:
                    self.log_change(request, budget, f"Resumed. {lifted}")
            level = messages.SUCCESS if lifted else messages.WARNING
            self.message_user(request, f"{budget}: {lifted or NOTHING_TO_LIFT}", level)

    def ask_for_reason(
        self, request: HttpRequest, budgets: list[Budget], form: PauseForm
    ) -> HttpResponse:
        """Return the page that asks why."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Pause " + ", ".join(budget.alias for budget in budgets),
            "budgets": budgets,
            "form": form,
        }
        return TemplateResponse(request, "admin/integrations/pause.html", context)
