"""What an issue says in Linear: rendered texts, in the types and sizes of its fields."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from integrations.exceptions import PermanentFailure
from integrations.tasks.linear_markdown import escape_markdown

DESCRIPTION = (
    "{{ request.description }}"
    "{% if request.phone_number %}\n\nPhone: {{ request.phone_number }}{% endif %}"
    "{% if request.assignee %}\n\nFor: {{ request.assignee }}{% endif %}"
    "{% if conversation.url %}\n\n{{ conversation.url }}{% endif %}"
)
DEFAULTS = {"title": "{{ request.title }}", "dueDate": '{{ request.due_at|date:"Y-m-d" }}'}

NUMBERS: Mapping[str, range] = {"priority": range(5), "estimate": range(1000)}
"""Linear's priorities: none, urgent, high, normal, low."""
IDS = frozenset(
    {
        *("assigneeId", "delegateId", "stateId", "projectId", "projectMilestoneId"),
        *("cycleId", "parentId", "templateId"),
    }
)
LISTS = frozenset({"labelIds", "subscriberIds"})
NAMES = frozenset({"title", "description", "dueDate", *NUMBERS, *IDS, *LISTS})

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSERTION = re.compile(r"\{\{|\{%\s*firstof\b")
"""Where a template puts in a text that is not its own."""
NUMBER = re.compile(r"[0-9]{1,4}")
WHOLE_WORDS = re.compile(r".*\s", re.DOTALL)
LONGEST_TITLE = 255
"""In UTF-16's units, the longest count there is. Linear documents no limit; others found none
below this one."""
LONGEST_DESCRIPTION = 100_000
"""In characters. Linear documents no limit: ours keeps an endless text from being refused."""
CUT_OFF = "…\n\n[cut off]"
NOTHING = "Follow-up"
"""Linear wants a title."""


def check_names(names: Iterable[str]) -> None:
    """Raise `ImproperlyConfigured` for a field that issues do not have."""
    for name in names:
        if name not in NAMES:
            raise ImproperlyConfigured(
                f"FIELDS names {name!r}; issues have {', '.join(sorted(NAMES))}."
            )


def build_issue(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the issue that `texts`, by the names of `FIELDS`, make; the description is Markdown.

    Raises `PermanentFailure` for a text that its field cannot hold.
    """
    title, description = write_texts(texts.get("title", ""), texts.get("description", ""))
    issue: dict[str, Any] = {"title": title}
    if description:
        issue["description"] = description
    if "dueDate" in texts:
        issue["dueDate"] = read_date(texts["dueDate"])
    for name in sorted(NUMBERS.keys() & texts.keys()):
        issue[name] = read_number(name, texts[name])
    for name in sorted(IDS & texts.keys()):
        issue[name] = read_uuid(name, texts[name])
    for name in sorted(LISTS & texts.keys()):
        ids = (item.strip() for item in texts[name].split(","))
        issue[name] = list(dict.fromkeys(read_uuid(name, item) for item in ids if item))
    return issue


def write_texts(title: str, description: str) -> tuple[str, str]:
    """Return title and description; a title that is too long begins the description."""
    title = " ".join(title.split()) or NOTHING
    units = title.encode("utf-16-le")
    if len(units) > 2 * LONGEST_TITLE:
        description = f"{escape_markdown(title)}\n\n{description}"
        title = units[: 2 * (LONGEST_TITLE - 1)].decode("utf-16-le", errors="ignore") + "…"
    description = description.strip()
    if len(description) > LONGEST_DESCRIPTION:
        # Between words: the half of a code span would let go of the address in it.
        kept = WHOLE_WORDS.match(description, 0, LONGEST_DESCRIPTION - len(CUT_OFF))
        description = (kept[0].rstrip() if kept is not None else "") + CUT_OFF
    return title, description


def read_date(text: str) -> str:
    """Return the date that `text` is."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise PermanentFailure("The template of 'dueDate' gives something other than 2026-12-31.")


def read_number(name: str, text: str) -> int:
    """Return the number that `text` is, if the field may hold it."""
    allowed = NUMBERS[name]
    if not NUMBER.fullmatch(text) or int(text) not in allowed:
        raise PermanentFailure(
            f"The template of {name!r} gives something other than {allowed[0]} to {allowed[-1]}."
        )
    return int(text)


def read_uuid(name: str, text: str) -> str:
    """Return the UUID that `text`, one of the field's, is."""
    if not UUID.fullmatch(text):
        raise PermanentFailure(f"The template of {name!r} gives something other than a UUID.")
    return text


def find_inserted_ids(templates: Mapping[str, str]) -> set[str]:
    """Return the fields for UUIDs whose templates insert something, which only a request knows."""
    return {name for name in (IDS | LISTS) & templates.keys() if INSERTION.search(templates[name])}
