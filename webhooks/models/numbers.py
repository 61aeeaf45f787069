"""Phone numbers by their digits, from the last to the first, so that an index finds their ends.

A number is stored as its sender wrote it. `+49 30 1234567`, `0049301234567` and `+49301234567` have
the same digits, and what somebody reads off a telephone, `030 1234567`, is the end of them.
"""

import re

from django.db.models import CharField, Func
from django.db.models.functions import Collate

PUNCTUATION = "^[^0-9]*00|[^0-9]"
"""What is no digit, and the 00 that stands for the +; in Python's notation and in Postgres's."""


class ReversedDigits(Func):
    """The digits of a column of numbers, from the last to the first.

    The pattern is part of the text and no parameter: an index is matched by its expression.
    """

    template = f"reverse(regexp_replace(%(expressions)s, '{PUNCTUATION}', '', 'g'))"
    arity = 1
    output_field = CharField()


def by_digits(column: str) -> Collate:
    """Return what the indexes on numbers hold: in C's order, a prefix is a range of an index."""
    return Collate(ReversedDigits(column), "C")


def reverse_digits(number: str) -> str:
    """Return what `ReversedDigits` makes of `number`."""
    return re.sub(PUNCTUATION, "", number)[::-1]
