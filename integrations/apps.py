"""The app `integrations`: no tables, only its system checks."""

from django.apps import AppConfig
from django.core.checks import register

from integrations.checks import check_integrations


class IntegrationsConfig(AppConfig):
    """Registers the checks of `settings.INTEGRATIONS`."""

    name = "integrations"

    def ready(self) -> None:
        """Register the checks."""
        register(check_integrations)
