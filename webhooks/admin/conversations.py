"""Conversations: what all of a conversation's events say, and all that happened for it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webhooks.admin.find.callers import CallerOfConversationFilter, link_caller
from webhooks.admin.find.filters import (
    AnalysisFilter,
    CountedChoicesFilter,
    TimeRangeFilter,
    WrittenTimeFilter,
    count_choices,
    lacks_analysis,
)
from webhooks.admin.find.saved_views import BuiltIn
from webhooks.admin.find.search import match_conversations
from webhooks.admin.personal.looks import LookAdmin
from webhooks.admin.personal.masking import mark
from webhooks.admin.personal.payload import show_number
from webhooks.admin.words.durations import count
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import shorten, show_age, show_time
from webhooks.admin.words.timeline import build_timeline, scope_conversation, split_days
from webhooks.models import Conversation
from webhooks.processing.requests import read_due


@admin.register(Conversation)
class ConversationAdmin(LookAdmin):
    """Conversations."""

    list_display = [
        "short_id",
        "state",
        "short_agent",
        "direction",
        "channel",
        "started",
        "duration",
        "score",
        "analysed",
        "age",
    ]
    list_filter = [
        ("status", CountedChoicesFilter),
        AnalysisFilter,
        ("first_seen_at", WrittenTimeFilter),
        ("ended_at", TimeRangeFilter),
        CallerOfConversationFilter,
    ]
    counted = {
        ("analysis", "missing"): lacks_analysis(),
        **count_choices("status__exact", "status", Conversation.Status.values),
    }
    built_in_views = [
        BuiltIn("Failed", lambda: {"status__exact": "failed"}, lambda: Q(status="failed")),
        BuiltIn(
            "In progress",
            lambda: {"status__exact": "in_progress"},
            lambda: Q(status="in_progress"),
        ),
        BuiltIn("Analysis missing", lambda: {"analysis": "missing"}, lacks_analysis),
    ]
    search_fields = ["conversation_uuid"]
    search_help_text = "Conversation or event id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("conversation_uuid", "state"),
                    ("organization_name", "agent"),
                    ("channel", "direction"),
                    ("from_party", "to_party"),
                    ("started", "ended"),
                    ("duration", "answer_status"),
                ]
            },
        ),
        ("Analysis", {"fields": [("analysed", "score"), "told", "goal_results", "asked_for"]}),
    ]
    change_form_template = "admin/webhooks/conversation.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """Leave what was said to the page of the one conversation."""
        return super().get_queryset(request).defer("summary", "goals", "follow_ups", "stamps")

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Return the order of an index that has a span of ends together, where one is asked for."""
        by_end = any(name.startswith("ended_at_") and request.GET[name] for name in request.GET)
        return ["-ended_at", "-id"] if by_end else ["-id"]

    def match(self, term: str) -> Q:
        """Find conversations by their id or by an event."""
        return match_conversations(term)

    def get_page_context(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return the conversation's timeline, and the ways to what else there is of its caller."""
        return {
            **super().get_page_context(request, obj),
            "links": link_caller(obj, request.user),
            "days": split_days(build_timeline(scope_conversation(obj), request.user)),
        }

    @admin.display(description="conversation")
    def short_id(self, conversation: Conversation) -> str:
        """Return the beginning of the conversation's id."""
        return shorten(conversation.conversation_uuid)

    @admin.display(description="status")
    def state(self, conversation: Conversation) -> SafeString:
        """Return the sender's word for how it is going or ended."""
        # The sender may use a word that nobody knows.
        return render_label(conversation.status, conversation.get_status_display() or "unknown")

    @admin.display(description="agent")
    def agent(self, conversation: Conversation) -> str:
        """Return the agent's name; its id where no event has told the name."""
        return conversation.agent_name or conversation.agent_uuid or "-"

    @admin.display(description="agent")
    def short_agent(self, conversation: Conversation) -> str:
        """Return the agent's name, or the beginning of its id."""
        return conversation.agent_name or shorten(conversation.agent_uuid) or "-"

    @admin.display(description="started")
    def started(self, conversation: Conversation) -> Any:
        """Return when it began, by the sender's clock."""
        return show_time(conversation.started_at)

    @admin.display(description="first seen")
    def age(self, conversation: Conversation) -> SafeString | str:
        """Return how long ago its first event was processed."""
        return show_age(conversation.first_seen_at)

    @admin.display(description="ended")
    def ended(self, conversation: Conversation) -> Any:
        """Return when it ended, by the sender's clock."""
        return show_time(conversation.ended_at)

    @admin.display(description="analysed")
    def analysed(self, conversation: Conversation) -> Any:
        """Return when its analysis was done, by the sender's clock."""
        return show_time(conversation.analysed_at)

    @admin.display(description="duration")
    def duration(self, conversation: Conversation) -> str:
        """Return how long it took."""
        seconds = conversation.duration_seconds
        return "-" if seconds is None else f"{seconds // 60}:{seconds % 60:02} min"

    @admin.display(description="from")
    def from_party(self, conversation: Any) -> str:
        """Return the caller's number, masked until it is asked for."""
        return show_number(conversation.from_number, in_full=conversation.shows_said)

    @admin.display(description="to")
    def to_party(self, conversation: Any) -> str:
        """Return the number called, masked until it is asked for."""
        return show_number(conversation.to_number, in_full=conversation.shows_said)

    @admin.display(description="summary")
    def told(self, conversation: Any) -> str:
        """Return the analysis's summary, or how long it is."""
        length = len(conversation.summary)
        if conversation.shows_said or not length:
            return conversation.summary or "-"
        return mark(f"text, {count(length, 'character')}")

    @admin.display(description="goals")
    def goal_results(self, conversation: Any) -> SafeString | str:
        """Return each goal's result; with what it was and why, where that is shown."""
        labels = {
            True: render_label("succeeded", "achieved"),
            False: render_label("failed", "missed"),
            None: render_label("", "open"),
        }
        shown = conversation.shows_said
        goals = (
            (
                labels[goal["achieved"]],
                goal["name"] if shown else mark("goal"),
                goal["reason"] if shown else "",
            )
            for goal in conversation.goals
        )
        return format_html_join("", '<p class="sb-line">{} <b>{}</b> {}</p>', goals) or "-"

    @admin.display(description="follow-ups")
    def asked_for(self, conversation: Any) -> SafeString | str:
        """Return what the analysis asks people to do, or how many things."""
        if not conversation.shows_said and conversation.follow_ups:
            return mark(count(len(conversation.follow_ups), "follow-up"))
        lines = (
            (
                item["title"],
                format_html(", due {}", show_due(item["due_at"])) if item["due_at"] else "",
            )
            for item in conversation.follow_ups
        )
        return format_html_join("", '<p class="sb-line"><b>{}</b>{}</p>', lines) or "-"


def show_due(text: str) -> SafeString | str:
    """Return when a follow-up is due; in the analysis's own words where they name no time."""
    moment = read_due(text)
    return show_time(moment) if moment else text
