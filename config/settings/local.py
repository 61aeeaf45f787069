"""On one's own machine: what `make run` starts, and commands typed beside it."""

from config.logging import build_logging
from config.settings.base import *  # noqa: F403 -- a settings module is its names
from config.settings.environment import env

LOG_FORMAT = env.str("LOG_FORMAT", default="readable")
LOGGING = build_logging(LOG_FORMAT, env.str("LOG_LEVEL", default="INFO"))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
# Static files come straight from the packages, so that nothing has to be collected first.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None  # type: ignore[assignment] # there is none
