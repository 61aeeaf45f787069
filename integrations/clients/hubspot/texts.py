"""Texts cut to what a property of HubSpot holds."""

import re
from collections.abc import Iterator

LIMIT = 65_536
"""What a property holds, in characters (HubSpot, "Notes", on hs_note_body,
https://developers.hubspot.com/docs/api-reference/latest/crm/activities/notes/guide)."""

ELLIPSIS = "…"
# A tag, an entity or any one character: what must stay whole.
PIECE = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|&[A-Za-z0-9#]{1,32};|.", re.DOTALL)
VOID = frozenset({"area", "br", "col", "hr", "img", "input", "wbr"})


def cut_text(text: str, limit: int = LIMIT) -> str:
    """Return `text`, cut off with an ellipsis where it is longer than `limit`."""
    if measure(text) <= limit:
        return text
    return cut_pieces(((character, "") for character in text), limit)


def cut_html(html: str, limit: int = LIMIT) -> str:
    """Return `html`, cut off with an ellipsis where it is longer than `limit`.

    No tag and no entity is cut through, and what is open at the cut is closed.
    """
    if measure(html) <= limit:
        return html
    return cut_pieces(((piece[0], name_change(piece)) for piece in PIECE.finditer(html)), limit)


def cut_pieces(pieces: Iterator[tuple[str, str]], limit: int) -> str:
    """Join what fits of `pieces`, each with the element that it opens (`p`) or closes (`/p`)."""
    kept: list[str] = []
    open_elements: list[str] = []
    room = limit - measure(ELLIPSIS)
    for piece, change in pieces:
        needed = measure(piece)
        if change.startswith("/"):
            if open_elements and open_elements[-1] == change[1:]:
                # Its room was set aside when it was opened.
                open_elements.pop()
                needed = 0
        elif change:
            needed += measure(f"</{change}>")
        if needed > room:
            break
        room -= needed
        kept.append(piece)
        if change and not change.startswith("/"):
            open_elements.append(change)
    closing = "".join(f"</{name}>" for name in reversed(open_elements))
    return "".join(kept) + ELLIPSIS + closing


def name_change(piece: re.Match[str]) -> str:
    """Return the element that `piece` opens, or a slash and the one that it closes, or nothing."""
    name = (piece[2] or "").lower()
    return "" if not name or name in VOID else piece[1] + name


def measure(text: str) -> int:
    """Return the length of `text` as HubSpot counts at worst: an emoji as two characters."""
    return len(text) + sum(character > "\uffff" for character in text)
