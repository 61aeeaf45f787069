"""Read a conversation's analysis, whatever its shape.

The sender's documentation does not show the names of the analysis fields, so where to look is
`settings.WEBHOOKS_ANALYSIS_FIELDS`; lists and objects are both taken, and what does not fit is
passed over: an event never fails because its analysis looks different.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.utils.dateparse import parse_datetime

from integrations.facts import Goal

TRUE_WORDS = frozenset({"true", "yes", "achieved", "passed", "pass", "success", "succeeded", "met"})
FALSE_WORDS = frozenset({"false", "no", "failed", "fail", "not_achieved", "missed", "not_met"})
NAME_KEYS = ("name", "goal", "title", "label")
ACHIEVED_KEYS = ("achieved", "passed", "success", "met", "completed", "result", "status")
REASON_KEYS = ("reason", "explanation", "rationale", "comment")
TITLE_KEYS = ("title", "task", "name", "action", "text", "description")
DETAIL_KEYS = ("description", "details", "note", "notes")
MOST_ITEMS = 100


class FollowUpItem(msgspec.Struct, frozen=True):
    """One thing that the analysis asks people to do; `key` names it within its conversation."""

    key: str
    title: str
    description: str = ""
    due_at: str = ""
    assignee: str = ""


def find_field(data: Mapping[str, msgspec.Raw], name: str) -> Any:
    """Return what the analysis in `data` has under `name`, or None.

    Tries the dotted paths that the settings list for `name`, in their order.
    """
    for path in settings.WEBHOOKS_ANALYSIS_FIELDS.get(name, [name]):
        value = follow_path(data, path.split("."))
        if value is not None:
            return value
    return None


def follow_path(data: Mapping[str, msgspec.Raw], path: list[str]) -> Any:
    """Return the decoded value at `path`, or None; only what lies on the path is decoded."""
    raw = data.get(path[0])
    try:
        if raw is None or len(path) == 1:
            return None if raw is None else msgspec.json.decode(raw)
        return follow_path(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]), path[1:])
    except (msgspec.DecodeError, RecursionError):
        return None


def read_goals(value: Any) -> list[Goal]:
    """Return the goals in a list of names or objects, or in an object by name."""
    return [
        Goal(
            name=name[:200],
            achieved=read_truth(first(item, ACHIEVED_KEYS)),
            reason=read_text(first(item, REASON_KEYS))[:1000],
        )
        for name, item in read_items(value, NAME_KEYS, read_named_goal)
    ]


def read_named_goal(value: Any) -> Mapping[str, Any] | None:
    """Return what a bare value under a goal's name says: a verdict, a word, or that it is open.

    Any other number is the analysis's own business, a score say.
    """
    says = value is None or read_truth(value) is not None or isinstance(value, str)
    return {"achieved": value} if says else None


def read_follow_ups(value: Any) -> list[FollowUpItem]:
    """Return the follow-ups in a list of texts or objects, or in an object by title.

    Each one's key is its own `id` where it has one, else a digest of what it says, and of how
    many like it came before: an analysis that is sent again asks for the same follow-ups.
    """
    seen: dict[str, int] = {}
    items = []
    for title, item in read_items(value, TITLE_KEYS, read_named_follow_up):
        description = read_text(first(item, DETAIL_KEYS))
        own = read_text(first(item, ("id", "uuid", "key")))
        said = own or f"{title}\0{description}"
        seen[said] = seen.get(said, 0) + 1
        digest = hashlib.sha256(f"{said}\0{seen[said]}".encode()).hexdigest()
        items.append(
            FollowUpItem(
                key=digest[:16],
                title=title[:200],
                description="" if description == title else description[:5000],
                due_at=read_text(first(item, ("due_at", "due", "due_date")))[:50],
                assignee=read_text(first(item, ("assignee", "owner", "assigned_to")))[:200],
            )
        )
    return items


def read_named_follow_up(value: Any) -> Mapping[str, Any] | None:
    """Return what a bare value under a follow-up's title says: a description, or that it is wanted.

    Anything else is a count or a switch of the analysis, and nothing that people have to do.
    """
    if value is True:
        return {}
    return {"description": value} if isinstance(value, str) and value.strip() else None


def read_items(
    value: Any,
    name_keys: tuple[str, ...],
    read_named: Callable[[Any], Mapping[str, Any] | None],
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the name and content of each item that `value` holds, the first `MOST_ITEMS`.

    An object that has lists has its items in them, and what else it has is about them; without, it
    has the items themselves, by name, where `read_named` says what a bare value means.
    """
    if isinstance(value, Mapping) and any(isinstance(part, list) for part in value.values()):
        value = [item for part in value.values() if isinstance(part, list) for item in part]
    pairs: list[tuple[Any, Mapping[str, Any] | None]] = []
    if isinstance(value, Mapping):
        pairs = [
            (name, item if isinstance(item, Mapping) else read_named(item))
            for name, item in value.items()
        ]
    elif isinstance(value, list):
        pairs = [
            (first(item, name_keys), item) if isinstance(item, Mapping) else (item, {})
            for item in value
        ]
    names = [(read_text(name).strip(), item) for name, item in pairs if isinstance(name, str)]
    return [(name, item) for name, item in names if name and item is not None][:MOST_ITEMS]


def first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the first of `keys` that `item` has a value for."""
    return next((item[key] for key in keys if item.get(key) is not None), None)


def read_text(value: Any) -> str:
    """Return a text or number as text that Postgres can hold, anything else as nothing."""
    if isinstance(value, str):
        return value.replace("\0", "")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def read_truth(value: Any) -> bool | None:
    """Return whether `value` means yes or no, or None where it says neither."""
    if isinstance(value, int | float) and value in (0, 1):  # False and True among them
        return bool(value)
    word = read_text(value).strip().lower().replace(" ", "_")
    if word in TRUE_WORDS | {"completed"}:
        return True
    return False if word in FALSE_WORDS else None


def read_number(value: Any) -> float | None:
    """Return a finite number, also where it comes as text, else None."""
    try:
        number = float(read_text(value) or "nan")
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def read_moment(text: str) -> datetime | None:
    """Return the time that `text` names in ISO 8601, as UTC where it names no offset, else None."""
    try:
        moment = parse_datetime(text)
        if moment is None:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
