"""Production's settings with integrations that make trouble, for processes that tests start.

`TROUBLE` names the backend's class in `tests.processing.trouble`; `TROUBLE_MARK` is the file that
it makes when it has begun.
"""

import os
from datetime import timedelta

from config.settings.production import *  # noqa: F403 -- all of it
from integrations.kinds import REQUESTS

INTEGRATIONS = {
    alias: {
        "BACKEND": f"tests.processing.trouble.{os.environ['TROUBLE']}",
        "OPTIONS": {"MARK": os.environ["TROUBLE_MARK"]},
    }
    for alias in REQUESTS
}
# Short, so that a test need not wait long for what a killed worker had in hand.
WEBHOOKS_WORK_SPAN = timedelta(seconds=1)
CELERY_TASK_SOFT_TIME_LIMIT = 4
CELERY_TASK_TIME_LIMIT = 5
WEBHOOKS_LEASE = timedelta(seconds=6)
WEBHOOKS_MAX_ATTEMPTS = 3
