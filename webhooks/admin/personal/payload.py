"""How what was said is shown: masked to everybody, and in full to who has asked for it."""

import json
from dataclasses import dataclass

import msgspec

from integrations.phone_numbers import describe_end
from webhooks.admin.personal.masking import Known, mark, write_masked
from webhooks.json_bytes import decode_json

LONGEST = 256 * 1024
"""Characters of a payload on a page; a transcript may have megabytes."""

UNREADABLE = "It is not JSON that can be taken apart, so nothing of it can be shown masked."

decoder = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Payload:
    """A text to show; `left_out` counts the characters behind its end."""

    text: str
    left_out: int = 0


def show_number(number: str, *, in_full: bool) -> str:
    """Return a phone number, or the mark that stands for it."""
    if not number:
        return "-"
    return number if in_full else mark(describe_end(number))


def show_body(body: bytes, known: Known, *, in_full: bool) -> Payload:
    """Return a stored body to show; masked, it has nothing in it that `known` does not list."""
    return format_payload(body) if in_full else mask_body(body, known)


def show_object(stored: object, known: Known, *, in_full: bool) -> Payload | None:
    """Return a stored JSON object to show, or None where there is none."""
    if stored is None:
        return None
    if in_full:
        return format_payload(json.dumps(stored, ensure_ascii=False).encode())
    return Payload("\n".join(write_masked(stored, known)))


def mask_body(body: bytes, known: Known) -> Payload:
    """Return a body with what was said left out."""
    try:
        decoded = decode_json(decoder, body)
    except (msgspec.DecodeError, RecursionError):
        return Payload(UNREADABLE)
    return Payload("\n".join(write_masked(decoded, known)))


def format_payload(body: bytes) -> Payload:
    """Return a body as indented JSON, or as it is where it is none."""
    try:
        # Formats the text, builds no objects: no number or depth is too large for it.
        formatted = msgspec.json.format(body, indent=2)
    except (msgspec.DecodeError, RecursionError):
        formatted = body
    text = formatted.decode(errors="replace")
    return Payload(text[:LONGEST], max(0, len(text) - LONGEST))
