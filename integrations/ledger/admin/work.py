"""Tickets and follow-ups."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from integrations.ledger.admin.masked import mask_number
from integrations.ledger.admin.records import RecordAdmin
from integrations.ledger.models import LedgerFollowUp, LedgerTicket, WorkRecord, WorkStatus


class WorkAdmin(RecordAdmin):
    """Work that waits for people: its status is theirs, everything else the effect's."""

    editable_fields = frozenset({"status"})
    personal_fields = frozenset(
        {
            "subject",
            "title",
            "description",
            "phone_number",
            # The analysis names who is to do it, and may name the caller.
            "assignee",
        }
    )
    actions = ["mark_done", "reopen"]
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id or idempotency key."

    @admin.display(description="phone number")
    def masked_number(self, record: WorkRecord) -> str:
        """Return the number as a list may show it."""
        return mask_number(record.phone_number)

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
            for record in changed:
                was = record.get_status_display()
                self.log_change(request, record, f"status: {was} → {status.label}")
        self.message_user(request, f"{len(changed)} now {status.label}.", messages.SUCCESS)


@admin.register(LedgerTicket)
class TicketAdmin(WorkAdmin):
    """Tickets."""

    long_fields = ("subject", "description")
    list_display = ["__str__", "masked_number", "priority", "status", "created_at"]
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

    @admin.display(description="tags")
    def tag_list(self, ticket: LedgerTicket) -> str:
        """Return the tags as people write them."""
        return ", ".join(ticket.tags)


@admin.register(LedgerFollowUp)
class FollowUpAdmin(WorkAdmin):
    """Follow-ups."""

    long_fields = ("title", "description", "assignee")
    list_display = ["__str__", "masked_number", "due_at", "status", "created_at"]
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
