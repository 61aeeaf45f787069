"""Tell workers of what somebody has just asked for, and keep nobody waiting for it."""

import threading
from collections.abc import Mapping

from webhooks.processing.hints import Work, hand_on

PATIENCE = 1.0
"""Seconds that whoever asks waits for the broker."""


def tell_workers(due: Mapping[Work, int]) -> None:
    """Have workers look soon for so many rows of each kind of work.

    A broker that does not answer is left to itself after a moment: the sweep finds what is due in
    any case. Called when what is due is committed.
    """
    telling = threading.Thread(target=hand_on, args=[due], name="hint", daemon=True)
    telling.start()
    telling.join(PATIENCE)
