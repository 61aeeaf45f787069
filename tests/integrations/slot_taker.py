"""A worker's process that does nothing but take slots: `python -m tests.integrations.slot_taker`.

Prints for each one when it had it, by the clock that all processes of a machine share.
"""

import sys
import time

import django


def take_slots(rate: str, number: int) -> None:
    """Take that many slots of crm."""
    django.setup()
    from integrations.budget import take_slot  # noqa: PLC0415 -- needs Django to be set up
    from integrations.rates import Rate  # noqa: PLC0415

    for _ in range(number):
        take_slot("crm", Rate.parse(rate))
        print(time.monotonic(), flush=True)  # noqa: T201 -- what it is there for


if __name__ == "__main__":
    take_slots(sys.argv[1], int(sys.argv[2]))
