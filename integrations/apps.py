"""The app `integrations`: their system checks, and what all workers share about them."""

from django.apps import AppConfig
from django.core.checks import register

from integrations.checks import check_integrations


class IntegrationsConfig(AppConfig):
    """Registers the checks of `settings.INTEGRATIONS`."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        register(check_integrations)
