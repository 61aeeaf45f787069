"""The indexes of the migration before, made while deliveries come in."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from webhooks.migrations._limits import lift_limits, restore_limits
from webhooks.models.numbers import by_digits


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
                condition=models.Q(("state__in", ["failed", "dead"])),
                fields=["event"],
                name="effect_stopped_by_event",
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
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("status", "held")),
                fields=["source", "due_at"],
                name="event_held",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(
                    (
                        "event_type__in",
                        (
                            "conversation.started",
                            "conversation.ended",
                            "conversation.analysis.completed",
                        ),
                    ),
                    _negated=True,
                ),
                fields=["event_type", "-id"],
                name="event_of_rare_type",
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="effect_by_planned"
            ),
        ),
        AddIndexConcurrently(
            model_name="effect",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["finished_at"],
                name="effect_by_end",
                opclasses=["timestamptz_minmax_multi_ops"],
            ),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(
                by_digits("from_number"),
                models.F("id").desc(),
                condition=models.Q(("from_number", ""), _negated=True),
                name="conversation_by_from_digits",
            ),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(
                by_digits("to_number"),
                models.F("id").desc(),
                condition=models.Q(("to_number", ""), _negated=True),
                name="conversation_by_to_digits",
            ),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("organization_uuid", ""), _negated=True),
                fields=["organization_uuid", "-id"],
                name="conversation_by_organization",
            ),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["-ended_at", "-id"],
                name="conversation_by_end",
            ),
        ),
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(fields=["actor_name", "-id"], name="audit_by_name"),
        ),
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(fields=["door", "-id"], name="audit_by_door"),
        ),
        AddIndexConcurrently(
            model_name="auditentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["at"], name="audit_by_time"
            ),
        ),
        AddIndexConcurrently(
            model_name="rejectioncount",
            index=models.Index(fields=["-hour", "-id"], name="rejection_by_hour"),
        ),
        migrations.RunPython(restore_limits, lift_limits),
    ]
