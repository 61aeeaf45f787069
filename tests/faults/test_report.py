"""The report says what was found, in text, as JSON and on a page that needs nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.outcome import Outcome, Told, tell_incidents
from tests.faults.report import JSON, PAGE, SUMMARY, TEXT, tell, write_report
from tests.faults.schedule import Incident
from tests.faults.stories import tell_story
from tests.faults.tries import Try
from tests.faults.watch import Rows, Sample

SUMS = ("sent", "acked", "stored", "lost", "effects owed", "applied", "doubled")


def build_outcome() -> Outcome:
    """Return a run of two minutes in which all went well, with one fault."""
    samples = tuple(
        Sample(float(at), 30, 0, 0, 0, 0.01, 0.1, 0.2, 0.2, 40, Rows(1, 1, 5, 2), 3)
        if at % 30
        else Sample(float(at))
        for at in range(1, 121)
    )
    told = Told("broker_killed", 20.0, 5.0, is_alone=True, worst=0.3, unacked=2, recovery=1.5)
    return Outcome(
        broker="redis",
        seed=5,
        bug="",
        rate=30.0,
        seconds=120.0,
        samples=samples,
        incidents=(told,),
        reckoning=tell_story().reckon(),
        is_quiet=True,
        obstacles={"clock_stepped": "libfaketime is missing"},
        p99=0.123,
    )


WELL = build_outcome()


def lose_one() -> Outcome:
    """Return the same with one event lost."""
    story = tell_story()
    del story.events[next(iter(story.events))]
    return replace(WELL, reckoning=story.reckon())


def test_text_ends_in_what_was_sent_lost_and_doubled() -> None:
    """With each fault and its recovery, and those that could not be done."""
    text = tell(WELL)
    for name in SUMS:
        assert re.search(rf"^{name} +\d", text, re.MULTILINE), name
    assert re.search(r"broker_killed .* 0\.30 s +2 +1\.5 s", text)
    assert "clock_stepped" in text
    assert text.endswith("Nothing lost, nothing twice.")


def test_fault_that_came_often_is_told_once_and_the_others_together() -> None:
    """The one that was alone, for its recovery can be told."""
    (alone,) = WELL.incidents
    among = replace(alone, began=5.0, is_alone=False, recovery=None, worst=9.0, unacked=30)
    text = tell(replace(WELL, incidents=(among, alone, among)))
    assert text.count("broker_killed") == 1
    assert re.search(r"and 2 more +9\.00 s +60", text)


def test_anything_found_is_told_and_is_no_success() -> None:
    """In words that say what."""
    outcome = lose_one()
    assert not outcome.is_well
    text = tell(outcome)
    assert "was acknowledged and is not stored" in text
    assert "NOT WELL" in text.splitlines()[-1]
    assert not replace(WELL, is_quiet=False).is_well


def test_files_hold_the_whole_run(tmp_path: Path) -> None:
    """All runs in each."""
    write_report([WELL, lose_one()], tmp_path)
    runs = json.loads((tmp_path / JSON).read_text())
    assert [run["is_well"] for run in runs] == [True, False]
    assert len(runs[0]["samples"]) == 120
    assert (tmp_path / TEXT).read_text().count("effects owed") == 2
    page = (tmp_path / PAGE).read_text()
    assert page.count("<svg") == 6
    assert "was acknowledged and is not stored" in page


def test_fault_has_one_number_in_the_tables_and_on_the_plots(tmp_path: Path) -> None:
    """By which a mark can be told."""
    write_report([WELL], tmp_path)
    assert re.search(r"^ +1 broker_killed", tell(WELL), re.MULTILINE)
    page = (tmp_path / PAGE).read_text()
    assert "1 <code>broker_killed</code>" in page
    assert len(re.findall(r'<text [^>]*class="label"[^>]*>1</text>', page)) == 3


def test_summary_is_tables_for_the_documentation(tmp_path: Path) -> None:
    """A column for each run, and a line for each fault."""
    write_report([WELL, replace(WELL, broker="pgmq")], tmp_path)
    lines = (tmp_path / SUMMARY).read_text().splitlines()
    assert lines[0] == "|  | redis | pgmq |"
    assert "| lost | 0 | 0 |" in lines
    assert "| pgmq | `broker_killed` | 5 s | 0.30 s | 2 | 1.5 s |" in lines
    assert len({line.count("|") for line in lines[: lines.index("")]}) == 1


def test_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    """No script, font, picture or style of another address."""
    write_report([WELL], tmp_path)
    page = (tmp_path / PAGE).read_text()
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    links = set(re.findall(r"https?://[^\s\"'<>)]+", page)) - namespaces
    assert not {link for link in links if "pygal" not in link and "kozea" not in link.lower()}
    assert "<script" not in page
    assert not re.search(r"(src|@import|url\()\s*=?\s*[\"']?http", page)


def test_plots_take_the_page_s_own_colours(tmp_path: Path) -> None:
    """So that they can be read in light and dark."""
    write_report([WELL], tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert "prefers-color-scheme: dark" in page
    assert "fill:var(--ink)" in page


def build_try(ended: float, status: int, due: float | None = None) -> Try:
    """Return a try that ended then."""
    due = ended - 0.1 if due is None else due
    return Try("e", 0, False, 1, due, due, ended, status)


def test_incident_is_told_with_what_it_did_to_acknowledgements() -> None:
    """From its beginning to a little after its end; before and after count for nothing."""
    incident = Incident(FAULTS["beat_dead"], 1020.0, 1025.0)
    tries = [
        build_try(1010.0, 503),
        build_try(1021.0, 503),
        build_try(1024.0, 202, due=1020.0),
        build_try(1026.0, 0),
        build_try(1050.0, 202, due=1000.0),
    ]
    well = Sample(0, acked=30, slowest=0.05, rows=Rows(0, 0, 0, 0))
    samples = [replace(well, at=1000.0 + at) for at in range(60)]
    (told,) = tell_incidents([incident], samples, tries, 1000.0, 1060.0)
    assert (told.began, told.lasted, told.unacked) == (20.0, 5.0, 2)
    assert told.worst == pytest.approx(4.0)
    assert told.recovery == 0.0


def test_fault_that_comes_before_an_earlier_one_is_over_is_not_alone() -> None:
    """Its recovery is the other's, too."""
    well = Sample(0, acked=30, slowest=0.05, rows=Rows(0, 0, 0, 0))
    behind = replace(well, rows=Rows(500, 500, 0, 0))
    samples = [
        replace(behind if 1020 <= at < 1045 else well, at=float(at)) for at in range(1000, 1060)
    ]
    incidents = [
        Incident(FAULTS["postgres_restarted"], 1020.0, 1021.0),
        Incident(FAULTS["beat_dead"], 1030.0, 1040.0),
    ]
    first, second = tell_incidents(incidents, samples, [], 1000.0, 1060.0)
    assert (first.is_alone, first.recovery) == (True, None)
    assert (second.is_alone, second.recovery) == (False, None)


def test_recovery_of_faults_that_overlap_is_not_told() -> None:
    """Nobody could say which of them it was."""
    incidents = [
        Incident(FAULTS["beat_dead"], 1020.0, 1025.0),
        Incident(FAULTS["broker_killed"], 1022.0, 1026.0),
    ]
    told = tell_incidents(incidents, [], [], 1000.0, 1060.0)
    assert [one.is_alone for one in told] == [False, False]
    assert [one.recovery for one in told] == [None, None]
