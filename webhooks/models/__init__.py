"""The rows that are the truth, in the order in which an event meets them, and what people leave."""

from webhooks.models.api_token import ApiToken
from webhooks.models.audit import AuditEntry
from webhooks.models.conversation import Conversation
from webhooks.models.delivery import Delivery, RejectionCount
from webhooks.models.effect import Attempt, Effect
from webhooks.models.event import Event
from webhooks.models.replay import Replay
from webhooks.models.route import Route
from webhooks.models.saved_view import SavedView
from webhooks.models.source import SigningSecret, Source
from webhooks.models.statistics import (
    AcknowledgementCount,
    AttemptCount,
    CountedUntil,
    DeliveryCount,
)

__all__ = [
    "AcknowledgementCount",
    "ApiToken",
    "Attempt",
    "AttemptCount",
    "AuditEntry",
    "Conversation",
    "CountedUntil",
    "Delivery",
    "DeliveryCount",
    "Effect",
    "Event",
    "RejectionCount",
    "Replay",
    "Route",
    "SavedView",
    "SigningSecret",
    "Source",
]
