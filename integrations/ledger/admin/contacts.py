"""Contacts and their activities."""

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from integrations.ledger.admin.masked import mask_number
from integrations.ledger.admin.records import RecordAdmin
from integrations.ledger.models import LedgerActivity, LedgerContact


@admin.register(LedgerContact)
class ContactAdmin(RecordAdmin):
    """People whom conversations were held with.

    There is no search: all that one could search by is the number, and an address is no place for
    that. The search box of every page finds conversations by it.
    """

    list_display = ["__str__", "masked_number", "created_at"]
    list_filter = ["created_at"]
    fields = ["phone_number", "activities", "created_at"]
    personal_fields = frozenset({"phone_number"})

    @admin.display(description="phone number")
    def masked_number(self, contact: LedgerContact) -> str:
        """Return the number as a list may show it."""
        return mask_number(contact.phone_number)

    @admin.display(description="activities")
    def activities(self, contact: LedgerContact) -> SafeString:
        """Return the way to the contact's activities, of which there may be very many."""
        page = reverse("admin:ledger_ledgeractivity_changelist")
        return format_html('<a href="{}?contact__id__exact={}">Show</a>', page, contact.pk)


@admin.register(LedgerActivity)
class ActivityAdmin(RecordAdmin):
    """What is known of each conversation."""

    list_display = [
        "__str__",
        "conversation_uuid",
        "direction",
        "channel",
        "status",
        "agent_name",
        "duration_seconds",
        "score",
        "created_at",
    ]
    list_filter = ["status", "direction", "created_at"]
    fields = [
        "conversation",
        "contact",
        "direction",
        "channel",
        "status",
        "answer_status",
        "agent_name",
        "organization_name",
        "started_at",
        "ended_at",
        "duration_seconds",
        "summary",
        "score",
        "goal_results",
        "version",
        "created_at",
        "updated_at",
    ]
    long_fields = ("summary", "goals")
    personal_fields = frozenset({"summary", "goal_results"})
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id."

    def match_exactly(self, term: str) -> Q:
        """Find an activity by its conversation."""
        return Q(conversation_uuid=term)

    @admin.display(description="goals")
    def goal_results(self, activity: LedgerActivity) -> SafeString:
        """Return a line per goal."""
        words = {True: "achieved", False: "not achieved", None: "open"}
        return format_html_join(
            SafeString("<br>"),
            "{}: {} {}",
            ((goal["name"], words[goal["achieved"]], goal["reason"]) for goal in activity.goals),
        )
