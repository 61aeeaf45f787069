"""The three roles, as groups. One that is there already stays as people have made it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWER = """
    webhooks.view_conversation webhooks.view_event webhooks.view_delivery
    webhooks.view_rejectioncount webhooks.view_deliverycount webhooks.view_attemptcount
    webhooks.view_acknowledgementcount
    webhooks.view_effect webhooks.view_attempt webhooks.view_replay
    webhooks.view_source webhooks.view_signingsecret webhooks.view_route webhooks.view_savedview
    integrations.view_budget
    ledger.view_ledgercontact ledger.view_ledgeractivity ledger.view_ledgerticket
    ledger.view_ledgerfollowup ledger.view_ledgerusagerecord
"""
OPERATOR = """
    webhooks.view_payload
    webhooks.replay_event webhooks.retry_effect
    webhooks.pause_source integrations.pause_integration
    webhooks.add_savedview webhooks.delete_savedview
    ledger.change_ledgerticket ledger.change_ledgerfollowup
"""
ADMINISTRATOR = """
    webhooks.redo_effect
    webhooks.add_source webhooks.change_source webhooks.delete_source
    webhooks.add_signingsecret webhooks.change_signingsecret
    webhooks.add_route webhooks.change_route webhooks.delete_route
    integrations.view_stripecustomer integrations.add_stripecustomer
    integrations.change_stripecustomer integrations.delete_stripecustomer
    integrations.view_stripemeterevent integrations.delete_stripemeterevent
    webhooks.change_savedview
    auth.view_user auth.add_user auth.change_user auth.delete_user
    auth.view_group auth.add_group auth.change_group auth.delete_group
    webhooks.view_apitoken webhooks.change_apitoken
    webhooks.view_auditentry
"""
ROLES = {
    "viewer": VIEWER.split(),
    "operator": (VIEWER + OPERATOR).split(),
    "administrator": (VIEWER + OPERATOR + ADMINISTRATOR).split(),
}


def create_roles(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    # Django makes permissions only after all migrations, and on a new database none is there yet.
    for label in ("auth", "webhooks", "integrations", "ledger"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, using=database, verbosity=0)
        config.models_module = None
    groups = apps.get_model("auth", "Group").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    for role, names in ROLES.items():
        group, is_new = groups.get_or_create(name=role)
        if is_new:
            group.permissions.set(find_permission(permissions, name) for name in names)


def find_permission(permissions: Any, name: str) -> Any:
    app_label, _, codename = name.partition(".")
    return permissions.get(content_type__app_label=app_label, codename=codename)


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0009_operations_console_indexes"),
        ("integrations", "0003_different_failures"),
        ("ledger", "0001_ledger"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # Groups may have been given to people by then, so they stay where this is undone.
    operations = [migrations.RunPython(create_roles, migrations.RunPython.noop)]
