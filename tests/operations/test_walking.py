"""Walking through rows by ranges of their keys."""

import time

import pytest
from django.db.models import QuerySet
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.factories import ReplayFactory
from webhooks.models import Replay
from webhooks.operations import walking
from webhooks.operations.walking import Walk, count_light, find_last_key


def find(after: int, upto: int) -> QuerySet[Replay]:
    """Return the rows between the keys."""
    return Replay.objects.filter(pk__gt=after, pk__lte=upto)


class TestWalk(TestCase):
    """In a transaction for each example."""

    @given(
        keys=st.sets(st.integers(1, 300), max_size=40),
        after=st.integers(0, 300),
        upto=st.integers(0, 300),
        most=st.integers(1, 7),
        first_range=st.integers(1, 50),
        growth=st.integers(1, 4),
    )
    def test_every_row_in_between_comes_once_and_in_order(  # noqa: PLR0917 -- hypothesis draws them
        self, keys: set[int], after: int, upto: int, most: int, first_range: int, growth: int
    ) -> None:
        """Wherever it begins and ends, however the ranges lie, and also taken up half-way."""
        Replay.objects.bulk_create(ReplayFactory.build(pk=key) for key in keys)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(walking, "FIRST_RANGE", first_range)
            patch.setattr(walking, "GROWTH", growth)
            walk = Walk(find, after, upto)
            found: list[int] = []
            while not walk.is_over:
                step = walk.take(most)
                assert len(step.keys) <= most
                found += step.keys
                walk = Walk(find, step.position, upto)
            counted = Walk(find, after, upto).count(time.monotonic() + 60)
        assert found == sorted(key for key in keys if after < key <= upto)
        assert counted == len(found)


@pytest.mark.django_db
def test_what_takes_too_long_is_not_counted() -> None:
    """And said to be unknown, and not to be few."""
    ReplayFactory.create()
    assert Walk(find, 0, 10**9).count(time.monotonic()) is None


@pytest.mark.django_db
def test_ranges_grow_where_they_are_answered_quickly() -> None:
    """Far-away rows are reached in a few questions."""
    far = ReplayFactory.create(pk=10**9)
    walk, questions = Walk(find, 0, find_last_key(Replay)), 0
    while not walk.is_over:
        step = walk.take(5)
        questions += 1
    assert (step.keys, questions < 10) == ((far.pk,), True)


@pytest.mark.django_db
def test_a_range_holds_no_more_than_a_few_steps() -> None:
    """Where rows are dense, what is looked through for a step does not grow with what is left."""
    ReplayFactory.create_batch(40)
    ranges: list[int] = []

    def note(after: int, upto: int) -> QuerySet[Replay]:
        ranges.append(upto - after)
        return find(after, upto)

    walk = Walk(note, 0, find_last_key(Replay))
    walk.take(1)
    for _ in range(19):
        assert len(walk.take(2).keys) == 2
    assert max(ranges[2:]) <= walking.GROWTH * 2


@pytest.mark.django_db
def test_after_tries_that_failed_steps_and_ranges_are_smaller() -> None:
    """One row goes in any case."""
    ReplayFactory.create_batch(8)
    last = find_last_key(Replay)
    sizes = [len(Walk(find, 0, last, halvings=number).take(8).keys) for number in range(6)]
    assert sizes == [8, 4, 2, 1, 1, 1]
    far = last + walking.FIRST_RANGE
    ReplayFactory.create(pk=far)
    assert Walk(find, last, far, halvings=1).take(8).keys == ()


@given(st.lists(st.integers(0, walking.MOST_BYTES + 1)))
def test_a_step_has_no_more_bytes_than_fit_but_for_the_last(sizes: list[int]) -> None:
    """One row goes in any case, or nothing would get on."""
    number = count_light(iter(sizes))
    assert sum(sizes[: max(0, number - 1)]) < walking.MOST_BYTES
    assert number == len(sizes) or sum(sizes[:number]) >= walking.MOST_BYTES
    assert bool(number) == bool(sizes)
