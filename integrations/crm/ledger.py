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
        known = {
            "contact": find_or_create_contact(request.phone_number),
            "version": request.version,
            "direction": request.direction,
            "channel": request.channel,
            "status": request.status,
            "agent_name": request.agent_name,
            "organization_name": request.organization_name,
            "started_at": request.started_at,
            "ended_at": request.ended_at,
            "duration_seconds": request.duration_seconds,
            "answer_status": request.answer_status,
            "summary": request.summary,
            "score": request.score,
            "goals": msgspec.to_builtins(request.goals),
        }
        activities = LedgerActivity.objects.filter(conversation_uuid=request.conversation_uuid)
        # Postgres compares the version under the row's lock, so of two updates that race the
        # higher stays. The insert comes first: after it there is a row to compare with.
        LedgerActivity.objects.bulk_create(
            [LedgerActivity(conversation_uuid=request.conversation_uuid, **known)],
            ignore_conflicts=True,
        )
        activities.filter(version__lt=request.version).update(**known, updated_at=timezone.now())
        return activities.only("pk").get()
