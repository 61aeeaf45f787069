"""What was said, as Markdown that shows it and does nothing else.

Linear makes a mention of an address that leads to a user or an issue of its own
(https://github.com/linear/linear/issues/351), and a link of any other. In a code span neither
happens, and the address can still be read and copied.
"""

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from integrations.tasks.base import FollowUp

SPACES = re.compile(r"(\s+)")
ADDRESS = re.compile(r"//|@|www\.|\w\.[^\W\d_]{2}", re.IGNORECASE)
"""What may make a link or a mention of a word: `https://…`, `@ada`, `ada@…`, `example.com`."""
SIGNS = re.compile(r"[\\*\[\]<>|~&#]|(?<![^\W_])_|_(?![^\W_])")
"""What may be Markdown anywhere in a line; not the underscore of `in_progress`."""
LINE_SIGNS = re.compile(r"[-+=](?!\w)|[-=]{2}|(?<=\d)[.)](?!\w)")
"""What may begin a list or underline a heading, as the first of a line: `-`, `==`, `1.`."""
OURS = frozenset({"idempotency_key", "url"})

DataclassT = TypeVar("DataclassT", bound=Any)


def escape_request(request: FollowUp) -> FollowUp:
    """Return the request with every text as Markdown, but for the address of the conversation."""
    return escape_texts(request)


def escape_texts(value: DataclassT) -> DataclassT:
    """Return a dataclass with its texts escaped, and those of the dataclasses in it."""
    return replace(
        value,
        **{
            field.name: escape_value(getattr(value, field.name))
            for field in fields(value)
            if field.name not in OURS
        },
    )


def escape_value(value: Any) -> Any:
    """Return a field's value with its texts escaped."""
    if isinstance(value, str):
        return escape_markdown(value)
    if isinstance(value, tuple):
        return tuple(escape_value(item) for item in value)
    return escape_texts(value) if is_dataclass(value) else value


def escape_markdown(text: str) -> str:
    """Return Markdown that shows `text` as it is."""
    parts = []
    begins_line = True
    for part in SPACES.split(text):
        if part.isspace():
            begins_line = begins_line or "\n" in part or "\r" in part
            parts.append(part)
        elif part:
            parts.append(escape_word(part, begins_line=begins_line))
            begins_line = False
    return "".join(parts)


def escape_word(word: str, *, begins_line: bool) -> str:
    """Return a word, which has no white space, so that it is one in Markdown too."""
    pieces = []
    for piece in word.split("`"):
        if ADDRESS.search(piece):
            pieces.append(f"`{piece}`")
            continue
        escaped = SIGNS.sub(r"\\\g<0>", piece)
        if begins_line and not pieces:
            escaped = LINE_SIGNS.sub(r"\\\g<0>", escaped, count=1)
        pieces.append(escaped)
    return r"\`".join(pieces)
