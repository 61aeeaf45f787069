"""What an event says of its conversation, and that nothing odd in it stops the rest."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.processing.bodies import CREATED, make_event, read_raw_values, read_values
from webhooks.models import Conversation
from webhooks.processing.projection import Facts, UnprojectableBodyError, merge, read_facts

COMMON = {
    "agent_uuid": "agent-1",
    "agent_name": "Ava",
    "channel": "phone",
    "direction": "inbound",
    "from_number": "+12025550123",
    "to_number": "+12025550100",
    "campaign_uuid": "campaign-1",
}
STARTED = "conversation.started"
ENDED = "conversation.ended"
ANALYSED = "conversation.analysis.completed"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ODD: list[Any] = [
    None,
    True,
    -1,
    4.5,
    "",
    "odd",
    [],
    ["odd"],
    {},
    {"odd": None},
    [[[]]],
    10**300,
    "x" * 100_000,
    "nul\0",
    "💥",
    [None, 1, {"x": []}, "y"],
    {"a": {"b": {"c": [1]}}},
]


def test_start_says_who_takes_part_and_that_it_goes_on() -> None:
    """A started event gives the common facts, the time and the status in progress."""
    started = read_values(STARTED, COMMON | {"started_at": "2026-01-01T00:00:00Z"})
    assert started == COMMON | {"started_at": LONG_AGO, "status": "in_progress"}


def test_end_says_how_it_went() -> None:
    """An ended event gives the status, the times and the length as well."""
    end = {
        "status": "failed",
        "answer_status": "voicemail",
        "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:01:00+00:00",
        "duration_seconds": 60,
    }
    assert read_values(ENDED, COMMON | end) == COMMON | {
        "status": "failed",
        "answer_status": "voicemail",
        "started_at": LONG_AGO,
        "ended_at": datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        "duration_seconds": 60,
    }


def test_analysis_says_what_was_found() -> None:
    """An analysis gives summary, score, goals and follow-ups, and when it was made."""
    facts = read_facts(
        make_event(
            ANALYSED,
            {
                "summary": "All good.",
                "score": 7.5,
                "goals": [{"name": "Booked", "achieved": False, "reason": "Hung up."}],
                "follow_ups": ["Call back"],
            },
        )
    )
    assert facts.values["analysed_at"] == CREATED
    assert facts.values["summary"] == "All good."
    assert facts.values["score"] == 7.5
    assert facts.values["goals"] == [{"name": "Booked", "achieved": False, "reason": "Hung up."}]
    assert [item["title"] for item in facts.values["follow_ups"]] == ["Call back"]


def test_only_its_own_event_says_the_end_or_the_analysis() -> None:
    """An end in a started event and an analysis in an ended one are not taken for facts."""
    stray = {"status": "completed", "duration_seconds": 1, "summary": "x", "goals": ["g"]}
    assert read_values(STARTED, stray) == {"status": "in_progress"}
    assert read_values(ENDED, stray) == {"status": "completed", "duration_seconds": 1}
    assert "duration_seconds" not in read_values(ANALYSED, stray)


def test_unknown_type_says_the_common_facts_alone() -> None:
    """An event of a type that is unknown here ranks below all others."""
    facts = read_facts(make_event("conversation.tagged", COMMON | {"status": "failed"}))
    assert "status" not in facts.values
    assert facts.values["agent_name"] == "Ava"
    assert facts.stamp[0] == -1


@pytest.mark.parametrize("event_type", [STARTED, ENDED, ANALYSED])
def test_missing_everything_is_read(event_type: str) -> None:
    """An event with an empty `data` says nothing but its type."""
    values = read_values(event_type, {})
    assert values == ({"status": "in_progress"} if event_type == STARTED else {})


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
@pytest.mark.parametrize("event_type", [STARTED, ENDED, ANALYSED])
def test_odd_values_everywhere_fit_their_columns(event_type: str, odd: Any) -> None:
    """Whatever stands in a field, what is read of it has its column's type and length."""
    names = (
        *COMMON,
        "status",
        "answer_status",
        "started_at",
        "ended_at",
        "duration_seconds",
        "summary",
        "score",
        "goals",
        "follow_ups",
        "analysis",
        "metadata",
    )
    values = dict(read_facts(make_event(event_type, dict.fromkeys(names, odd))).values)
    for name, value in values.items():
        field = Conversation._meta.get_field(name)  # noqa: SLF001 -- Django's documented API
        length = getattr(field, "max_length", None)
        assert length is None or len(value) <= length
        assert field.get_internal_type() != "FloatField" or isinstance(value, float)
        assert "\\u0000" not in json.dumps(value, default=str)


def test_one_odd_field_spoils_no_other() -> None:
    """Beside a field of another type than expected, the others are read."""
    data = {"agent_name": ["x"], "from_number": {"n": 1}, "direction": None, "channel": "web"}
    assert read_values(STARTED, data) == {"channel": "web", "status": "in_progress"}


