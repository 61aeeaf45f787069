"""Tickets and follow-ups."""

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from integrations.ledger.admin.records import RecordAdmin, match_phone_number
from integrations.ledger.models import LedgerFollowUp, LedgerTicket, WorkRecord, WorkStatus

TITLE_LENGTH = 80
"""Characters of a title in a list."""


class WorkAdmin(RecordAdmin):
    """Work that waits for people: its status is theirs, everything else the effect's."""

    editable_fields = frozenset({"status"})
    long_fields = ("description",)
    personal_fields = frozenset(
        {
            "subject",
            "short_subject",
            "title",
            "short_title",
            "description",
            "phone_number",
            # The analysis names who is to do it, and may name the caller.
            "assignee",
        }
    )
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
        "conversation",
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
        "conversation",
        "idempotency_key",
        "created_at",
        "updated_at",
    ]

    @admin.display(description="title")
    def short_title(self, follow_up: LedgerFollowUp) -> str:
        """Return the title at a list's length."""
        return Truncator(follow_up.title).chars(TITLE_LENGTH)
