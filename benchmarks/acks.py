"""Acknowledgements a second, against baselines in the same run: `make bench`."""

import argparse
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.load import send_load
from benchmarks.receiver import Receiver, running_receiver

WAYS = {
    "verify, decode, store nothing": "/baseline/nothing/",
    "the same and one bare INSERT": "/baseline/insert/",
    "Switchboard": "/webhooks/bench/",
}


def measure(receiver: Receiver, path: str, count: int) -> dict[str, float]:
    """Send `count` new events to `path`; return the load's figures."""
    return send_load(receiver.port, receiver.secret, count, path=path)


def main() -> None:
    """Measure the ways in turn, several rounds, and print the medians and their ratios."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=4000, help="events in each round")
    options = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder, running_receiver(Path(folder)) as receiver:
        for path in WAYS.values():
            measure(receiver, path, 500)  # connections, caches and prepared statements
        for _ in track(range(options.rounds), "Measuring", console=Console(stderr=True)):
            for name, path in WAYS.items():
                results[name].append(measure(receiver, path, options.count))
    table = Table("16 connections, new events of 4 KB", "acks/s", "ratio", "p50 ms", "p99 ms")
    base = [figures["per_second"] for figures in results[next(iter(WAYS))]]
    for name, rounds in results.items():
        ratios = [figures["per_second"] / b for figures, b in zip(rounds, base, strict=True)]
        medians = {key: statistics.median(f[key] for f in rounds) for key in rounds[0]}
        table.add_row(
            name,
            f"{medians['per_second']:.0f}",
            f"{statistics.median(ratios):.2f}",
            f"{medians['p50_ms']:.1f}",
            f"{medians['p99_ms']:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
