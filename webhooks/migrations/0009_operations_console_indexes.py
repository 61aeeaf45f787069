"""The indexes of the migration before, made while deliveries come in."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from webhooks.migrations._limits import lift_limits, restore_limits


class Migration(migrations.Migration):
    # An index is made concurrently, and that only outside any transaction.
    atomic = False

    dependencies = [
        ("webhooks", "0008_operations_console"),
    ]

    operations = [
        migrations.RunPython(lift_limits, restore_limits),
        RemoveIndexConcurrently(
            model_name="event",
            name="event_not_processed",
        ),
        AddIndexConcurrently(
            model_name="attempt",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["started_at"], name="attempt_by_time"
            ),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("analysed_at", None), ("ended_at__isnull", False)),
                fields=["ended_at"],
                name="conversation_not_analysed",
            ),
        ),
        AddIndexConcurrently(
            model_name="delivery",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["received_at"], name="delivery_by_time"
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("redo_of__isnull", False)),
                fields=["redo_of"],
                name="effect_by_redo_of",
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=["external_id"],
                name="effect_by_external_id",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("status__in", ["held", "ignored", "failed", "dead", "closed"])),
                fields=["status", "-id"],
                name="event_not_processed",
            ),
        ),
        migrations.RunPython(restore_limits, lift_limits),
    ]
