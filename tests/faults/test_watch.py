"""The time until all is well again is read from the samples as its definition says."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.tries import NOT_CONNECTED, TIMED_OUT, Try, TryReader
from tests.faults.watch import FEW, Rows, Sample, Usual, find_recovery, find_usual, summarize

WELL = Sample(at=0, acked=30, slowest=0.05, rows=Rows(2, 2, 5, 3))
USUAL, ENDED = Usual(), 25.0


def sample_run(**by_second: Sample) -> list[Sample]:
    """Return 60 seconds in which all is well but those that are given, as `s22`."""
    return [replace(by_second.get(f"s{at}", WELL), at=float(at)) for at in range(1, 61)]


REFUSING = replace(WELL, acked=3, refused=20)
SLOW = replace(WELL, slowest=4.0)
BEHIND = replace(WELL, rows=Rows(500, 500, 0, 0))
BLIND = replace(WELL, rows=None)
SILENT = replace(WELL, acked=0, slowest=0.0)


def test_recovery_is_at_once_where_nothing_was_hurt() -> None:
    """From the mend to the first whole second that is well."""
    assert find_recovery(sample_run(), USUAL, ENDED) == 0.0


@pytest.mark.parametrize("hurt", [REFUSING, SLOW, BEHIND, BLIND, SILENT])
def test_recovery_waits_for_each_thing_that_is_not_well(hurt: Sample) -> None:
    """Refusals, slow ones, a backlog, an unknown backlog, and silence while the sender sends."""
    assert find_recovery(sample_run(s27=hurt, s28=hurt), USUAL, ENDED) == 3.0


def test_well_for_a_moment_is_not_recovered() -> None:
    """Three seconds in a row are asked for."""
    samples = sample_run(s26=REFUSING, s29=REFUSING)
    assert find_recovery(samples, USUAL, ENDED) == 4.0


def test_recovery_that_never_comes_is_none() -> None:
    """Neither by the end of the samples nor by the next fault."""
    never = {f"s{at}": BEHIND for at in range(21, 61)}
    assert find_recovery(sample_run(**never), USUAL, ENDED) is None
    late = {f"s{at}": BEHIND for at in range(21, 41)}
    assert find_recovery(sample_run(**late), USUAL, ENDED, until=35.0) is None
    assert find_recovery(sample_run(**late), USUAL, ENDED) == 15.0


def test_what_is_usual_is_read_from_before_anything_broke() -> None:
    """A busy time is compared with itself, and a single hitch in it says nothing."""
    busy = replace(WELL, slowest=0.8, rows=Rows(300, 300, 0, 0))
    hitch = replace(busy, slowest=20.0, rows=Rows(9000, 9000, 0, 0))
    quiet = {f"s{at}": busy for at in range(1, 61)}
    usual = find_usual(sample_run(**quiet | {"s5": hitch}), until=20.0)
    assert usual == Usual(at_once=1.6, due=900)
    assert find_recovery(sample_run(**quiet), usual, ENDED) == 0.0
    assert find_usual(sample_run(), until=20.0) == Usual(at_once=1.0, due=FEW)
    assert find_usual([], until=20.0) == Usual()


def test_silence_after_the_last_delivery_is_well() -> None:
    """Nothing is acknowledged where nothing is sent."""
    done = [replace(SILENT, at=one.at, is_sending=False) for one in sample_run()]
    assert find_recovery(done, USUAL, ENDED) == 0.0


def build_try(number: int, due: float, began: float, ended: float, status: int) -> Try:
    """Return a try of some event."""
    return Try("e", 0, False, number, due, began, ended, status)


def test_sample_counts_each_kind_of_answer_and_latency_from_when_it_was_due() -> None:
    """A redelivery's counts from the first due time, but comes when the sender likes."""
    tries = [
        build_try(1, 10.0, 10.0, 10.2, 202),
        build_try(2, 5.0, 10.0, 10.1, 200),
        build_try(1, 10.0, 10.0, 10.1, 503),
        build_try(1, 5.0, 5.0, 10.0, TIMED_OUT),
        build_try(2, 9.0, 10.0, 10.0, NOT_CONNECTED),
    ]
    sample = summarize(11.0, tries, 7, None, None, is_sending=True)
    assert (sample.acked, sample.refused, sample.timed_out, sample.not_connected) == (2, 1, 1, 1)
    assert sample.applied == 7
    assert sample.worst == pytest.approx(5.1)
    assert sample.slowest == pytest.approx(5.0)
    calm = summarize(11.0, tries[:2], 0, None, None, is_sending=True)
    assert calm.slowest == pytest.approx(0.2)


def test_log_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    """A line that is not whole yet is read when it is."""
    path, one = tmp_path / "sender.tsv", build_try(1, 1.0, 2.0, 3.0, 202)
    reader = TryReader(path)
    assert list(reader.read()) == []
    path.write_text(one.write() + one.write()[:10])
    assert list(reader.read()) == [one]
    with path.open("a") as file:
        file.write(one.write()[10:])
    assert list(reader.read()) == [one]
