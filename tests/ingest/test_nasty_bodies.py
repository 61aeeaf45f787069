"""Whatever a genuine sender sends, the door answers with a verdict, and the worker gets done."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ingest.door import Answer, Door
from tests.ingest.examples import rolled_back, through_the_door
from tests.ingest.odd_values import DATA_FIELDS, NO_JSON, TOO_DEEP, VALID, VALID_DATA, VALUES
from tests.signing import build_event
from tests.workers import process_event
from webhooks.ingest.envelope import InvalidEventError, read_envelope
from webhooks.models import Event

pytestmark = pytest.mark.django_db

each_value = pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)


def write_object(pairs: list[tuple[str, bytes]]) -> bytes:
    """Return a JSON object of these pairs as they are, also where a key comes twice."""
    return b"{%b}" % b",".join(b"%b:%b" % (json.dumps(key).encode(), text) for key, text in pairs)


def write_event(
    fields: dict[str, bytes] | None = None, data_fields: dict[str, bytes] | None = None
) -> bytes:
    """Return a valid event's body in which some values are replaced by other JSON, or by none."""
    data = write_object(list((VALID_DATA | (data_fields or {})).items()))
    return write_object([*(VALID | (fields or {})).items(), ("data", data)])


def assert_dealt_with(answer: Answer) -> None:
    """Assert that there was a verdict, and that what was accepted can be processed."""
    assert answer.status in {200, 202, 400}, answer
    assert Event.objects.exists() == (answer.status != 400)
    for event in Event.objects.all():
        process_event(event.pk)
        event.refresh_from_db()
        assert event.status in {"processed", "ignored"}, event.error


@each_value
@pytest.mark.parametrize("field", [*VALID, "data", "unknown_field"])
def test_odd_value_in_the_envelope(door: Door, field: str, value: bytes) -> None:
    """Any JSON, or none, for any of the envelope's fields: 202 or 400, and it can be processed."""
    assert_dealt_with(door.send_signed(write_event({field: value})))


@each_value
@pytest.mark.parametrize(
    "event_type",
    ["conversation.started", "conversation.ended", "conversation.analysis.completed", "other"],
)
def test_odd_value_in_the_data(door: Door, event_type: str, value: bytes) -> None:
    """Any JSON, or none, for the fields of the data: 202 or 400, and it can be processed."""
    type_field = {"event_type": json.dumps(event_type).encode()}
    everywhere = dict.fromkeys(DATA_FIELDS, value)
    for odd in (everywhere, everywhere | VALID_DATA):
        with rolled_back():
            assert_dealt_with(door.send_signed(write_event(type_field, odd)))


@pytest.mark.parametrize("name", [name for name in VALUES if name not in TOO_DEEP])
def test_unread_values_are_passed_over_if_they_are_json(door: Door, name: str) -> None:
    """What nobody reads does no harm, but has to be JSON: a body is one as a whole or not."""
    answer = door.send_signed(write_event({"unknown_field": VALUES[name]}))
    assert answer.status == (400 if name in NO_JSON else 202)


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from([*VALID, *VALID_DATA, "data", ""]), st.sampled_from([*VALUES.values()])
        ),
        max_size=4,
    ),
    data=st.lists(
        st.tuples(st.sampled_from(DATA_FIELDS), st.sampled_from([*VALUES.values()])), max_size=4
    ),
    order=st.randoms(use_true_random=False),
    around=st.sampled_from([b"%b", b" \r\n%b\t ", b"\xef\xbb\xbf%b", b"%b%b", b"%b\0", b"[%b]"]),
)
@through_the_door
def test_any_odd_values_together(
    door: Door,
    fields: list[tuple[str, bytes]],
    data: list[tuple[str, bytes]],
    order: Any,
    around: bytes,
) -> None:
    """Odd values, keys that come twice in any order, a BOM, two bodies in one: never a 5xx."""
    inner = [*VALID_DATA.items(), *data]
    order.shuffle(inner)
    pairs = [*VALID.items(), ("data", write_object(inner)), *fields]
    order.shuffle(pairs)
    body = around.replace(b"%b", write_object(pairs))
    with rolled_back():
        assert_dealt_with(door.send_signed(body))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    event_type=st.sampled_from(["conversation.started", "conversation.ended"])
    | st.just("conversation.analysis.completed"),
    data=st.dictionaries(st.sampled_from(DATA_FIELDS), json_values),
    ascii_only=st.booleans(),
)
@through_the_door
def test_any_data_of_a_conversation(
    door: Door, event_type: str, data: dict[str, Any], *, ascii_only: bool
) -> None:
    """Any JSON at all in an event's data is answered, and can be processed where accepted."""
    envelope = json.loads(build_event(event_type=event_type))
    envelope["data"] |= data
    body = json.dumps(envelope, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    with rolled_back():
        assert_dealt_with(door.send_signed(body))


@given(st.binary(max_size=500))
@example(b"\x00")
@example(b"\xff" * 100)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"event_id":"')
@through_the_door
def test_any_bytes(door: Door, body: bytes) -> None:
    """Any bytes, signed as they should be, are answered, and never with a 5xx."""
    with rolled_back():
        assert_dealt_with(door.send_signed(body))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_only_utf_8_is_json(door: Door, encoding: str) -> None:
    """A body in another encoding, or with a BOM, is answered 400."""
    body = build_event(extra="über").decode().replace("\\u00fc", "ü").encode(encoding)
    answer = door.send_signed(body)
    assert answer.status == 400
    assert answer.content["field"] == "body"


def test_last_of_two_keys_holds(door: Door) -> None:
    """Where a key comes twice, door and worker read the same one: the last."""
    body = build_event()[:-1] + b', "event_type": "x", "data": {"conversation_uuid": "last"}}'
    assert_dealt_with(door.send_signed(body))
    event = Event.objects.get()
    assert (event.event_type, event.conversation_uuid) == ("x", "last")


@given(body=st.binary(max_size=20_000))
@settings(deadline=None)
def test_reading_an_envelope_raises_its_own_error_alone(body: bytes) -> None:
    """Whatever the bytes are, there is an envelope or an `InvalidEventError`."""
    try:
        read_envelope(body)
    except InvalidEventError as error:
        reason = str(error)
    else:
        return
    assert re.fullmatch(r"[a-z_.]+: .+", reason)


@pytest.mark.parametrize(
    ("body", "canary"),
    [
        (write_event({"created": b'"canary"'}), "canary"),
        (write_event({"event_type": b'{"canary": 1}'}), "canary"),
        (write_event({"event_id": b'"canary"'}), "canary"),
        (write_event({}, {"agent_uuid": b'["canary"]'}), "canary"),
        (write_event({}, {"agent_uuid": b'"' + b"canary" * 20 + b'"'}), "canary"),
        (b'{"canary": canary}', "canary"),
        (b"\xffcanary", "canary"),
    ],
)
def test_reason_quotes_nothing(door: Door, body: bytes, canary: str) -> None:
    """What is said to be wrong names the field and the limit, never the value."""
    answer = door.send_signed(body)
    assert answer.status == 400
    assert canary not in json.dumps(answer.content)
