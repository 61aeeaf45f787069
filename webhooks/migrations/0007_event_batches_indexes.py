"""The indexes of the migration before, made while deliveries come in."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from webhooks.migrations._limits import lift_limits, restore_limits


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
