"""Conversations: what all of a conversation's events say, and all that happened for it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.labels import render_label
from webhooks.admin.links import shorten, show_time
from webhooks.admin.payload import may_see_payload, show_number
from webhooks.admin.search import match_conversations
from webhooks.admin.timeline import build_timeline, split_days
from webhooks.models import Conversation
from webhooks.processing.requests import read_due

HIDDEN = "Only for people with the permission to see what was said."


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
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
    ]
    list_filter = [("status", ChoicesDropdownFilter)]
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

    def match(self, term: str) -> Q:
        """Find conversations by their id or by an event."""
        return match_conversations(term)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Conversation | None:
        """Return the conversation with who is reading it: some facts are not for everyone."""
        conversation = super().get_object(request, *args, **kwargs)
        if conversation is not None:
            conversation.reader = request
        return conversation

    def get_page_context(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return the conversation's timeline."""
        return {"days": split_days(build_timeline(obj, request.user))}

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
        """Return the caller's number, as the reader may see it."""
        return show_number(conversation.reader, conversation.from_number)

    @admin.display(description="to")
    def to_party(self, conversation: Any) -> str:
        """Return the number called, as the reader may see it."""
        return show_number(conversation.reader, conversation.to_number)

    @admin.display(description="summary")
    def told(self, conversation: Any) -> str:
        """Return the analysis's summary, to who may see it."""
        if not may_see_payload(conversation.reader.user):
            return HIDDEN
        return conversation.summary or "-"

    @admin.display(description="goals")
    def goal_results(self, conversation: Any) -> SafeString | str:
        """Return each goal with its result and the reason, to who may see them."""
        if not may_see_payload(conversation.reader.user):
            return HIDDEN
        labels = {
            True: render_label("succeeded", "achieved"),
            False: render_label("failed", "missed"),
            None: render_label("", "open"),
        }
        goals = (
            (labels[goal["achieved"]], goal["name"], goal["reason"]) for goal in conversation.goals
        )
        return format_html_join("", '<p class="sb-line">{} <b>{}</b> {}</p>', goals) or "-"

    @admin.display(description="follow-ups")
    def asked_for(self, conversation: Any) -> SafeString | str:
        """Return what the analysis asks people to do, to who may see it."""
        if not may_see_payload(conversation.reader.user):
            return HIDDEN
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
