"""The table that `make run` shows of its sample conversation."""

from typing import Any

import pytest
from rich.console import Console

from config.welcome import build_table
from tests.factories import EffectFactory
from webhooks.models import Effect, Event

pytestmark = pytest.mark.django_db

REASON = "An earlier event of this conversation has asked for the very same thing, " * 2


def print_table(width: int) -> list[str]:
    """Return the lines of a console with `width` columns."""
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(build_table(Event.objects.all(), with_addresses=width >= 120))
    return [line for line in capture.get().splitlines() if line.strip(" ─")]


def make_effect(**values: Any) -> None:
    """Make an effect of an event that is processed."""
    EffectFactory.create(event__status=Event.Status.PROCESSED, **values)


@pytest.mark.parametrize("width", [80, 120])
def test_reason_leaves_the_other_columns_in_place(width: int) -> None:
    """A long one is folded in the last column, and is there to its end."""
    make_effect(state=Effect.State.SKIPPED, reason=REASON)
    heading, line, *rest = print_table(width)
    for name, value in (("Status", "processed"), ("Effect", "crm"), ("State", "skipped")):
        assert line[heading.index(name) :].startswith(value)
    why = heading.index("Why")
    folded = " ".join(part[why:].strip() for part in [line, *rest])
    assert folded.split() == REASON.split()


def test_record_without_an_address_is_named_by_its_id() -> None:
    """Where an effect's record is: its address, or else what the vendor calls it."""
    make_effect(state=Effect.State.SUCCEEDED, external_id="in-7")
    make_effect(state=Effect.State.SUCCEEDED, external_id="8", external_url="/records/eight/")
    heading, *lines = print_table(120)
    where = heading.index("Where")
    assert sorted(line[where:].strip() for line in lines) == ["/records/eight/", "in-7"]
    assert "Why" not in heading
