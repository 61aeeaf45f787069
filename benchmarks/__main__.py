"""`make bench`: measures what a benchmark of this folder measures, acknowledgements by default.

make bench ARGS="--rounds 3"                  acknowledgements a second, against baselines
make bench ARGS="broker_outage"               their latency while the broker is dead or hangs
make bench ARGS="backlog --events 100000"     how fast a backlog is worked off, and who waits
make bench ARGS="poison"                      what events that cannot be processed cost the rest
make bench ARGS="vendors outage"              what a vendor that hangs costs the others
make bench ARGS="console"                     the admin's pages among a million events
"""

import importlib
import sys

NAMES = ("acks", "broker_outage", "backlog", "poison", "vendors", "console")


def main() -> None:
    """Run the benchmark that the first argument names."""
    name, *arguments = (
        sys.argv[1:] if sys.argv[1:2] and sys.argv[1] in NAMES else ("acks", *sys.argv[1:])
    )
    sys.argv = [f"make bench ({name})", *arguments]
    importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
