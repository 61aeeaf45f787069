"""The Django admin: operations staff's view of deliveries, events, conversations and effects.

A module for each model that has pages, and a room for each thing that people do there.
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
