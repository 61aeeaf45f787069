"""A histogram tells within which step a share of all lies."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.statistics.latency import LONGER, STEPS, find_quantile, find_step

MILLISECONDS = st.floats(0, 60_000, allow_nan=False)


@given(st.lists(MILLISECONDS, min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_quantile_is_the_step_of_the_value_at_that_place(values: list[float], share: float) -> None:
    """As if all values were kept and sorted."""
    counts = Counter(find_step(value) for value in values)
    place = math.ceil(len(values) * share - 1e-9)
    assert find_quantile(counts, share) == find_step(sorted(values)[place - 1])


@pytest.mark.parametrize(
    ("value", "step"), [(0, 1), (1, 1), (1.01, 2), (5000, 5000), (5001, LONGER), (10**9, LONGER)]
)
def test_value_belongs_to_the_first_step_that_is_not_shorter(value: float, step: int) -> None:
    """And to the last one where all are."""
    assert find_step(value) == step
    assert step in STEPS


def test_nothing_has_no_quantile() -> None:
    """Rather than one of nought."""
    assert find_quantile({}, 0.5) is None
