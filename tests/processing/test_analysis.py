"""The analysis has a shape that nobody has documented: every likely one is read."""

from typing import Any

import pytest
from pytest_django import Settings

from integrations.facts import Goal
from tests.processing.bodies import read_values
from webhooks.processing.analysis import MOST_ITEMS, read_follow_ups, read_goals, read_truth

ANALYSED = "conversation.analysis.completed"


@pytest.mark.parametrize(
    "goals",
    [
        [{"name": "Booked", "achieved": False, "reason": "Busy."}],
        [{"goal": "Booked", "passed": "no", "explanation": "Busy."}],
        [{"title": "Booked", "result": "failed", "comment": "Busy."}],
        {"Booked": {"achieved": False, "reason": "Busy."}},
        {"Booked": {"status": "not achieved", "rationale": "Busy."}},
    ],
)
def test_goals_are_read_from_every_likely_shape(goals: Any) -> None:
    """A list of objects and an object by name say the same, whatever the fields are called."""
    assert read_goals(goals) == [Goal("Booked", achieved=False, reason="Busy.")]


def test_goals_may_be_names_alone_or_words_by_name() -> None:
    """A goal without a verdict is open, and a bare word beside a name is its verdict."""
    assert read_goals(["Booked"]) == [Goal("Booked", achieved=None)]
    assert read_goals({"Booked": True, "Paid": "failed", "Sent": None}) == [
        Goal("Booked", achieved=True),
        Goal("Paid", achieved=False),
        Goal("Sent", achieved=None),
    ]


def test_lists_in_an_object_hold_its_items() -> None:
    """What else the object has is about the goals, and is no goal."""
    goals = {"score": 3, "passed": False, "results": [{"name": "Booked", "achieved": 0}]}
    assert read_goals(goals) == [Goal("Booked", achieved=False)]


@pytest.mark.parametrize(
    "follow_ups",
    [
        {"required": False},
        {"count": 0},
        {"count": 2},
        {"call_back": None},
        {"note": " "},
        {"required": False, "count": 0, "items": []},
        [1, False, None, " "],
    ],
)
def test_switches_and_counts_are_no_follow_ups(follow_ups: Any) -> None:
    """A task that is created once is not guessed from what the analysis says about itself."""
    assert read_follow_ups(follow_ups) == []


@pytest.mark.parametrize(
    "follow_ups",
    [
        {"required": True, "count": 1, "items": [{"title": "Call back"}]},
        {"Call back": True},
        {"Call back": {}},
        ["Call back"],
    ],
)
def test_follow_ups_are_read_from_every_likely_shape(follow_ups: Any) -> None:
    """A list, a list in an object, and an object by title ask for the same."""
    assert [item.title for item in read_follow_ups(follow_ups)] == ["Call back"]


@pytest.mark.parametrize("goals", [None, 1, "Booked", True, [None, [], {}, ""], {}, {"": True}])
def test_what_holds_no_goal_is_passed_over(goals: Any) -> None:
    """Nothing is read from what has no name for a goal."""
    assert read_goals(goals) == []


@pytest.mark.parametrize(
    ("word", "truth"),
    [
        (True, True),
        ("Achieved", True),
        (" YES ", True),
        ("completed", True),
        (False, False),
        ("not met", False),
        ("Failed", False),
        ("perhaps", None),
        (None, None),
        ([], None),
        (0.5, None),
    ],
)
def test_verdict_is_yes_no_or_open(word: Any, truth: Any) -> None:
    """Only a clear word decides whether a goal was achieved."""
    assert read_truth(word) is truth


def test_number_of_items_is_bounded() -> None:
    """An analysis with a million goals leaves a conversation of a hundred."""
    assert len(read_goals([str(number) for number in range(1000)])) == MOST_ITEMS
    assert len(read_follow_ups({str(number): {} for number in range(1000)})) == MOST_ITEMS


def test_follow_up_is_known_again_by_what_it_says() -> None:
    """The same follow-up in a repeated analysis has the same key, another has another."""
    first = read_follow_ups([{"title": "Call back", "due": "2026-02-01"}, "Send prices"])
    again = read_follow_ups(["Send prices", {"task": "Call back", "due_date": "2026-03-01"}])
    assert [item.key for item in first] == [item.key for item in reversed(again)]
    assert len({item.key for item in first}) == 2


def test_follow_up_is_known_again_by_its_own_id() -> None:
    """Where the sender names a follow-up, a reworded one is the same."""
    (first,) = read_follow_ups([{"id": 7, "title": "Call back"}])
    (again,) = read_follow_ups([{"id": "7", "title": "Call the customer back"}])
    assert first.key == again.key


def test_follow_up_that_is_asked_for_twice_is_two() -> None:
    """Two equal follow-ups in one analysis have different keys, the same ones each time."""
    keys = [item.key for item in read_follow_ups(["Call back", "Call back"])]
    assert len(set(keys)) == 2
    assert keys == [item.key for item in read_follow_ups(["Call back", "Call back"])]


def test_follow_ups_may_come_by_title() -> None:
    """An object by title gives each one its words as the description."""
    (item,) = read_follow_ups({"Call back": "before noon"})
    assert (item.title, item.description) == ("Call back", "before noon")


@pytest.mark.parametrize(
    "data",
    [
        {"goals": ["Booked"]},
        {"goal_results": ["Booked"]},
        {"analysis": {"goals": ["Booked"]}},
        {"goals": None, "goal_scoring": {"goals": ["Booked"]}},
        {"analysis": [], "goal_scoring": 4, "goal_results": {"Booked": None}},
    ],
)
def test_goals_are_found_where_the_settings_say(data: dict[str, Any]) -> None:
    """Each of the paths in the default setting leads to the goals, past what does not fit."""
    assert read_values(ANALYSED, data)["goals"] == [
        {"name": "Booked", "achieved": None, "reason": ""}
    ]


def test_operator_can_say_where_the_analysis_is(settings: Settings) -> None:
    """Other names for the fields are a matter of one setting."""
    settings.WEBHOOKS_ANALYSIS_FIELDS = {
        "goals": ["x.y.ziele"],
        "score": ["note"],
        "summary": ["x.text"],
        "follow_ups": ["todo"],
    }
    data = {
        "x": {"y": {"ziele": ["Booked"]}, "text": "All good."},
        "note": "8.5",
        "todo": ["Call back"],
        "summary": "not this",
    }
    values = read_values(ANALYSED, data)
    assert (values["summary"], values["score"]) == ("All good.", 8.5)
    assert (values["goals"][0]["name"], values["follow_ups"][0]["title"]) == ("Booked", "Call back")


@pytest.mark.parametrize("analysis", [[], [1], {}, None, 5, "text", True, [[{}]]])
def test_analysis_of_another_shape_fails_nothing(analysis: Any) -> None:
    """Whatever stands where the analysis is expected, the rest of the event is read."""
    data = {
        "analysis": analysis,
        "goal_scoring": analysis,
        "goals": analysis,
        "follow_ups": analysis,
    }
    assert read_values(ANALYSED, data | {"channel": "web"})["channel"] == "web"


def test_names_hold_nothing_that_postgres_refuses() -> None:
    """A NUL in a name, which jsonb cannot hold, is not kept."""
    assert "\0" not in read_goals({"Boo\0ked": True})[0].name
    assert "\0" not in read_goals([{"name": "Boo\0ked"}])[0].name
    assert "\0" not in read_follow_ups({"Call\0back": {}})[0].title
