"""The report as one page that needs nothing else, in light and dark."""

from collections.abc import Iterable, Sequence
from html import escape

from tests.faults.finding import Kind
from tests.faults.outcome import Outcome, say_recovery
from tests.faults.plots import plot_backlog, plot_latency, plot_throughput

OTHERS: tuple[Kind, ...] = ("wrong", "unsound", "poison", "overlap", "refused", "not_broken")

STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #57606a; --line: #d8dee4;
  --paper: #ffffff; --good: #1a7f4b; --bad: #b3261e;
  --line-1: #2563d8; --line-2: #c26a14; --line-3: #1f8a60; --line-4: #7c4bc9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b0; --line: #3a424d;
  --paper: #14181d; --good: #4cc38a; --bad: #ff8a80;
  --line-1: #79a8ff; --line-2: #f2a65a; --line-3: #5fd3a0; --line-4: #b79bf2; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 72rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.25rem; margin: 3rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .25rem; } p { margin: .25rem 0; color: var(--soft); }
.verdict { font-weight: 600; color: var(--good); } .verdict.bad { color: var(--bad); }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.8rem, 1fr)); gap: .75rem;
  margin: 1rem 0; padding: 0; list-style: none; }
.sums li { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.sums b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.sums small { color: var(--soft); display: block; }
.scroll { overflow-x: auto; } svg { width: 100%; height: auto; min-width: 40rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 500; }
td.bad { color: var(--bad); } td small { color: var(--soft); display: block; }
code { font-size: .92em; }
"""


def build_page(outcomes: Sequence[Outcome]) -> str:
    """Return the page."""
    is_well = all(outcome.is_well for outcome in outcomes)
    verdict = "Nothing lost, nothing twice." if is_well else "Not well: see below."
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Under faults: {escape(verdict)}</title><style>{STYLE}</style></head><body>",
        "<h1>Switchboard under faults</h1>",
        f'<p class="verdict{"" if is_well else " bad"}">{escape(verdict)}</p>',
        *(build_run(outcome) for outcome in outcomes),
        "</body></html>",
    ]
    return "\n".join(parts)


def build_run(outcome: Outcome) -> str:
    """Return one run's part of the page."""
    title = outcome.broker + (f", with the bug {outcome.bug}" if outcome.bug else "")
    plots = (
        ("Throughput", plot_throughput(outcome)),
        ("Latency of acknowledgements, from when each was due", plot_latency(outcome)),
        ("Backlog", plot_backlog(outcome)),
    )
    return "\n".join(
        [
            f"<section><h2>{escape(title)}</h2>",
            f"<p>{escape(name_pace(outcome))}</p>",
            build_sums(outcome),
            *(f'<h3>{escape(name)}</h3><div class="scroll">{svg}</div>' for name, svg in plots),
            "<h3>Faults</h3>",
            build_faults(outcome),
            build_findings(outcome),
            "</section>",
        ]
    )


def name_pace(outcome: Outcome) -> str:
    """Return how fast it was sent, and how long all took."""
    return (
        f"{outcome.rate:.0f} events a second, seed {outcome.seed};"
        f" {outcome.seconds:.0f} s until all was quiet."
    )


def build_sums(outcome: Outcome) -> str:
    """Return the figures that matter most."""
    found = outcome.reckoning
    sums: Iterable[tuple[str, int, str]] = (
        ("sent", found.sent, f"{found.tries} tries, {found.poisoned} poisoned"),
        ("acked", found.acked, f"99 % within {outcome.p99:.2f} s"),
        ("stored", found.stored, "events"),
        ("lost", found.count("lost"), "events or effects"),
        ("effects owed", found.owed, "by what is stored"),
        ("applied", found.applied, f"{found.requests} requests"),
        ("doubled", found.count("doubled"), "events or effects"),
        ("unsound", found.count(*OTHERS), "anything else"),
    )
    items = [
        f"<li>{escape(name)}<b>{count:,}</b><small>{escape(note)}</small></li>"
        for name, count, note in sums
    ]
    return f'<ul class="sums">{"".join(items)}</ul>'


def build_faults(outcome: Outcome) -> str:
    """Return the table of what was broken."""
    chosen, others = outcome.pick_incidents()
    rows = [
        "<tr>"
        f"<td>{number} <code>{escape(told.name)}</code>{small(told.note)}</td>"
        f"<td>{told.began:.0f} s</td><td>{told.lasted:.1f} s</td>"
        f"<td>{told.worst:.2f} s</td><td>{told.unacked}</td>"
        f"<td>{escape(say_recovery(told))}</td></tr>"
        for number, told in enumerate(chosen, start=1)
    ]
    if others:
        worst, unacked = max(one.worst for one in others), sum(one.unacked for one in others)
        rows.append(
            f"<tr><td>and {len(others)} more</td><td></td><td></td>"
            f"<td>{worst:.2f} s</td><td>{unacked}</td><td></td></tr>"
        )
    rows += [
        f'<tr><td><code>{escape(name)}</code></td><td colspan="5">not done: {escape(why)}</td></tr>'
        for name, why in outcome.obstacles.items()
    ]
    head = "".join(
        f"<th>{name}</th>"
        for name in ("fault", "began", "lasted", "worst ack", "tries not acked", "recovered after")
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def build_findings(outcome: Outcome) -> str:
    """Return what is not as it must be."""
    found = outcome.reckoning.findings
    if not found:
        return ""
    rows = [
        f'<tr><td class="bad">{escape(one.kind)}</td><td style="text-align:left">'
        f"{escape(one.text)}</td></tr>"
        for one in found[:200]
    ]
    return (
        f'<h3>Findings ({len(found)})</h3><div class="scroll"><table>{"".join(rows)}</table></div>'
    )


def small(text: str) -> str:
    """Return a note below a name, where there is one."""
    return f"<small>{escape(text)}</small>" if text else ""
