"""How long the admin's pages take among many events, against few, and with how many queries.

Fills a database with 10,000 events and with 1,000,000 (`--small`, `--large`), with deliveries,
conversations, effects and attempts, and opens each list, filter, search, row's page and the
dashboard as an administrator. What is compared is the quickest of several openings: the others tell
of the machine. Exit status 1 where a page takes more than twice as long among many, or more than 20
queries.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.product import prepared_database
from benchmarks.results import write_results

if TYPE_CHECKING:
    from django.test import Client

MOST_QUERIES = 20
LARGEST_RATIO = 2.0
NOTICED = 0.010
"""Seconds: a difference below this is the clock's, and nobody's wait."""

Opening = Callable[["Client"], Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """The shortest of a page's times in seconds, and its queries."""

    seconds: float
    queries: int


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=10_000, help="events to compare with")
    parser.add_argument("--large", type=int, default=1_000_000, help="events")
    parser.add_argument("--openings", type=int, default=7, help="of each page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(prepared_database(Path(folder)))
        small, large = (
            measure(events, options.openings) for events in (options.small, options.large)
        )
    sys.exit(report(small, large, f"{options.small:,}", f"{options.large:,}"))


def measure(events: int, openings: int) -> dict[str, Figure]:
    """Return the figures of each page among so many events."""
    from django.contrib.auth.models import User  # noqa: PLC0415 -- after Django's setup
    from django.test import Client, override_settings  # noqa: PLC0415

    from benchmarks.console_rows import fill  # noqa: PLC0415
    from webhooks.models import Source  # noqa: PLC0415
    from webhooks.statistics.counting import count_what_happened  # noqa: PLC0415

    for slug in ("alpha", "beta", "gamma"):
        source, is_new = Source.objects.get_or_create(slug=slug, defaults={"name": slug})
        if is_new:
            source.add_secret(os.urandom(16).hex())
    began = time.monotonic()
    fill(events)
    count_what_happened()
    print(f"{events:,} events stored in {time.monotonic() - began:.0f} s", file=sys.stderr)
    person, _ = User.objects.get_or_create(
        username="ada", defaults={"is_staff": True, "is_superuser": True}
    )
    plain = {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    with override_settings(STORAGES=plain):
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        return {name: time_page(client, page, openings) for name, page in name_pages().items()}


def time_page(client: "Client", page: Opening, openings: int) -> Figure:
    """Open a page several times."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as queries:
        page(client)
        # The next request forgets them.
        number = len(queries)
    page(client)
    seconds = []
    for _ in range(openings):
        began = time.perf_counter()
        response = page(client)
        seconds.append(time.perf_counter() - began)
        assert response.status_code in (200, 302), response  # noqa: S101
    return Figure(min(seconds), number)


def name_pages() -> dict[str, Opening]:
    """Return the pages that are opened, by what they are called in the table."""
    from webhooks.models import Attempt, Conversation, Delivery, Effect, Event  # noqa: PLC0415

    middle = Event.objects.order_by("pk")[Event.objects.count() // 2]
    since, until = middle.received_at, middle.received_at + timedelta(minutes=30)
    dead = Effect.objects.filter(state="dead").order_by("pk")[0]
    conversation = Conversation.objects.get(conversation_uuid=middle.conversation_uuid)

    def span(column: str) -> str:
        bounds = (("from", since), ("to", until))
        return "&".join(
            f"{column}_{name}_0={at.date()}&{column}_{name}_1={at:%H:%M:%S}" for name, at in bounds
        )

    lists = {
        "events": "event/",
        "events, a page in the middle": f"event/?before={middle.pk}",
        "events that need people": "event/?needs=people",
        "events that are dead": "event/?status__exact=dead",
        "events with a failed CRM effect": "event/?failed_effect=crm",
        "events of a type that is not there": "event/?event_type=call.transcribed",
        "events of a source": f"event/?source__id__exact={middle.source_id}",
        "events of half an hour": f"event/?{span('received_at')}",
        "failed on the CRM in half an hour": f"event/?failed_effect=crm&{span('received_at')}",
        "conversations": "conversation/",
        "conversations without an analysis": "conversation/?analysis=missing",
        "conversations that failed": "conversation/?status__exact=failed",
        "deliveries": "delivery/",
        "deliveries in conflict": "delivery/?outcome__exact=conflict",
        "deliveries of half an hour": f"delivery/?{span('received_at')}",
        "effects": "effect/",
        "effects that need people": "effect/?needs=people",
        "effects that ended in half an hour": f"effect/?{span('finished_at')}",
        "CRM effects that failed in half an hour": "effect/?needs=people&integration__exact=crm&"
        + span("finished_at"),
        "effects of a type of event": "effect/?event_type=conversation.ended",
        "attempts": "attempt/",
        "attempts of half an hour": f"attempt/?{span('started_at')}",
        "an event": f"event/{middle.pk}/change/",
        "an event whose effect is dead": f"event/{dead.event_id}/change/",
        "a conversation": f"conversation/{conversation.pk}/change/",
        "an effect": f"effect/{dead.pk}/change/",
        "a delivery": f"delivery/{Delivery.objects.order_by('pk')[0].pk}/change/",
        "an attempt": f"attempt/{Attempt.objects.order_by('pk')[0].pk}/change/",
    }
    searches = {
        "an event's id": str(middle.event_id),
        "an event's beginning": str(middle.event_id)[:8],
        "a conversation": conversation.conversation_uuid,
        "a caller's number": conversation.from_number,
        "a line's number": conversation.to_number,
        "a number's end": conversation.from_number[-8:],
        "a ticket's number": str(middle.pk * 10 + 3),
        "a key": dead.idempotency_key,
        "nothing": "nothing-like-that",
    }
    return (
        {"dashboard": open_page("/admin/")}
        | {name: open_page(f"/admin/webhooks/{path}") for name, path in lists.items()}
        | {f"search: {name}": search_for(term) for name, term in searches.items()}
    )


def open_page(path: str) -> Opening:
    """Return what opens an address."""
    return lambda client: client.get(path, secure=True)


def search_for(term: str) -> Opening:
    """Return what types `term` into the search box."""

    # What is found may be one row, whose page is another matter.
    def search(client: "Client") -> Any:
        address = client.post("/admin/search/", {"q": term}, secure=True)["Location"]
        return client.get(address, secure=True)

    return search


def report(small: dict[str, Figure], large: dict[str, Figure], few: str, many: str) -> int:
    """Print and write the figures; return the exit status."""
    table = Table("page", f"ms, {few}", f"ms, {many}", "ratio", "queries")
    missed = []
    for name, figure in large.items():
        ratio = figure.seconds / small[name].seconds
        queries = max(figure.queries, small[name].queries)
        is_slow = ratio > LARGEST_RATIO and figure.seconds - small[name].seconds > NOTICED
        if is_slow or queries > MOST_QUERIES:
            missed.append(name)
        milliseconds = [f"{item.seconds * 1000:.1f}" for item in (small[name], figure)]
        table.add_row(name, *milliseconds, f"{ratio:.2f}", str(queries))
    Console(width=110).print(table)
    file = write_results(
        "console",
        {
            "pages": {
                name: {
                    "small_ms": small[name].seconds * 1000,
                    "large_ms": figure.seconds * 1000,
                    "queries": max(figure.queries, small[name].queries),
                }
                for name, figure in large.items()
            }
        },
    )
    print(f"target: {LARGEST_RATIO} and {MOST_QUERIES}; missed by: {', '.join(missed) or 'none'}")
    print(f"Figures: {file}")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
