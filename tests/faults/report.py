"""The report as text, as JSON, as a page and as tables for the documentation."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.faults.outcome import Outcome, list_sums, say_recovery
from tests.faults.page import build_page
from tests.faults.summary import build_summary

MOST_FINDINGS = 20
TEXT, JSON, PAGE, SUMMARY = "report.txt", "report.json", "report.html", "summary.md"


def write_report(outcomes: Sequence[Outcome], folder: Path) -> str:
    """Write the four files into `folder`, and return the text."""
    text = "\n\n".join(map(tell, outcomes)) + "\n"
    (folder / TEXT).write_text(text)
    runs = json.dumps([outcome.to_json() for outcome in outcomes], indent=1, default=str)
    (folder / JSON).write_text(runs)
    (folder / PAGE).write_text(build_page(outcomes))
    (folder / SUMMARY).write_text(build_summary(outcomes))
    return text


def tell(outcome: Outcome) -> str:
    """Return one run in words and figures."""
    return "\n".join(
        [
            name_run(outcome),
            "",
            *(f"{name} {count}" for name, count in list_sums(outcome)),
            *tell_findings(outcome),
            "",
            *tell_faults(outcome),
            "",
            say_verdict(outcome),
        ]
    )


def name_run(outcome: Outcome) -> str:
    """Return what was run, in a line."""
    bug = f", with the bug {outcome.bug}" if outcome.bug else ""
    return (
        f"{outcome.broker}, seed {outcome.seed}{bug}:"
        f" {outcome.rate:.0f} events a second, {outcome.seconds:.0f} s until all was quiet"
    )


def tell_faults(outcome: Outcome) -> list[str]:
    """Return a table of what was broken, with the time until all was well again."""
    chosen, others = outcome.pick_incidents()
    head = f"{'worst ack':>11}{'not acked':>11}{'recovered':>11}"
    lines = [f"    {'fault':<30}{'began':>8}{'lasted':>8}{head}"]
    lines += [
        f"{number:>3} {told.name:<30}{told.began:>6.0f} s{told.lasted:>6.1f} s{told.worst:>9.2f} s"
        f"{told.unacked:>11}{say_recovery(told):>11}"
        for number, told in enumerate(chosen, start=1)
    ]
    if others:
        worst, unacked = max(one.worst for one in others), sum(one.unacked for one in others)
        lines.append(f"{f'    and {len(others)} more':<50}{worst:>9.2f} s{unacked:>11}")
    lines += [f"{one.name}: {one.note}" for one in outcome.incidents if one.note]
    lines += [f"{name} was not done: {why}" for name, why in outcome.obstacles.items()]
    return lines


def tell_findings(outcome: Outcome) -> list[str]:
    """Return what is not as it must be, the first ones in words."""
    found = outcome.reckoning.findings
    lines = [f"  {finding.kind}: {finding.text}" for finding in found[:MOST_FINDINGS]]
    if len(found) > MOST_FINDINGS:
        lines.append(f"  and {len(found) - MOST_FINDINGS} more, in {JSON}")
    return lines


def say_verdict(outcome: Outcome) -> str:
    """Return how it ended, in a sentence."""
    if outcome.is_well:
        return "Nothing lost, nothing twice."
    if not outcome.is_quiet:
        return "NOT WELL: it did not become quiet in time."
    return f"NOT WELL: {len(outcome.reckoning.findings)} findings."
