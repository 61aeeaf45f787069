"""Who may see what was said, and how it is shown to them."""

from dataclasses import dataclass

import msgspec
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from integrations.phone_numbers import mask_phone_number

LONGEST = 256 * 1024
"""Characters of a payload on a page; a transcript may have megabytes."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A text to show; `left_out` counts the characters behind its end."""

    text: str
    left_out: int = 0


def may_see_payload(user: User | AnonymousUser) -> bool:
    """Tell whether the user may see bodies, transcripts and phone numbers."""
    return user.has_perm(settings.ADMIN_PERSONAL_DATA_PERMISSION)


def show_number(request: HttpRequest, number: str) -> str:
    """Return a phone number, masked for who may not see it."""
    if not number:
        return "-"
    return number if may_see_payload(request.user) else mask_phone_number(number)


def format_payload(body: bytes) -> Payload:
    """Return a body as indented JSON, or as it is where it is none."""
    try:
        # Formats the text, builds no objects: no number or depth is too large for it.
        formatted = msgspec.json.format(body, indent=2)
    except (msgspec.DecodeError, RecursionError):
        formatted = body
    text = formatted.decode(errors="replace")
    return Payload(text[:LONGEST], max(0, len(text) - LONGEST))