def test_overlong_texts_are_cut_to_their_columns() -> None:
    """A text that its column cannot hold is cut, and not refused."""
    values = read_values(ENDED, {"agent_name": "n" * 1000, "status": "s" * 1000})
    assert values == {"agent_name": "n" * 200, "status": "s" * 50}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (0, 0),
        (12, 12),
        (12.001, 13),
        ("12", 12),
        ("12.5", 13),
        (2**31 - 2, 2**31 - 2),
        (2**31 - 1.5, 2**31 - 1),
        (2**31 - 0.5, None),
        (2**31, None),
        (-1, None),
        (-0.4, None),
        (10**400, None),
        ("NaN", None),
        ("inf", None),
        (True, None),
        ([], None),
        ("soon", None),
        (None, None),
    ],
)
def test_length_is_whole_seconds_or_nothing(said: Any, seconds: int | None) -> None:
    """A length is rounded up to seconds that its column holds; any other says nothing."""
    assert read_values(ENDED, {"duration_seconds": said}).get("duration_seconds") == seconds


@pytest.mark.parametrize("number", [b"9" * 4000, b"9" * 5000, b"1e999", b"-1e999", b"1e-999"])
def test_number_of_thousands_of_digits_is_no_length(number: bytes) -> None:
    """A number beyond all types leaves the event readable."""
    values = read_raw_values(ENDED, b'{"duration_seconds":' + number + b',"channel":"web"}')
    assert values.get("duration_seconds") in (None, 0)
    assert values["channel"] == "web"


def test_length_follows_from_the_times_where_it_is_not_said() -> None:
    """Without a length, the time between start and end is taken, rounded up."""
    times = {"started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T01:01:00.2+01:00"}
    assert read_values(ENDED, times)["duration_seconds"] == 61
    backwards = {"started_at": "2026-01-01T00:00:01Z", "ended_at": "2026-01-01T00:00:00Z"}
    assert "duration_seconds" not in read_values(ENDED, backwards)


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-01-01T01:00:00+01:00", LONG_AGO),
        ("2026-01-01T00:00:00", LONG_AGO),
        ("2026-01-01 00:00:00Z", LONG_AGO),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T25:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("yesterday", None),
        (1767225600, None),
        ({}, None),
    ],
)
def test_time_is_read_or_says_nothing(said: Any, moment: datetime | None) -> None:
    """A time counts in UTC; what is no time, or outside the calendar, says nothing."""
    assert read_values(STARTED, {"started_at": said}).get("started_at") == moment


@pytest.mark.parametrize("depth", [500, 10_000])
def test_deep_metadata_is_passed_over_or_refused_with_a_word(depth: int) -> None:
    """Nesting ends in facts or in the one error that is declared, never in another."""
    data = b'{"metadata":' + b"[" * depth + b"]" * depth + b',"channel":"web"}'
    try:
        assert read_raw_values(STARTED, data)["channel"] == "web"
    except UnprojectableBodyError:
        assert depth == 10_000


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data":[]}', b'{"data":', b"\xff", b"null"])
def test_body_that_is_no_event_is_refused_with_a_word(body: bytes) -> None:
    """A body without an object as `data` raises the error that people are shown."""
    with pytest.raises(UnprojectableBodyError, match="not an event's JSON"):
        read_facts(make_event(STARTED, body=body))


def test_body_that_was_erased_is_refused_with_a_word() -> None:
    """An event whose body is gone says so."""
    event = make_event(STARTED)
    event.body = None
    with pytest.raises(UnprojectableBodyError, match="no longer stored"):
        read_facts(event)


def test_repeated_key_means_its_last_value() -> None:
    """Of a field that stands twice the last counts, as it does for the envelope."""
    assert read_raw_values(STARTED, b'{"channel":"web","channel":"phone"}')["channel"] == "phone"


def test_later_stage_wins_over_later_time() -> None:
    """The end outranks a start that was created after it."""
    conversation = Conversation()
    end = Facts((1, "2026-01-01T00:00:00", "a"), {"status": "completed"})
    late_start = Facts((0, "2026-01-02T00:00:00", "b"), {"status": "in_progress"})
    assert merge(conversation, end) == ["status"]
    assert merge(conversation, late_start) == []
    assert conversation.status == "completed"


def test_fact_that_an_event_leaves_out_stays() -> None:
    """A later event that does not name a fact does not erase it."""
    conversation = Conversation()
    merge(conversation, Facts((0, "1", "a"), {"agent_name": "Ava"}))
    merge(conversation, Facts((1, "2", "b"), {"status": "completed"}))
    assert conversation.agent_name == "Ava"


def test_same_event_twice_changes_nothing() -> None:
    """Taking the same facts in again changes no field."""
    conversation, facts = Conversation(), Facts((0, "1", "a"), {"agent_name": "Ava"})
    assert merge(conversation, facts) == ["agent_name"]
    assert merge(conversation, facts) == []
