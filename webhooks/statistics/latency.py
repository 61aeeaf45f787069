"""How long answers took, as a histogram: counts of those up to each of a few steps."""

import math
from bisect import bisect_left
from collections.abc import Mapping

LONGER = 3_600_000
"""The last step, in which all lie that took longer than the one before."""

STEPS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 500, 1000, 2000, 5000, LONGER)
"""Milliseconds."""


def find_step(milliseconds: float) -> int:
    """Return the first step that is not shorter than `milliseconds`."""
    return STEPS[min(bisect_left(STEPS, milliseconds), len(STEPS) - 1)]


def find_quantile(counts: Mapping[int, int], share: float) -> int | None:
    """Return the step within which `share` of all lie, such as 0.95; None where there are none."""
    total = sum(counts.values())
    if not total:
        return None
    # Of 100, half are the first 50; of 101, the first 51.
    wanted = math.ceil(total * share - 1e-9)
    reached = 0
    for step in STEPS:
        reached += counts.get(step, 0)
        if reached >= wanted:
            return step
    return LONGER
