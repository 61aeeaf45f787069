"""A conflict says which fields differ, and never with what values."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest.door import Door
from tests.processing.logs import read_log
from tests.signing import build_event
from webhooks.ingest import afterwards, differences
from webhooks.ingest.differences import (
    LONGEST_PATH,
    MOST_DIFFERENCES,
    NotComparableError,
    find_differences,
)
from webhooks.models import Delivery, Event

EVENT: dict[str, Any] = json.loads(build_event())
DATA = EVENT["data"] | {"messages": [{"message": "canary"}, {"message": "Hello"}]}


def write(**fields: Any) -> bytes:
    """Return the same event each time, with other `fields`."""
    return json.dumps(EVENT | fields).encode()


def conflict(door: Door, first: bytes, second: bytes) -> Delivery:
    """Have the event delivered with two bodies; return the second delivery."""
    assert door.send_signed(first).outcome == (202, "accepted")
    assert door.send_signed(second).outcome == (200, "conflict")
    return Delivery.objects.get(outcome="conflict")


@pytest.mark.django_db
def test_conflict_says_which_fields_differ(door: Door) -> None:
    """By their paths; the first body is kept."""
    changed = DATA | {
        "status": "failed",
        "messages": [{"message": "other canary"}, *DATA["messages"][1:]],
    }
    first = write(data=DATA)
    delivery = conflict(door, first, write(data=changed))
    assert delivery.differences == ["data.status", "data.messages[0].message"]
    assert delivery.reason == "The event is known with another body."
    assert bytes(Event.objects.get().body or b"") == first


@pytest.mark.django_db
def test_values_are_told_nowhere(door: Door) -> None:
    """Not in the row, and not in the log."""
    with read_log() as log:
        delivery = conflict(door, write(data=DATA), write(data={**DATA, "messages": ["canary 2"]}))
    assert delivery.differences
    assert "canary" not in log.getvalue() + str(Delivery.objects.values())


@pytest.mark.django_db
def test_conflict_of_notation_alone_says_so(door: Door) -> None:
    """Spaces and the order of fields are no difference in what is said."""
    other = json.dumps(dict(reversed(EVENT.items())), indent=2).encode()
    delivery = conflict(door, write(), other)
    assert delivery.differences == []
    assert delivery.reason.endswith("which says the same in another notation.")


@pytest.mark.django_db
def test_duplicate_is_not_compared(door: Door) -> None:
    """There is nothing to find out about it."""
    with patch.object(afterwards, "find_differences") as compared:
        door.send_signed(write())
        assert door.send_signed(write()).outcome == (200, "duplicate")
    assert not compared.called
    assert set(Delivery.objects.values_list("differences", flat=True)) == {None}


@pytest.mark.django_db
def test_body_that_is_large_or_gone_is_not_compared(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what differs then, and the row does not claim to."""
    monkeypatch.setattr(afterwards, "LONGEST_COMPARED", 2000)
    small, large = write(), write(data=DATA | {"text": "x" * 2000})
    assert conflict(door, small, large).differences is None
    Event.objects.update(body=None)
    Delivery.objects.all().delete()
    door.send_signed(write(created="2026-03-01T12:00:01Z"))
    assert Delivery.objects.get(outcome="conflict").differences is None


