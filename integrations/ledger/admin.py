"""The ledger's pages: staff look things up and tick work off; the rest is written by effects."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import flatten
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from integrations.ledger.models import (
    LedgerActivity,
    LedgerContact,
    LedgerFollowUp,
    LedgerTicket,
    LedgerUsageRecord,
    WorkRecord,
    WorkStatus,
)
from integrations.ledger.phone_numbers import normalise_phone_number

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    ModelAdmin = TypedModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin

TITLE_LENGTH = 80
"""Characters of a title in a list."""


class RecordAdmin(ModelAdmin):
    """A page that shows what effects wrote. Every query it makes has an index at a million rows."""

    editable_fields: ClassVar[frozenset[str]] = frozenset()
    """What staff may change; nothing where it is empty."""
    long_fields: ClassVar[tuple[str, ...]] = ()
    """What a list must not even load."""

    ordering = ["-created_at"]
    list_per_page = 50
    # Both would count the whole table on every page.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add a record: effects do."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a record: it is the proof that an effect was applied."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff change a record only where it has something for them to change."""
        return bool(self.editable_fields) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Return everything on the page that staff may not change."""
        return [name for name in flatten(self.fields or ()) if name not in self.editable_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the long texts to the page of the one record that needs them."""
        return super().get_queryset(request).defer(*self.long_fields)

    def match_exactly(self, term: str) -> Q:
        """Return what finds `term` through an index, where a part of a text could not."""
        return Q(conversation_uuid=term) | Q(idempotency_key=term)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Return the records that have the term as a whole, and that none is there twice."""
        term = search_term.strip()
        return (queryset.filter(self.match_exactly(term)) if term else queryset), False


def match_phone_number(term: str) -> Q:
    """Return what finds the phone number `term`, written with its + or without."""
    number = normalise_phone_number(term)
    # An empty number would find everyone who hides theirs.
    return Q(phone_number__in=[number, f"+{number.removeprefix('+')}"] if number else [])


def mask_phone_number(number: str) -> str:
    """Return enough of `number` to tell two apart in a list, and too little to dial."""
    return f"{number[:3]}…{number[-2:]}" if len(number) > 7 else "…"  # noqa: PLR2004


@admin.register(LedgerContact)
class ContactAdmin(RecordAdmin):
    """People whom conversations were held with."""

    list_display = ["__str__", "masked_number", "created_at"]
    list_filter = ["created_at"]
    fields = ["phone_number", "activities", "created_at"]
    search_fields = ["phone_number"]
    search_help_text = "A whole phone number."

    def match_exactly(self, term: str) -> Q:
        """Find a contact by its number."""
        return match_phone_number(term)

    @admin.display(description="phone number")
    def masked_number(self, contact: LedgerContact) -> str:
        """Return the number as a list may show it."""
        return mask_phone_number(contact.phone_number)

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
        "conversation_uuid",
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
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id or phone number."

    def match_exactly(self, term: str) -> Q:
        """Find an activity by its conversation or by its contact's number."""
        # Fetched, since Postgres can combine two indexes under OR but not an index and a join.
        contacts = list(LedgerContact.objects.filter(match_phone_number(term)))
        return Q(conversation_uuid=term) | Q(contact__in=contacts)

    @admin.display(description="goals")
    def goal_results(self, activity: LedgerActivity) -> SafeString:
        """Return a line per goal."""
        words = {True: "achieved", False: "not achieved", None: "open"}
        return format_html_join(
            SafeString("<br>"),
            "{}: {} {}",
            ((goal["name"], words[goal["achieved"]], goal["reason"]) for goal in activity.goals),
        )


class WorkAdmin(RecordAdmin):
    """Work that waits for people: its status is theirs, everything else the effect's."""

    editable_fields = frozenset({"status"})
    long_fields = ("description",)
    actions = ["mark_done", "reopen"]
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id, idempotency key or phone number."

    def match_exactly(self, term: str) -> Q:
        """Find work by its conversation, its key or the caller's number."""
        return super().match_exactly(term) | match_phone_number(term)

    @admin.action(description="Mark as done", permissions=["change"])
    def mark_done(self, request: HttpRequest, queryset: QuerySet[WorkRecord]) -> None:
        """Close the selected work."""
        self._set_status(request, queryset, WorkStatus.DONE)

    @admin.action(description="Open again", permissions=["change"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[WorkRecord]) -> None:
        """Open the selected work again."""
        self._set_status(request, queryset, WorkStatus.OPEN)

    def _set_status(
        self, request: HttpRequest, queryset: QuerySet[WorkRecord], status: WorkStatus
    ) -> None:
        # Locked, so that two people who press at once are not both recorded as having done it.
        with transaction.atomic():
            changed = list(queryset.exclude(status=status).order_by("pk").select_for_update())
            self.model._default_manager.filter(pk__in=[record.pk for record in changed]).update(  # noqa: SLF001 -- documented API
                status=status, updated_at=timezone.now()
            )
            if changed:
                LogEntry.objects.log_actions(
                    str(request.user.pk), changed, CHANGE, [{"changed": {"fields": ["status"]}}]
                )
        self.message_user(request, f"{len(changed)} now {status.label}.", messages.SUCCESS)


@admin.register(LedgerTicket)
class TicketAdmin(WorkAdmin):
    """Tickets."""

    list_display = ["__str__", "short_subject", "priority", "status", "created_at"]
    list_filter = ["status", "priority", "created_at"]
    fields = [
        "status",
        "subject",
        "description",
        "priority",
        "phone_number",
        "tag_list",
        "conversation_uuid",
        "idempotency_key",
        "created_at",
        "updated_at",
    ]

    @admin.display(description="subject")
    def short_subject(self, ticket: LedgerTicket) -> str:
        """Return the subject at a list's length."""
        return Truncator(ticket.subject).chars(TITLE_LENGTH)

    @admin.display(description="tags")
    def tag_list(self, ticket: LedgerTicket) -> str:
        """Return the tags as people write them."""
        return ", ".join(ticket.tags)


@admin.register(LedgerFollowUp)
class FollowUpAdmin(WorkAdmin):
    """Follow-ups."""

    list_display = ["__str__", "short_title", "due_at", "assignee", "status", "created_at"]
    list_filter = ["status", "created_at"]
    fields = [
        "status",
        "title",
        "description",
        "due_at",
        "assignee",
        "phone_number",
        "conversation_uuid",
        "idempotency_key",
        "created_at",
        "updated_at",
    ]

    @admin.display(description="title")
    def short_title(self, follow_up: LedgerFollowUp) -> str:
        """Return the title at a list's length."""
        return Truncator(follow_up.title).chars(TITLE_LENGTH)


@admin.register(LedgerUsageRecord)
class UsageRecordAdmin(RecordAdmin):
    """What was recorded for billing."""

    list_display = [
        "__str__",
        "conversation_uuid",
        "organization_uuid",
        "seconds",
        "occurred_at",
        "created_at",
    ]
    list_filter = ["created_at"]
    fields = [
        "organization_uuid",
        "agent_uuid",
        "campaign_uuid",
        "seconds",
        "occurred_at",
        "conversation_uuid",
        "idempotency_key",
        "created_at",
    ]
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id or idempotency key."
