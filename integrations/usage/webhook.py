"""A billing system of one's own, told by webhooks."""

from integrations.clients.webhook import WebhookBackend
from integrations.usage.base import Usage, UsageRecord


class WebhookUsage(WebhookBackend[UsageRecord], Usage):
    """Posts each conversation's usage to the service."""

    event_type = "usage.usage_record"
