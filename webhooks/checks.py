"""What `manage.py check` finds wrong with the receiver's settings before an event does."""

from collections.abc import Sequence
from datetime import timedelta
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
def check_limits(**_: Any) -> list[CheckMessage]:
    """Refuse time limits in the wrong order, such as a lease that ends before its task."""
    return [
        Error(
            f"{longer} ({read_seconds(longer):g} s) is not longer than"
            f" {' and '.join(shorter)} ({sum(map(read_seconds, shorter)):g} s).",
            hint="config/settings/limits.py says what each of them is for.",
            id="webhooks.E001",
        )
        for shorter, longer in settings.LIMITS_IN_ORDER
        if sum(map(read_seconds, shorter)) >= read_seconds(longer)
    ]


def read_seconds(name: str) -> float:
    """Return the time limit that is the setting `name`, in seconds."""
    value = getattr(settings, name)
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


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
