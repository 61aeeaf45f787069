"""What is sent is the same for the same seed, and has all that a real sender's has."""

import json
from collections import Counter
from dataclasses import replace

from tests.faults.owed import Identity, owe, owe_state
from tests.faults.traffic import (
    LARGE_BYTES,
    Traffic,
    build_body,
    build_conversation,
    build_poison,
    plan_deliveries,
)

TRAFFIC = Traffic(seed=1, events=3000, rate=50.0, epoch=1_800_000_000.0)
PLAN = plan_deliveries(TRAFFIC)
BODIES = [build_body(TRAFFIC, one.conversation, one.part, one.edition) for one in PLAN]


def test_same_seed_gives_the_same_bytes_at_the_same_moments() -> None:
    """Also in another process, which has built none of them before."""
    build_conversation.cache_clear()
    assert plan_deliveries(replace(TRAFFIC)) == PLAN
    assert [build_body(TRAFFIC, one.conversation, one.part, one.edition) for one in PLAN] == BODIES


def test_other_seed_gives_other_events() -> None:
    """No event id comes twice between runs."""
    other = replace(TRAFFIC, seed=2)
    ids = {build_body(other, one.conversation, one.part, 0)[0] for one in plan_deliveries(other)}
    assert not ids & {event_id for event_id, _ in BODIES}


def test_rate_and_number_are_as_asked_for() -> None:
    """Within a few percent."""
    assert abs(len({event_id for event_id, _ in BODIES}) - 3000) < 60
    assert abs(PLAN[-1].due - 60) < 15


def test_burst_multiplies_the_rate() -> None:
    """For as long as it lasts."""
    bursts = ((10.0, 2.0, 10.0),)
    begun = [one.due for one in plan_deliveries(replace(TRAFFIC, bursts=bursts)) if one.part == 0]
    during = sum(10 <= due < 12 for due in begun)
    assert 250 < during < 420


def test_deliveries_have_repeats_and_reports_under_new_ids_and_wrong_order() -> None:
    """A few of each."""
    kinds = Counter((one.edition, one.copy) for one in PLAN)
    assert 90 < kinds[0, 1] < 210
    assert 8 < kinds[1, 0] + kinds[1, 1] < 50
    dues = {
        (one.conversation, one.part): one.due for one in PLAN if not one.edition and not one.copy
    }
    overtaken = sum(
        dues[number, 1] > dues[number, 2] or dues[number, 0] > dues[number, 1]
        for number in range(TRAFFIC.conversations)
    )
    assert 25 < overtaken < 110


def test_report_under_a_new_id_says_the_same() -> None:
    """But for its id."""
    again = next(one for one in PLAN if one.edition == 1)
    bodies = [
        json.loads(build_body(TRAFFIC, again.conversation, again.part, edition)[1])
        for edition in (0, 1)
    ]
    assert bodies[0].pop("event_id") != bodies[1].pop("event_id")
    assert bodies[0] == bodies[1]


def test_sizes_are_as_in_real_life() -> None:
    """Mostly a few kilobytes, and hundreds now and then."""
    sizes = sorted(len(body) for _, body in BODIES)
    assert 1000 < sizes[len(sizes) // 2] < 3000
    assert sizes[-1] > LARGE_BYTES


def test_poisoned_event_is_of_a_conversation_of_its_own() -> None:
    """So that it owes nothing to anybody."""
    body = json.loads(build_poison(TRAFFIC, 0, "marker")[1])
    assert body["data"]["metadata"] == {"poison": "marker"}
    names = {build_conversation(TRAFFIC, n).conversation_uuid for n in range(TRAFFIC.conversations)}
    assert body["data"]["conversation_uuid"] not in names


def test_failed_call_with_a_missed_goal_owes_two_tickets_and_one_bill() -> None:
    """However often its end is reported; and the CRM hears of each event."""
    told = next(
        one
        for number in range(TRAFFIC.conversations)
        if (one := build_conversation(TRAFFIC, number)).shape.status == "failed"
    )
    name = told.conversation_uuid
    owed = owe(told, {"a": 0, "b": 1, "again": 1, "c": 2})
    kinds = Counter(identity.integration for identity in owed)
    tasks = {"tasks": told.shape.follow_ups} if told.shape.follow_ups else {}
    assert kinds == {"crm": 4, "usage": 1, "tickets": 2, **tasks}
    assert owed[Identity("crm", name, "a")]["status"] == "failed"


def test_conversation_whose_end_is_not_stored_owes_no_bill_and_is_in_progress() -> None:
    """What is owed hangs on what is stored."""
    told = build_conversation(TRAFFIC, 0)
    assert {one.integration for one in owe(told, {"a": 0})} == {"crm"}
    state = owe_state(told, {0})
    assert (state["status"], state["duration_seconds"]) == ("in_progress", None)
