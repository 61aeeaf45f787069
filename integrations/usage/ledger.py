"""The billing system that is our own: usage records in Postgres."""

from integrations.ledger.backend import LedgerBackend, insert_once
from integrations.ledger.models import LedgerUsageRecord
from integrations.usage.base import Usage, UsageRecord


class LedgerUsage(LedgerBackend[UsageRecord], Usage):
    """Records a conversation's seconds once per idempotency key."""

    def write(self, request: UsageRecord) -> LedgerUsageRecord:
        """Record the seconds unless they are there."""
        return insert_once(
            LedgerUsageRecord(
                idempotency_key=request.idempotency_key,
                conversation_uuid=request.conversation.conversation_uuid,
                organization_uuid=request.conversation.organization_uuid,
                agent_uuid=request.conversation.agent_uuid,
                campaign_uuid=request.conversation.campaign_uuid,
                seconds=request.seconds,
                occurred_at=request.occurred_at,
            )
        )
