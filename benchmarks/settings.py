"""Production's settings on the benchmark's own database, with the baselines' addresses added."""

import os

os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1")

from config.settings.production import *  # noqa: F403 -- after the environment they read

ROOT_URLCONF = "benchmarks.urls"
# The load generator speaks plain HTTP, as a proxy in front of gunicorn does.
SECURE_SSL_REDIRECT = False
# What each source may send is not what is measured here.
WEBHOOKS_REJECTED_ROWS_PER_HOUR = 1
