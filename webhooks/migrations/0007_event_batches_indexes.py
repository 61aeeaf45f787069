"""The indexes of the migration before, made while deliveries come in."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

LIMITS = ("statement_timeout", "lock_timeout")


def lift_limits(_apps: Any, schema_editor: Any) -> None:
    """Let an index of a long table take as long as it does, and wait for whoever writes there."""
    change_limits(schema_editor.connection, "SET {} = 0")
    schema_editor.connection.connection.reply_timeout = None


def restore_limits(_apps: Any, schema_editor: Any) -> None:
    """Have the session keep its limits again."""
    change_limits(schema_editor.connection, "RESET {}")
    reply_timeout = schema_editor.connection.settings_dict["OPTIONS"].get("reply_timeout")
    schema_editor.connection.connection.reply_timeout = reply_timeout


def change_limits(connection: Any, statement: str) -> None:
    """Run the statement for each limit that the session has from us; PgBouncer's have none."""
    with connection.cursor() as cursor:
        if "options" in connection.settings_dict["OPTIONS"]:
            for limit in LIMITS:
                cursor.execute(statement.format(limit))


class Migration(migrations.Migration):
    # An index is made concurrently, and that only outside any transaction.
    atomic = False

    dependencies = [
        ("webhooks", "0006_event_batches"),
    ]

    operations = [
        migrations.RunPython(lift_limits, restore_limits),
        RemoveIndexConcurrently(
            model_name="event",
            name="event_not_processed",
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("status__in", ["ignored", "failed", "dead", "closed"])),
                fields=["status", "-id"],
                name="event_not_processed",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["due_at", "id"],
                name="event_due",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("attempts__gt", 0), ("status", "pending")),
                fields=["due_at", "id"],
                name="event_tried",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("status__in", ["failed", "dead"])),
                fields=["id"],
                name="event_stopped",
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("state__in", ["failed", "dead"])),
                fields=["id"],
                name="effect_stopped",
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("replay__isnull", False)),
                fields=["replay"],
                name="effect_by_replay",
            ),
        ),
        migrations.RunPython(restore_limits, lift_limits),
    ]
