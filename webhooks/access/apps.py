"""Django's entry to the admin, with our own site in it."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """The admin on `webhooks.access.site.ConsoleSite`."""

    default_site = "webhooks.access.site.ConsoleSite"
