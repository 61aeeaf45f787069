"""A task list of one's own, told by webhooks."""

from integrations.clients.webhook import WebhookBackend
from integrations.tasks.base import FollowUp, Tasks


class WebhookTasks(WebhookBackend[FollowUp], Tasks):
    """Posts each follow-up to the service."""

    event_type = "tasks.follow_up"
