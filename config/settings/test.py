"""For the tests: real Postgres, real broker, no waiting for slow password hashes."""

import os

from cryptography.fernet import Fernet

# mypy's plugin imports these settings too, where no test has set anything up.
os.environ.setdefault("DATABASE_URL", "postgres:///not-started")
os.environ.setdefault("SECRET_KEY", "only for tests")
os.environ.setdefault("SECRET_ENCRYPTION_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("LOG_FORMAT", "json")

from config.settings.base import *  # noqa: F403 -- after the environment they read

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
