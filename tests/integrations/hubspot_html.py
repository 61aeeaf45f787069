"""What a reader of HubSpot sees."""

import html
import re


def read_text(body: str) -> str:
    """Return the text of a body of HTML without its white space, which HTML does not keep."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())
