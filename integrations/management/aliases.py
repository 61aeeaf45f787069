"""The integration that somebody means."""

from typing import cast

from django.core.management.base import CommandError

from integrations.base import Alias
from integrations.kinds import REQUESTS


def read_alias(typed: str) -> Alias:
    """Return what was typed; raises `CommandError` where it is none of the integrations."""
    if typed not in REQUESTS:
        raise CommandError(f"There is no integration {typed}, only {', '.join(REQUESTS)}.")
    return cast("Alias", typed)
