"""Tell the names of a schema's fields from what somebody has put where one belongs."""

import re

# Four digits in a row may be a part of somebody's number, a blank, a hyphen or a capital one of a
# name, and digits at many places a number that was split.
FIELD = re.compile(r"(?!.*\d{4})(?!(?:.*\d){6})[a-z][A-Za-z0-9_]{0,49}")


def is_field_name(name: str) -> bool:
    """Tell whether a key of a JSON object looks like a schema's, and may be shown to everybody."""
    return bool(FIELD.fullmatch(name))
