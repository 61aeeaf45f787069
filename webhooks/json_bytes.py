"""Decode JSON as senders really write it."""

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

# Every escape is taken in turn, so that `\\ud83d`, a backslash before five letters, stays one.
ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|.)",
    re.DOTALL,
)


def decode_json(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    r"""Return what `decoder` reads in `body`, also where halves of surrogate pairs stand in it.

    JavaScript that cuts a text inside an emoji writes the half that is left as `\ud83d`. RFC 8259
    allows it (section 8.2), msgspec and Postgres do not; it is read as U+FFFD, and a whole
    conversation is not lost for it. Raises what `decoder` does.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = replace_halves(body)
        if mended == body:
            raise
    return decoder.decode(mended)


def replace_halves(body: bytes) -> bytes:
    """Return `body` with each escaped half of a surrogate pair replaced by U+FFFD."""
    return ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], body)