@pytest.mark.django_db
def test_large_stored_body_is_not_fetched(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for each of the two."""
    monkeypatch.setattr(afterwards, "LONGEST_COMPARED", 2000)
    assert conflict(door, write(data=DATA | {"text": "x" * 2000}), write()).differences is None


@pytest.mark.django_db
def test_comparing_may_fail(door: Door) -> None:
    """The answer stands, and the row says what it said."""
    with patch.object(afterwards, "find_differences", side_effect=ZeroDivisionError):
        delivery = conflict(door, write(), write(organization_name="Other"))
    assert (delivery.differences, delivery.reason) == (
        None,
        "The event is known with another body.",
    )


@pytest.mark.django_db
def test_flood_of_conflicts_is_compared_within_the_allowance(door: Door) -> None:
    """A sender in a loop does not keep the processor busy with it."""
    door.send_signed(write())
    for number in range(6):
        door.send_signed(write(organization_name=f"Other {number}"))
    compared = Delivery.objects.filter(outcome="conflict", differences__isnull=False)
    assert 2 <= compared.count() <= 4


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ('{"a": 1}', '{"a": 1.0}', []),
        ('{"a": 1}', '{"a": true}', ["a"]),
        ('{"a": null}', "{}", ["a"]),
        ('{"a": [1, 2]}', '{"a": [1, 2, 3]}', ["a[2]"]),
        ('{"a": [[0]]}', '{"a": [[{}]]}', ["a[0][0]"]),
        ('{"a": {}}', '{"a": []}', ["a"]),
        ('{"a": 1e400}', '{"a": 1e401}', ["a"]),
        ('{"a": 9007199254740993}', '{"a": 9007199254740992}', ["a"]),
        ('{"a": 0.1}', '{"a": 0.10000000000000001}', ["a"]),
        ('{"a": "\\ud83d"}', '{"a": "\\ufffd"}', []),
        ('{"+4915112345678": 1}', '{"+4915112345678": 2}', ["*"]),
        ('{"of_4915112345678": 1}', '{"of_4915112345678": 2}', ["*"]),
        ('{"a.b": 1, "c d": 1}', '{"a.b": 2, "c d": 2}', ["*"]),
        ('{"Maria_Schmidt-Berlin": 1}', '{"Maria_Schmidt-Berlin": 2}', ["*"]),
        ('{"Maria": {"a": 1}}', '{"Maria": {"a": 2}}', ["*.a"]),
        ('{"p0151-2345-6789": 1}', '{"p0151-2345-6789": 2}', ["*"]),
        ('{"p_015_123_456_789": 1}', '{"p_015_123_456_789": 2}', ["*"]),
        ('{"address_line2": 1}', '{"address_line2": 2}', ["address_line2"]),
        ('{"Gespräch": 1}', '{"Gespräch": 2}', ["*"]),
    ],
)
def test_difference(old: str, new: str, paths: list[str]) -> None:
    """Numbers by their value, however long; a key that is no name is somebody's data."""
    assert find_differences(old.encode(), new.encode()) == paths


def test_differences_are_bounded() -> None:
    """In number, and each in length, however deep it lies."""
    many = json.dumps({f"field_{name}": 1 for name in range(100)})
    assert len(find_differences(many.encode(), b"{}")) == MOST_DIFFERENCES
    nested = '{"a": ' * 500 + "%s" + "}" * 500
    (path,) = find_differences((nested % 1).encode(), (nested % 2).encode())
    assert len(path) == LONGEST_PATH


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 5000, b"9" * 5000, b"1e" + b"9" * 30])
def test_what_cannot_be_read_cannot_be_compared(body: bytes) -> None:
    """Whatever the bytes, it is said in one way, without quoting them."""
    with pytest.raises(NotComparableError, match="no JSON"):
        find_differences(b"{}", body)


def test_too_many_values_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take the processor from those who wait for an answer."""
    monkeypatch.setattr(differences, "MOST_VALUES", 10)
    assert find_differences(b"[1,2,3]", b"[1,2,4]") == ["[2]"]
    with pytest.raises(NotComparableError, match="too many"):
        find_differences(b"[1,2,3,4,5,6,7,8,9,10,11]", b"[]")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_any_json_is_the_same_as_itself_in_another_notation(value: Any) -> None:
    """Whatever it says, formatting makes no difference."""
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    spaced = json.dumps(value, indent=1, sort_keys=True)
    assert find_differences(compact.encode("utf-8", "replace"), spaced.encode()) == []


@given(values, values)
def test_any_two_that_differ_are_told_apart(old: Any, new: Any) -> None:
    """There is a difference exactly if there is one, and it can be stored."""
    left, right = json.dumps(old), json.dumps(new)
    paths = find_differences(left.encode(), right.encode())
    # As sorted JSON, in which true is not 1; 1.0 and 1 are the same to both.
    assert bool(paths) == (tell(old) != tell(new))
    assert all(len(path) <= LONGEST_PATH and "\0" not in path for path in paths)


def tell(value: Any) -> Any:
    """Return the value so that Python tells true and 1 apart."""
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tell(item) for item in value]
    return (isinstance(value, bool), value)
