"""States and outcomes as coloured labels, the same everywhere."""

from django.db.models import TextChoices
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

COLOURS = {
    "accepted": "success",
    "completed": "success",
    "processed": "success",
    "succeeded": "success",
    "verified": "success",
    "in_progress": "info",
    "pending": "info",
    "running": "info",
    "transferred": "info",
    "conflict": "warning",
    "held": "warning",
    "lost": "warning",
    "temporary": "warning",
    "dead": "danger",
    "failed": "danger",
    "permanent": "danger",
    "rejected": "danger",
}
"""unfold's names of colours, by the values of the models' choices; what is not here stays grey."""


def render_label(value: str, text: str = "", *, href: str = "") -> SafeString:
    """Return a label in the colour of `value`, which is one of the models' choices or a state.

    `text` is what it says, by default the value's own label; `href` makes it a link.
    """
    if not text:
        text = str(value.label) if isinstance(value, TextChoices) else value
    context = {"text": text, "type": COLOURS.get(value, ""), "href": href}
    return render_to_string("unfold/helpers/label.html", context)
