"""The Django admin: operations staff's view of deliveries, events, conversations and effects.

A module for each model, in the order in which an event meets them.
"""

from webhooks.admin import (
    attempts,
    conversations,
    deliveries,
    effects,
    events,
    people,
    rejections,
    replays,
    routes,
    sources,
)

__all__ = [
    "attempts",
    "conversations",
    "deliveries",
    "effects",
    "events",
    "people",
    "rejections",
    "replays",
    "routes",
    "sources",
]
