"""The report as two Markdown tables, for a page of the documentation."""

from collections.abc import Iterator, Sequence

from tests.faults.faults import FAULTS
from tests.faults.outcome import Outcome, list_sums, say_recovery


def build_summary(outcomes: Sequence[Outcome]) -> str:
    """Return what was sent, lost and doubled, a column for each run; and what broke."""
    lines = [*tabulate_sums(outcomes), "", *tabulate_faults(outcomes)]
    return "\n".join(lines) + "\n"


def tabulate_sums(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the first table."""
    yield write_row(["", *(outcome.broker for outcome in outcomes)])
    yield write_row(["---", *("---:" for _ in outcomes)])
    yield write_row(["seed", *(str(outcome.seed) for outcome in outcomes)])
    yield write_row(["events a second", *(f"{outcome.rate:.0f}" for outcome in outcomes)])
    yield write_row(["until all was quiet", *(f"{outcome.seconds:.0f} s" for outcome in outcomes)])
    for sums in zip(*map(list_sums, outcomes), strict=True):
        yield write_row([sums[0][0], *(said for _, said in sums)])


def tabulate_faults(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the second table: of each run and fault, what the report tells of it."""
    is_many = len(outcomes) > 1
    head = ["fault", "lasted", "longest acknowledgement", "tries not acknowledged", "well after"]
    yield write_row((["broker"] if is_many else []) + head)
    yield write_row((["---"] if is_many else []) + ["---", *["---:"] * (len(head) - 1)])
    names = list(FAULTS)
    for outcome in outcomes:
        chosen, _ = outcome.pick_incidents()
        for told in sorted(chosen, key=lambda one: names.index(one.name)):
            cells = [
                f"`{told.name}`",
                f"{told.lasted:.0f} s",
                f"{told.worst:.2f} s",
                str(told.unacked),
                say_recovery(told),
            ]
            yield write_row(([outcome.broker] if is_many else []) + cells)


def write_row(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"
