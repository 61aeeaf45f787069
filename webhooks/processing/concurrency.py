"""How many effects of an integration may be under way at once, by its backend's options."""

from django.core.exceptions import ImproperlyConfigured

from integrations.base import Alias
from integrations.registry import get_backend

FAN_OUT = 8
"""Workers that are called at once to an integration without a limit of its own."""


def read_limit(alias: Alias) -> int | None:
    """Return how many may be under way, or None for no limit.

    None too where the backend cannot be built: the attempt that then fails is what shows it.
    """
    try:
        return get_backend(alias).options.read_concurrency()
    except ImproperlyConfigured:
        return None


def read_fan_out(alias: Alias) -> int:
    """Return how many hints are worth sending at once, however much there is to do."""
    return read_limit(alias) or FAN_OUT
