"""Links between the pages of the admin, and the short forms that their texts take."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from webhooks.models import Conversation, Delivery, Effect, Event, Replay, Source

Linked = (
    type[Conversation] | type[Delivery] | type[Effect] | type[Event] | type[Replay] | type[Source]
)

ID_LENGTH = 8
"""Characters of an id in a list: enough to tell two apart, and to search for."""

AGES = ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h"), (float("inf"), 86_400, "days"))
"""How far away a time is, in seconds; in what it is then counted, and what that is called."""


def page_of(model: Linked, pk: int) -> str:
    """Return the path of a row's page."""
    return reverse(f"admin:webhooks_{model._meta.model_name}_change", args=[pk])  # noqa: SLF001 -- documented API


def list_of(model: type[Model], query: Mapping[str, object] | None = None) -> str:
    """Return the address of a model's list, narrowed by `query`."""
    opts = model._meta  # noqa: SLF001 -- documented API
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return f"{path}?{urlencode(query)}" if query else path


def link_to(model: Linked, pk: int, text: str, title: str = "") -> SafeString:
    """Return a link to a row's page; `title` is what it says when pointed at."""
    return format_html(
        '<a class="text-link" href="{}" title="{}">{}</a>', page_of(model, pk), title, text
    )


def link_to_conversation(conversation_uuid: str) -> SafeString | str:
    """Return a link to the conversation of that id; only the id as long as there is no row.

    Makes a query, so it is for the page of one row. Called by the ledger's pages too.
    """
    known = Conversation.objects.filter(conversation_uuid=conversation_uuid)
    pk = known.values_list("pk", flat=True).first()
    return conversation_uuid if pk is None else link_to(Conversation, pk, conversation_uuid)


def may_see_replays(reader: User | AnonymousUser) -> bool:
    """Tell whether the records of replays, retries and closings have pages for `reader`."""
    return reader.has_perm("webhooks.view_replay")


def link_to_replay(replay: Replay, text: str, *, is_link: bool) -> SafeString | str:
    """Return `text`, as a link to the record for those who may follow it."""
    return link_to(Replay, replay.pk, text) if is_link else text


def link_out(url: str, text: str) -> SafeString | str:
    """Return a link to a record at a vendor; only its text where it leads to no web page.

    The address is the vendor's word, and a script in it must not run in the reader's browser.
    """
    if not url.startswith(("https://", "http://", "/")):
        return text
    return format_html(
        '<a class="text-link" href="{}" rel="noopener noreferrer" target="_blank">{}</a>', url, text
    )


def shorten(identifier: str | UUID) -> str:
    """Return the beginning of an id."""
    text = str(identifier)
    return text if len(text) <= ID_LENGTH else f"{text[:ID_LENGTH]}…"


def shorten_text(text: str, length: int = 60) -> str:
    """Return the beginning of a sentence, as long as a list has room for."""
    return Truncator(text).chars(length)


def show_time(moment: datetime | None) -> SafeString | str:
    """Return a time to the second in the reader's zone; to the microsecond when pointed at."""
    if moment is None:
        return "-"
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" class="whitespace-nowrap">{}</time>',
        moment.isoformat(),
        local.isoformat(sep=" "),
        date_format(local, "DATETIME_FORMAT"),
    )


def show_age(moment: datetime | None) -> SafeString | str:
    """Return for a list how long ago a time was, and below it the time to the second."""
    if moment is None:
        return "-"
    seconds = int((timezone.now() - moment).total_seconds())
    return format_html(
        '<span class="sb-age" data-age="{}">{}</span>{}',
        seconds,
        say_age(seconds),
        show_time(moment),
    )


def say_age(seconds: int) -> str:
    """Return how long ago something was, or how far ahead it is; static/webhooks/find.js agrees."""
    distance = say_distance(abs(seconds))
    return f"in {distance}" if seconds < 0 else f"{distance} ago"


def say_distance(seconds: int) -> str:
    """Return a length of time as people say it."""
    unit, name = next((unit, name) for below, unit, name in AGES if seconds < below)
    return f"{seconds // unit} {name}"


def show_size(size: int) -> str:
    """Return a number of bytes as people say it."""
    if size < 1024:  # noqa: PLR2004 -- a kilobyte
        return f"{size} B"
    return f"{size / 1024:.1f} KB" if size < 1024**2 else f"{size / 1024**2:.1f} MB"
