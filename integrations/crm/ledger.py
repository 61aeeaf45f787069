"""The CRM that is our own: contacts and their activities in Postgres."""

import msgspec
from django.utils import timezone

from integrations.crm.base import CRM, ContactUpdate
from integrations.ledger.backend import LedgerBackend
from integrations.ledger.contacts import find_or_create_contact
from integrations.ledger.models import LedgerActivity


class LedgerCRM(LedgerBackend[ContactUpdate], CRM):
    """Keeps one activity per conversation, as its highest version says."""

    def write(self, request: ContactUpdate) -> LedgerActivity:
        """Write the update over the conversation's activity unless that is as new already."""
        conversation = request.conversation
        known = {
            "contact": find_or_create_contact(request.phone_number),
            "version": request.version,
            "direction": conversation.direction,
            "channel": conversation.channel,
            "status": conversation.status,
            "agent_name": conversation.agent_name,
            "organization_name": conversation.organization_name,
            "started_at": conversation.started_at,
            "ended_at": conversation.ended_at,
            "duration_seconds": conversation.duration_seconds,
            "answer_status": conversation.answer_status,
            "summary": conversation.summary,
            "score": conversation.score,
            "goals": msgspec.to_builtins(conversation.goals),
        }
        activities = LedgerActivity.objects.filter(conversation_uuid=conversation.conversation_uuid)
        # Postgres compares the version under the row's lock, so of two updates that race the
        # higher stays. The insert comes first: after it there is a row to compare with.
        LedgerActivity.objects.bulk_create(
            [LedgerActivity(conversation_uuid=conversation.conversation_uuid, **known)],
            ignore_conflicts=True,
        )
        activities.filter(version__lt=request.version).update(**known, updated_at=timezone.now())
        return activities.only("pk").get()
