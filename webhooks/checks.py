"""What `manage.py check` finds wrong with the receiver's settings before an event does."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection


@register("webhooks")
def check_lease(**_: Any) -> list[CheckMessage]:
    """Refuse a lease that ends while its task may still run: two workers would share an effect."""
    if settings.WEBHOOKS_LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        Error(
            "WEBHOOKS_LEASE is not longer than a task may run.",
            hint="Make it longer than WEBHOOKS_TASK_TIME_LIMIT plus 10 seconds.",
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
