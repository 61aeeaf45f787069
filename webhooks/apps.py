"""Django's entry to the receiver."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Registers the receiver's system checks, and what listens to log-ins."""

    name = "webhooks"
    verbose_name = "Switchboard"

    def ready(self) -> None:
        """Import what registers itself on import."""
        from webhooks import checks  # noqa: F401, PLC0415 -- needs the models to be loaded
        from webhooks.access import sign_ins  # noqa: F401, PLC0415 -- as above
