"""Production's settings, with the app that plants poison and bugs."""

from config.settings.production import *  # noqa: F403 -- a settings module is its names
from config.settings.production import INSTALLED_APPS as _PRODUCTS

INSTALLED_APPS = [*_PRODUCTS, "tests.faults.planted.Planted"]
