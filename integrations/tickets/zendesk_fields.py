"""What a ticket says in Zendesk: rendered texts, in the types and sizes of its fields."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from integrations.exceptions import PermanentFailure

DEFAULTS = {
    "subject": "{{ request.subject }}",
    "description": "{{ request.description }}"
    "{% if conversation.url %}\n\n{{ conversation.url }}{% endif %}",
    "priority": "{{ request.priority }}",
    "tags": '{{ request.tags|join:"," }}',
}

TEXTS = frozenset({"subject", "description", "tags", "assignee_email", "recipient"})
NUMBERS = frozenset(
    {
        *("group_id", "assignee_id", "organization_id"),
        *("brand_id", "ticket_form_id", "custom_status_id"),
    }
)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "priority": ("low", "normal", "high", "urgent"),
    "type": ("problem", "incident", "question", "task"),
    "status": ("new", "open", "pending", "hold", "solved"),
}
CUSTOM = re.compile(r"custom_fields\.([0-9]{1,18})")
NUMBER = re.compile(r"[0-9]{1,18}")

LONGEST_SUBJECT = 150
"""In characters: what Zendesk's forms take. It documents no limit, and lists show less."""
LONGEST_COMMENT = 65_000
"""In bytes of UTF-8. "~65,000 characters, depending on the encoding", says Zendesk's staff:
https://support.zendesk.com/hc/en-us/community/posts/4719863289498."""
CUT_OFF = "…\n[cut off]"
NOTHING = "(no description)"
"""Zendesk wants a first comment that is not blank."""


def check_names(names: Iterable[str]) -> None:
    """Raise `ImproperlyConfigured` for a field that tickets do not have."""
    for name in names:
        if not (name in TEXTS | NUMBERS | CHOICES.keys() or CUSTOM.fullmatch(name)):
            known = ", ".join(sorted(TEXTS | NUMBERS | CHOICES.keys()))
            raise ImproperlyConfigured(
                f"FIELDS names {name!r}; tickets have {known} and custom_fields.<number>."
            )


def build_ticket(texts: Mapping[str, str], *, public: bool) -> dict[str, Any]:
    """Return the ticket that `texts`, by the names of `FIELDS`, make; `public` is the comment's.

    Raises `PermanentFailure` for a text that its field cannot hold.
    """
    subject, body = write_comment(texts.get("subject", ""), texts.get("description", ""))
    ticket: dict[str, Any] = {"comment": {"body": body, "public": public}}
    if subject:
        ticket["subject"] = subject
    if "tags" in texts:
        ticket["tags"] = split_tags(texts["tags"])
    for name in TEXTS - {"subject", "description", "tags"}:
        if name in texts:
            ticket[name] = texts[name]
    for name in NUMBERS & texts.keys():
        ticket[name] = read_number(name, texts[name])
    for name in CHOICES.keys() & texts.keys():
        ticket[name] = read_choice(name, texts[name])
    custom = [
        {"id": int(found[1]), "value": text}
        for name, text in texts.items()
        if (found := CUSTOM.fullmatch(name))
    ]
    if custom:
        ticket["custom_fields"] = custom
    return ticket


def write_comment(subject: str, description: str) -> tuple[str, str]:
    """Return the subject and first comment; what the subject cannot hold begins the comment."""
    subject = " ".join(subject.split())
    if len(subject) > LONGEST_SUBJECT:
        description = f"{subject}\n\n{description}"
        subject = subject[: LONGEST_SUBJECT - 1].rstrip() + "…"
    return subject, cut_comment(description.strip() or subject or NOTHING)


def name_caller(ticket: dict[str, Any], number: str) -> None:
    """Begin the comment of `ticket` with the caller's number, where no requester has it."""
    comment = ticket["comment"]
    comment["body"] = cut_comment(f"Caller {number}\n\n{comment['body']}")


def cut_comment(body: str) -> str:
    """Return `body`, or as much of it as Zendesk takes."""
    encoded = body.encode()
    if len(encoded) <= LONGEST_COMMENT:
        return body
    room = LONGEST_COMMENT - len(CUT_OFF.encode())
    return encoded[:room].decode(errors="ignore") + CUT_OFF


def split_tags(text: str) -> list[str]:
    """Return the tags between the commas, each once; Zendesk's have no white space in them."""
    tags = ("_".join(tag.split()) for tag in text.split(","))
    return list(dict.fromkeys(tag for tag in tags if tag))


def read_number(name: str, text: str) -> int:
    """Return the id that `text` is."""
    if not NUMBER.fullmatch(text):
        raise PermanentFailure(f"The template of {name!r} gives something that is not a number.")
    return int(text)


def read_choice(name: str, text: str) -> str:
    """Return `text` if it is one of the words that the field may hold."""
    if text not in CHOICES[name]:
        raise PermanentFailure(
            f"The template of {name!r} gives something other than {', '.join(CHOICES[name])}."
        )
    return text
