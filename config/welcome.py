"""What the person who typed `make run` sees once it runs: a conversation's way, and the keys."""

import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpx
from django.db import DatabaseError, connections
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from webhooks.models import Event

READY_SECONDS = 60
EFFECTS_SECONDS = 30
POLL_SECONDS = 0.2
FILE_WIDTH = 120
"""Columns, where the output goes to a file or a pipe and nobody says how many there are."""

WIDTH_WITH_ADDRESSES = 120
"""Columns from which on the table says where each effect's record is."""
SHORTEST_ADDRESS = 30
"""Columns that an address has at least, beside a reason that is long."""


def welcome(ending: threading.Event) -> None:
    """Send a sample conversation, print what became of it, then the addresses and keys.

    Runs in a thread beside honcho's loop, and gives up quietly when `ending` is set.
    """
    width = None if sys.stdout.isatty() else FILE_WIDTH
    console = Console(width=width, highlight=False, markup=False)
    url = os.environ["RECEIVER_URL"]
    try:
        if wait_until_ready(url, ending):
            show_conversation(console, url, ending)
            show_keys(console, url)
        elif not ending.is_set():
            console.print(f"{url}/readyz did not answer in {READY_SECONDS} s: see the log above.")
    except (httpx.HTTPError, DatabaseError) as error:
        if not ending.is_set():
            console.print(f"The sample conversation came to grief: {error}")
    finally:
        connections.close_all()


def wait_until_ready(url: str, ending: threading.Event) -> bool:
    """Return whether the receiver at `url` says that it is ready, waiting for that."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not ending.wait(POLL_SECONDS):
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success:
                return True
        except httpx.TransportError:
            continue
    return False


def show_conversation(console: Console, url: str, ending: threading.Event) -> None:
    """Send the three events of a conversation to `url`, and print their effects as a table."""
    from webhooks.models import Event  # noqa: PLC0415 -- models need Django's setup
    from webhooks.operations.simulator import send_conversation  # noqa: PLC0415

    started = time.monotonic()
    conversation = send_conversation(
        f"{url}/webhooks/demo/", os.environ["DEMO_SIGNING_SECRET"]
    ).conversation_uuid
    events = Event.objects.filter(conversation_uuid=conversation)
    deadline = started + EFFECTS_SECONDS
    while is_under_way(conversation) and time.monotonic() < deadline:
        if ending.wait(POLL_SECONDS):
            return
    table = build_table(
        events.prefetch_related("effects").order_by("created"),
        # A narrow terminal would fold the addresses; the admin's list of effects has them too.
        with_addresses=console.width >= WIDTH_WITH_ADDRESSES,
    )
    table.title = f"A sample conversation, {time.monotonic() - started:.1f} s after it was sent"
    console.print(table)


def build_table(events: "Iterable[Event]", *, with_addresses: bool) -> Table:
    """Return a table with a line for each effect of `events`, and one for an event without any.

    Why an effect is as it is comes last, and is the one to be folded: the rest stays in line.
    """
    table = Table(box=SIMPLE)
    for heading in ("Event", "Status", "Effect", "State"):
        table.add_column(heading, no_wrap=True)
    if with_addresses:
        table.add_column("Where", overflow="fold", min_width=SHORTEST_ADDRESS)
    lines = []
    for event in events:
        name, status = event.event_type, event.status
        rows = [
            (
                effect.integration,
                effect.state,
                *([effect.external_url or effect.external_id] if with_addresses else []),
                effect.reason,
            )
            for effect in sorted(event.effects.all(), key=lambda effect: effect.pk)
        ]
        for row in rows or [("",)]:
            lines.append((name, status, *row))
            name = status = ""
    has_reasons = any(line[-1] for line in lines)
    if has_reasons:
        table.add_column("Why", overflow="fold")
    for line in lines:
        table.add_row(*(line if has_reasons else line[:-1]))
    return table


def is_under_way(conversation: str) -> bool:
    """Return whether an event or effect of the conversation still waits to be worked on."""
    from webhooks.models import Effect, Event  # noqa: PLC0415 -- models need Django's setup

    events = Event.objects.filter(conversation_uuid=conversation)
    return (
        events.filter(status=Event.Status.PENDING).exists()
        or Effect.objects.filter(
            event__in=events, state__in=[Effect.State.PENDING, Effect.State.RUNNING]
        ).exists()
    )


def show_keys(console: Console, url: str) -> None:
    """Print where things are and what opens them."""
    from webhooks.operations.demo import ADMINISTRATOR, has_password  # noqa: PLC0415 -- as above

    password = os.environ["ADMIN_PASSWORD"]
    login = password if has_password(password) else "the password that you chose"
    for name, value in (
        ("Admin", f"{url}/admin/"),
        ("Login", f"{ADMINISTRATOR} / {login}"),
        ("API", f"{url}/api/v1/events/"),
        ("Token", os.environ["DEMO_API_TOKEN"]),
        ("Receiver", f"{url}/webhooks/demo/"),
        ("Secret", os.environ["DEMO_SIGNING_SECRET"]),
    ):
        console.print(f"  {name:<9} {value}", soft_wrap=True)
    console.print("Ctrl-C ends it.")
