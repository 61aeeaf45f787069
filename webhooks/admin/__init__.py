"""The Django admin: operations staff's view of deliveries, events, conversations and effects.

A module for each model, in the order in which an event meets them.
"""

from webhooks.admin import (
    attempts,
    audit,
    conversations,
    deliveries,
    effects,
    events,
    integrations,
    people,
    rejections,
    replays,
    routes,
    sources,
    tokens,
)

__all__ = [
    "attempts",
    "audit",
    "conversations",
    "deliveries",
    "effects",
    "events",
    "integrations",
    "people",
    "rejections",
    "replays",
    "routes",
    "sources",
    "tokens",
]
