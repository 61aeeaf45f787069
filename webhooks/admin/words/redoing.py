"""Effects that somebody had done again although they had succeeded."""

from collections.abc import Iterator

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_to
from webhooks.models import Effect

MOST = 20


def describe_chain(effect: Effect) -> SafeString | str:
    """Return the ways to what an effect does again and to what does it again, with states."""
    return format_html_join(" ", '<span class="sb-line">{} {} {}</span>', read_chain(effect)) or "-"


def read_chain(effect: Effect) -> Iterator[tuple[str, SafeString, SafeString]]:
    """Yield what the effect does again, and the newest `MOST` that do it again."""
    rows = Effect.objects.only("pk", "state", "created_at")
    if effect.redo_of_id is not None:
        yield ("Does again what was done by", *describe(rows.get(pk=effect.redo_of_id)))
    for again in rows.filter(redo_of=effect.pk).order_by("-pk")[:MOST]:
        yield ("Done again by", *describe(again))


def describe(effect: Effect) -> tuple[SafeString, SafeString]:
    """Return the way to an effect, and its state."""
    return link_to(Effect, effect.pk, f"effect {effect.pk}"), render_label(
        Effect.State(effect.state)
    )
