"""Write a payload down with what was said left out.

Nothing is shown because it looks harmless. What may be shown is listed by its place: below a field
that is not listed every text and number is replaced by a mark that says what it is. The names of
fields stay where they are the schema's, which people never are.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from itertools import islice
from typing import Any

from integrations.phone_numbers import describe_end
from webhooks.admin.words.durations import count
from webhooks.field_names import is_field_name
from webhooks.processing.analysis import read_moment


class Shape(Enum):
    """What a value must look like to be shown at a listed place."""

    ID = auto()
    WORD = auto()
    TIME = auto()
    NUMBER = auto()


Known = Mapping[str, Any]
"""The fields of an object that may be shown: a `Shape`, or what is known of the object below, or of
each object of the list below."""

MESSAGE: Known = {"role": Shape.WORD, "type": Shape.WORD, "timestamp": Shape.TIME}
CALL: Known = {
    "conversation_uuid": Shape.ID,
    "organization_uuid": Shape.ID,
    "agent_uuid": Shape.ID,
    "campaign_uuid": Shape.ID,
    "campaign_contact_uuid": Shape.ID,
    "room_sid": Shape.ID,
    "channel": Shape.WORD,
    "direction": Shape.WORD,
    "status": Shape.WORD,
    "answer_status": Shape.WORD,
    "started_at": Shape.TIME,
    "ended_at": Shape.TIME,
    "duration_seconds": Shape.NUMBER,
    "score": Shape.NUMBER,
    "messages": MESSAGE,
    "events": MESSAGE,
    "goals": {},
}
FACTS: Known = {"event_id": Shape.ID, "event_type": Shape.ID, "created": Shape.TIME}
ENVELOPE: Known = {**FACTS, "organization_uuid": Shape.ID, "data": CALL}
"""Of what a sender sends."""

REQUEST: Known = {
    "idempotency_key": Shape.ID,
    "event": FACTS,
    "conversation": CALL,
    "version": Shape.NUMBER,
    "seconds": Shape.NUMBER,
    "occurred_at": Shape.TIME,
    "due_at": Shape.TIME,
    "priority": Shape.WORD,
}
"""Of what an integration is asked."""

SHAPES = {
    Shape.ID: re.compile(r"[A-Za-z0-9_.:-]{1,255}"),
    Shape.WORD: re.compile(r"[a-z][a-z_]{0,39}"),
}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"(?:tel:)?[+\d\s()/.-]{7,}")
PHONE_FIELD = re.compile(r"number|phone|caller|mobile|tel", re.IGNORECASE)
ADDRESS_FIELD = re.compile(r"address|street|city|zip|postal|postcode|country", re.IGNORECASE)
NAME_FIELD = re.compile(r"name", re.IGNORECASE)

DEEPEST = 20
MOST_ITEMS = 25
"""Items of one list: a transcript without its words is of no use beyond that."""
MOST_FIELDS = 200
MOST_LINES = 3000


def write_masked(value: object, known: Known) -> list[str]:
    """Return the lines of a JSON value, indented, with what is not in `known` masked.

    Whatever the value holds, there are at most `MOST_LINES` of them and one that says so.
    """
    lines = list(islice(write_value(value, known), MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        lines[-1] = mark("more is not shown")
    return lines


def write_value(
    value: object, known: object, name: str = "", label: str = "", depth: int = 0
) -> Iterator[str]:
    """Yield the lines of the value of the field `name`; `label` stands before the first.

    `known` is what may be shown of it: a `Shape`, a mapping, or nothing.
    """
    start = "  " * depth + label
    if not isinstance(value, dict | list) or not value:
        yield start + write_leaf(value, known, name)
    elif depth >= DEEPEST:
        yield start + mark("nested deeper than is shown")
    else:
        is_object = isinstance(value, dict)
        yield start + ("{" if is_object else "[")
        yield from (
            write_object(value, known, depth + 1)
            if isinstance(value, dict)
            else write_list(value, known, name, depth + 1)
        )
        yield "  " * depth + ("}" if is_object else "]")


def write_object(value: dict[str, Any], known: object, depth: int) -> Iterator[str]:
    """Yield the lines of an object's fields."""
    fields = known if isinstance(known, Mapping) else {}
    for name, item in islice(value.items(), MOST_FIELDS):
        label = f"{name}: " if is_field_name(name) else f"{mark('field')}: "
        yield from write_value(item, fields.get(name), name, label, depth)
    yield from write_rest(len(value) - MOST_FIELDS, depth)


def write_list(value: list[Any], known: object, name: str, depth: int) -> Iterator[str]:
    """Yield the lines of a list's items, which are known as the list is."""
    for item in value[:MOST_ITEMS]:
        yield from write_value(item, known, name, "", depth)
    yield from write_rest(len(value) - MOST_ITEMS, depth)


def write_rest(number: int, depth: int) -> Iterator[str]:
    """Yield a line that tells how many more there are, where there are any."""
    if number > 0:
        yield "  " * depth + mark(f"{number:,} more")


def write_leaf(value: object, known: object, name: str) -> str:
    """Return a value that has no fields: as it is where that may be shown, else a mark."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str):
        if not value:
            return '""'
        return f'"{value}"' if fits(value, known) else mark(describe_text(value, name))
    return str(value) if known in (Shape.NUMBER, Shape.TIME) else mark("number")


def fits(text: str, known: object) -> bool:
    """Tell whether a text at a listed place looks as it must there."""
    if known is Shape.TIME:
        return read_moment(text) is not None
    return isinstance(known, Shape) and known in SHAPES and bool(SHAPES[known].fullmatch(text))


def describe_text(text: str, name: str) -> str:
    """Return what the text of the field `name` is, and of a phone number how it ends."""
    if PHONE.fullmatch(text) and (text.lstrip().startswith("+") or PHONE_FIELD.search(name)):
        return describe_end(text)
    return recognise(text) or name_by_field(name) or f"text, {count(len(text), 'character')}"


def recognise(text: str) -> str:
    """Return what a text shows by itself to be, or nothing."""
    if is_ip_address(text):
        return "IP address"
    if EMAIL.fullmatch(text):
        return "e-mail address"
    if read_moment(text) is not None:
        return "time"
    return "link" if text.startswith(("https://", "http://")) else ""


def name_by_field(name: str) -> str:
    """Return what the texts of the field are, where its name tells."""
    if ADDRESS_FIELD.search(name):
        return "address"
    return "name" if NAME_FIELD.search(name) else ""


def is_ip_address(text: str) -> bool:
    """Tell whether the text is an IP address, of either version."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def mark(what: str) -> str:
    """Return what stands for something that is not shown."""
    return f"\u2039{what}\u203a"
