"""Troubled settings with poison: some events cannot be projected, some effects are refused.

Poison is tried often enough that it is still in back-off when all else is done.
"""

from tests.processing.troubled_settings import *  # noqa: F403 -- a settings module is its names
from tests.processing.troubled_settings import INSTALLED_APPS as _TROUBLED

INSTALLED_APPS = [*_TROUBLED, "tests.faults.planted.Planted"]
WEBHOOKS_MAX_ATTEMPTS = 12
