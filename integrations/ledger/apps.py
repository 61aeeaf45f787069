"""The app `ledger`."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Keeps contacts, activities, tickets, usage records and follow-ups in tables of its own."""

    name = "integrations.ledger"
    label = "ledger"
    verbose_name = "Ledger"
    default_auto_field = "django.db.models.BigAutoField"
