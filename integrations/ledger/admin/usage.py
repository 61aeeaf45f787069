"""Usage records."""

from django.contrib import admin

from integrations.ledger.admin.records import RecordAdmin
from integrations.ledger.models import LedgerUsageRecord


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
        "conversation",
        "idempotency_key",
        "created_at",
    ]
    search_fields = ["conversation_uuid"]
    search_help_text = "A whole conversation id or idempotency key."
