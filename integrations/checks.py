"""A wrong integration stops the start, instead of failing its first effect."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from integrations.bindings import build_backend, find_binding_mistakes, find_mistakes
from integrations.kinds import REQUESTS


def check_integrations(
    *,
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it by this name
    **_: object,
) -> list[CheckMessage]:
    """Report the mistakes in `settings.INTEGRATIONS`, then each sound backend's own."""
    integrations = getattr(settings, "INTEGRATIONS", None)
    messages: list[CheckMessage] = list(find_mistakes(integrations))
    for alias in REQUESTS:
        if any(find_binding_mistakes(alias, integrations)):
            continue
        try:
            messages.extend(build_backend(alias, integrations).check())
        except ImproperlyConfigured as error:
            messages.append(
                Error(
                    f"INTEGRATIONS[{alias!r}] cannot be built: {error}",
                    hint="See the documentation of the backend's OPTIONS.",
                    id="integrations.E010",
                )
            )
    return messages
