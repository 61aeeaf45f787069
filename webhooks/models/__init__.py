"""The rows that are the truth, in the order in which an event meets them."""

from webhooks.models.conversation import Conversation
from webhooks.models.delivery import Delivery, RejectionCount
from webhooks.models.effect import Attempt, Effect
from webhooks.models.event import Event
from webhooks.models.replay import Replay
from webhooks.models.route import Route
from webhooks.models.source import SigningSecret, Source

__all__ = [
    "Attempt",
    "Conversation",
    "Delivery",
    "Effect",
    "Event",
    "RejectionCount",
    "Replay",
    "Route",
    "SigningSecret",
    "Source",
]
