"""Attempts: every try of an effect."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.filters import WrittenTimeFilter
from webhooks.admin.find.search import match_attempts
from webhooks.admin.words.advice import describe_step
from webhooks.admin.words.explanations import explain_attempt
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_to, shorten_text, show_age, show_time
from webhooks.admin.words.next_steps import advise_attempt
from webhooks.admin.words.outcomes import show_duration
from webhooks.models import Attempt, Effect


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """Attempts, the latest first."""

    list_display = ["age", "effect_link", "number", "result", "took", "why", "worker"]
    list_filter = [("started_at", WrittenTimeFilter)]
    ordering = ["-id"]
    search_fields = ["effect__idempotency_key"]
    search_help_text = "Idempotency key, event id or conversation"
    fields = [
        ("effect_link", "number"),
        ("result", "error_class"),
        ("started", "finished"),
        ("took", "worker"),
    ]
    change_form_template = "admin/webhooks/outcome.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        """Bring each attempt's effect along, without what it asks for."""
        attempts = super().get_queryset(request).select_related("effect")
        return attempts.defer("effect__request", "effect__preview")

    def get_page_context(self, request: HttpRequest, obj: Attempt) -> dict[str, Any]:
        """Return how it ended, whose fault that is and what to do."""
        effect = obj.effect
        advice = advise_attempt(obj)
        return {
            **super().get_page_context(request, obj),
            "heading": f"Attempt {obj.number} on {effect.get_integration_display()}",
            "meaning": explain_attempt(obj) or f"It went well, and took {show_duration(obj)}.",
            "step": describe_step(
                advice.at(alias=effect.integration) if advice else None, request.user
            ),
        }

    def match(self, term: str) -> Q:
        """Find attempts by what finds their effects."""
        return match_attempts(term)

    @admin.display(description="effect")
    def effect_link(self, attempt: Attempt) -> SafeString:
        """Return the way to the effect."""
        effect = attempt.effect
        text = shorten_text(effect.idempotency_key, 24)
        return link_to(Effect, effect.pk, text, effect.idempotency_key)

    @admin.display(description="outcome")
    def result(self, attempt: Attempt) -> SafeString:
        """Return how it ended."""
        return render_label(Attempt.Outcome(attempt.outcome))

    @admin.display(description="error")
    def why(self, attempt: Attempt) -> str:
        """Return what went wrong, at a list's length."""
        return shorten_text(attempt.error) or "-"

    @admin.display(description="took")
    def took(self, attempt: Attempt) -> str:
        """Return how long it took."""
        return show_duration(attempt)

    @admin.display(description="started")
    def started(self, attempt: Attempt) -> Any:
        """Return when it began."""
        return show_time(attempt.started_at)

    @admin.display(description="started")
    def age(self, attempt: Attempt) -> SafeString | str:
        """Return how long ago it began."""
        return show_age(attempt.started_at)

    @admin.display(description="finished")
    def finished(self, attempt: Attempt) -> Any:
        """Return when it ended."""
        return show_time(attempt.finished_at)
