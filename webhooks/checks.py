"""What `manage.py check` finds wrong with the receiver's settings before an event does."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

ANALYSIS_FIELDS = frozenset({"goals", "score", "summary", "follow_ups"})


@register("webhooks")
def check_analysis_fields(**_: Any) -> list[CheckMessage]:
    """Refuse a mapping of the analysis that would read nothing, or raise as it is read."""
    mapping = settings.WEBHOOKS_ANALYSIS_FIELDS
    unknown = sorted(set(mapping) - ANALYSIS_FIELDS) if isinstance(mapping, dict) else []
    if (
        isinstance(mapping, dict)
        and not unknown
        and all(
            isinstance(paths, list) and all(isinstance(path, str) and path for path in paths)
            for paths in mapping.values()
        )
    ):
        return []
    return [
        Error(
            f"WEBHOOKS_ANALYSIS_FIELDS has the unknown field {unknown[0]!r}."
            if unknown
            else "WEBHOOKS_ANALYSIS_FIELDS is no object with a list of paths for each field.",
            hint=(
                f"The fields are {', '.join(sorted(ANALYSIS_FIELDS))};"
                ' each has a list like ["score", "analysis.score"].'
            ),
            id="webhooks.E003",
        )
    ]


@register("webhooks")
def check_conversation_url(**_: Any) -> list[CheckMessage]:
    """Refuse an address that no conversation's name can be put into."""
    try:
        settings.CONVERSATION_URL.format(conversation_uuid="x")
    except (KeyError, IndexError, ValueError, AttributeError):
        return [
            Error(
                "CONVERSATION_URL has braces around something else than conversation_uuid.",
                hint="Write it like https://voice.example.com/conversations/{conversation_uuid}.",
                id="webhooks.E004",
            )
        ]
    return []


@register("webhooks")
def check_lease(**_: Any) -> list[CheckMessage]:
    """Refuse a lease that ends while its task may still run: two workers would share an effect."""
    if settings.WEBHOOKS_LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        Error(
            "WEBHOOKS_LEASE is not longer than a task may run.",
            hint="Make it longer than WEBHOOKS_TASK_TIME_LIMIT plus 15 seconds.",
            id="webhooks.E001",
        )
    ]


@register(Tags.database)
def check_durable_commits(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a database that answers a commit before it is durable."""
    if not databases or "default" not in databases:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        (value,) = cursor.fetchone()
    if value != "off":
        return []
    return [
        Error(
            "synchronous_commit is off: an acknowledged event could be lost in a crash.",
            hint="Turn it on for the role or the database that DATABASE_URL names.",
            id="webhooks.E002",
        )
    ]
