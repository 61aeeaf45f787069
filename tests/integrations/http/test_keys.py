"""Idempotency keys in vendors' forms."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.client import find_unusable_header
from integrations.http.keys import make_header_key, make_uuid
from integrations.text import make_storable

KEYS = st.text(max_size=300).map(make_storable)


@pytest.mark.parametrize("key", ["usage:c-1", "k" * 255, "~!"])
def test_key_that_a_header_can_carry_stays(key: str) -> None:
    """People can find it again in the vendor's log."""
    assert make_header_key(key) == key


@pytest.mark.parametrize("key", ["k" * 256, "with space", "ümlaut", "line\nend", "", "\x7f"])
def test_other_key_becomes_a_digest(key: str) -> None:
    """64 hexadecimal digits."""
    assert len(make_header_key(key)) == 64
    assert int(make_header_key(key), 16)


def test_shorter_limit_is_kept_to() -> None:
    """A vendor that takes 100 characters gets no more."""
    assert make_header_key("k" * 100, limit=100) == "k" * 100
    assert len(make_header_key("k" * 101, limit=100)) == 64


def test_results_are_the_same_for_ever() -> None:
    """A vendor that knows a key has to know it after an update as well."""
    assert make_header_key("ü") == (
        "607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f"
    )
    assert make_uuid("tasks:c-1:0") == UUID("b233fc0c-1c3a-4bac-8b33-e1dfce146134")


@given(KEYS)
def test_every_key_can_be_sent(key: str) -> None:
    """Whatever is in it."""
    assert find_unusable_header({"Idempotency-Key": make_header_key(key)}) == ""
    assert (make_uuid(key).version, make_uuid(key).variant) == (4, "specified in RFC 4122")


@given(KEYS, KEYS)
def test_different_keys_stay_different(one: str, other: str) -> None:
    """And equal ones equal."""
    assert (make_header_key(one) == make_header_key(other)) == (one == other)
    assert (make_uuid(one) == make_uuid(other)) == (one == other)
