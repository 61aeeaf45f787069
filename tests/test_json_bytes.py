"""Reading JSON as senders really write it."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.json_bytes import decode_json, replace_halves

HALVES = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")
ANYTHING = msgspec.json.Decoder(dict[str, str])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'{"a": "\ud83d"}', "\ufffd"),
        (rb'{"a": "\uDE00 end"}', "\ufffd end"),
        (rb'{"a": "\ud83d\ud83d\ude00"}', "\ufffd\U0001f600"),
        (rb'{"a": "\ud83d\u0041"}', "\ufffdA"),
        (rb'{"a": "\ud83d\\ude00"}', "\ufffd\\ude00"),
        (rb'{"a": "\\\ud83d"}', "\\\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_read_as_a_replacement_character(
    written: bytes, read: str
) -> None:
    """What JavaScript writes of a cut emoji does not make the text around it unreadable."""
    assert decode_json(ANYTHING, written) == {"a": read}


@pytest.mark.parametrize("written", [rb'{"a": "\ud83d\ude00"}', rb'{"a": "\\ud83d"}', b"{}"])
def test_what_is_whole_is_left_alone(written: bytes) -> None:
    """A pair, and a backslash before five letters, are no halves."""
    assert replace_halves(written) == written


@given(st.text(st.characters()))
def test_every_text_is_read_with_its_halves_replaced(text: str) -> None:
    """Whatever stands around a half, only halves change."""
    whole = HALVES.sub("\ufffd", text).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    assert decode_json(ANYTHING, json.dumps({"a": text}).encode()) == {"a": whole}


def test_what_is_no_json_stays_none() -> None:
    """Mending halves does not hide another fault."""
    with pytest.raises(msgspec.DecodeError):
        decode_json(ANYTHING, rb'{"a": "\ud83d"')


def test_a_wrong_type_is_told_as_such() -> None:
    """The error still names the field."""
    with pytest.raises(msgspec.ValidationError, match="Expected `str`"):
        decode_json(ANYTHING, rb'{"a": 1, "b": "\ud83d"}')
