"""Have a sweep done every few seconds, whatever the machine's clock does."""

from typing import Any

from celery.beat import Scheduler
from django.conf import settings

from webhooks.processing.hints import hand_on


class SweepScheduler(Scheduler):
    """What Celery's beat asks what to do and for how long to sleep; named by the settings.

    Celery's own tells by the machine's clock when something was done last and is due again. Once
    that clock is put back by an hour, nothing is due for an hour. Here nothing is remembered, in
    memory or on disk: a sweep is wanted now, unless one waits, and again after the interval.
    """

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Ask for a sweep; return the seconds until the next."""
        hand_on({"sweep": 1})
        return settings.WEBHOOKS_SWEEP_INTERVAL.total_seconds()
