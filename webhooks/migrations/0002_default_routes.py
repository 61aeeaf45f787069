"""The routes that a new installation starts with; operators change them in the admin."""

from typing import Any

from django.db import migrations

ROUTES = [
    ("conversation.started", "crm", "always"),
    ("conversation.ended", "crm", "always"),
    ("conversation.ended", "usage", "always"),
    ("conversation.ended", "tickets", "call_failed"),
    ("conversation.analysis.completed", "crm", "always"),
    ("conversation.analysis.completed", "tickets", "goal_failed"),
    ("conversation.analysis.completed", "tasks", "each_follow_up"),
]


def create_routes(apps: Any, _schema_editor: Any) -> None:
    Route = apps.get_model("webhooks", "Route")
    Route.objects.bulk_create(
        Route(event_type=event_type, integration=integration, condition=condition)
        for event_type, integration, condition in ROUTES
    )


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.RunPython(create_routes, migrations.RunPython.noop, elidable=False),
    ]
