"""A CRM of one's own, told by webhooks."""

from integrations.clients.webhook import WebhookBackend
from integrations.crm.base import CRM, ContactUpdate


class WebhookCRM(WebhookBackend[ContactUpdate], CRM):
    """Posts each update to the service, which is to keep a conversation's highest `version`."""

    event_type = "crm.contact_update"

    def name_record(self, request: ContactUpdate) -> str:
        """Return the conversation: all its updates are about one record."""
        return request.conversation.conversation_uuid

    def make_key(self, request: ContactUpdate) -> str:
        """Return a key of the version's own: a later try of an effect may have more to say."""
        return f"{request.idempotency_key}:{request.version}"
