"""Find out which fields of two bodies have other values, without telling the values."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any

import msgspec

from integrations.text import make_storable
from webhooks.field_names import is_field_name
from webhooks.json_bytes import decode_json

MOST_DIFFERENCES = 50
MOST_VALUES = 50_000
"""Values that are compared: a transcript of a megabyte has fewer, and a body can have ten times as
many."""

LONGEST_PATH = 200

ABSENT = object()

decoder = msgspec.json.Decoder(float_hook=Decimal)
"""Keeps numbers as they are written, however large or long."""


class NotComparableError(Exception):
    """What differs cannot be said; the message says why, without a value."""


def find_differences(stored: bytes, sent: bytes) -> list[str]:
    """Return the paths of the fields that differ, such as `data.messages[3].message`.

    At most `MOST_DIFFERENCES`; none where the two say the same in another notation. Raises
    `NotComparableError` where one is no JSON that can be read, or there is too much of it.
    """
    found: dict[str, None] = {}
    for path, old, new in walk(read(stored), read(sent)):
        if not is_same(old, new):
            found[make_storable(path)] = None
        if len(found) >= MOST_DIFFERENCES:
            break
    return list(found)


def read(body: bytes) -> Any:
    """Return what `body` says."""
    try:
        return decode_json(decoder, body)
    except (msgspec.DecodeError, RecursionError, InvalidOperation, UnicodeDecodeError) as error:
        raise NotComparableError(f"one is no JSON: {type(error).__name__}") from None


def walk(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield each place of the two with what stands there, in the order of the old one.

    Where both have an object or a list, these are gone into, however deep. Raises
    `NotComparableError` before there are too many.
    """
    # Not recursive: what may be read may be nested deeper than Python goes.
    waiting: list[tuple[str, Any, Any]] = [("", old, new)]
    room = MOST_VALUES
    while waiting:
        path, old, new = waiting.pop()
        if isinstance(old, dict | list) and isinstance(new, dict | list):
            room -= max(len(old), len(new))
            if room < 0:
                raise NotComparableError("there are too many values")
        if isinstance(old, dict) and isinstance(new, dict):
            keys = reversed(old | new)
            waiting += [
                (join(path, key), old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys
            ]
        elif isinstance(old, list) and isinstance(new, list):
            pairs = list(enumerate(zip_longest(old, new, fillvalue=ABSENT)))
            waiting += [(cut(f"{path}[{place}]"), *pair) for place, pair in reversed(pairs)]
        yield path, old, new


def join(path: str, key: str) -> str:
    """Return the path of the field `key`.

    A key that is no name, such as a phone number, is somebody's data and not told.
    """
    name = key if is_field_name(key) else "*"
    return cut(f"{path}.{name}" if path else name)


def cut(path: str) -> str:
    """Return as much of the path as is told: all of a thousand levels would fill memory."""
    return path if len(path) <= LONGEST_PATH else path[: LONGEST_PATH - 1] + "…"


def is_same(old: Any, new: Any) -> bool:
    """Tell whether two values are the same, apart from what stands within them."""
    for kind in (dict, list, bool):
        if isinstance(old, kind) or isinstance(new, kind):
            same_kind = isinstance(old, kind) and isinstance(new, kind)
            return same_kind and (kind is not bool or old is new)
    return bool(old == new)
