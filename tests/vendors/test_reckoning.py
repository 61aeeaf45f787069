"""The reckoning finds whatever a vendor has too much, too little or wrong."""

import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.vendors.reckoning import owe_calls, owe_tasks, owe_tickets, owe_usage, read_told, reckon
from webhooks.operations.conversations import Shape, SimulatedConversation, build_conversation

SEEDED = {"+12025550142": "+1 (202) 555-0142"}


def tell() -> list[SimulatedConversation]:
    """Return two conversations that owe something of everything."""
    chance = random.Random(1)  # noqa: S311 -- only to be repeatable
    now = datetime.now(UTC)
    shapes = (Shape("failed", 1, 1), Shape("transferred", 2, 2))
    return [build_conversation(now, shape, chance) for shape in shapes]


def hold(conversations: list[SimulatedConversation]) -> dict[str, Any]:
    """Return what the vendors hold where all is well, in their own shapes."""
    told = {one.conversation_uuid: read_told(one) for one in conversations}
    calls = owe_calls(told, VERSIONS)
    tickets, tasks = owe_tickets(told), owe_tasks(told)
    numbers = {number for call in calls for number in call["numbers"]}
    contacts = [{"id": n, "switchboard_phone": n, "phone": SEEDED.get(n, n)} for n in numbers]
    contacts += [{"id": n, "phone": SEEDED[n]} for n in SEEDED.keys() - numbers]
    for records, body in ((calls, "hs_call_body"), (tasks, "hs_task_body")):
        for record in records:
            record["contacts"] = record.pop("numbers")
            record[body] = "".join(f"<p>{block}</p>\n" for block in record[body])
    for ticket in tickets:
        ticket["requester_id"] = ticket.pop("phone")
    return {
        "hubspot": {"contacts": contacts, "calls": calls, "tasks": tasks},
        "zendesk": {
            "tickets": tickets,
            "users": [{"id": number, "phone": number} for number in numbers],
            "mismatches": [],
        },
        "stripe": {"events": [owe_usage(one) for one in told.values()], "mismatches": []},
    }


CONVERSATIONS = tell()
VERSIONS = {one.conversation_uuid: 3 for one in CONVERSATIONS}
WELL = hold(CONVERSATIONS)
LISTS = {
    (vendor, name): records
    for vendor, state in WELL.items()
    for name, records in state.items()
    if name not in {"users", "mismatches"}
}
FIELDS = [
    (vendor, name, field)
    for (vendor, name), records in LISTS.items()
    for field in records[0]
    if field != "id"
]


def spoil(vendor: str, name: str, change: Callable[[list[Any]], object]) -> list[str]:
    """Return the mistakes after `change` to one list of records."""
    states = copy.deepcopy(WELL)
    change(states[vendor][name])
    return reckon(CONVERSATIONS, states, VERSIONS, SEEDED)


def test_nothing_is_found_where_all_is_well() -> None:
    """Contacts that were there before included."""
    assert reckon(CONVERSATIONS, WELL, VERSIONS, SEEDED) == []


@pytest.mark.parametrize(("vendor", "name"), LISTS)
def test_record_too_many_or_too_few_is_found(vendor: str, name: str) -> None:
    """In each list."""
    assert spoil(vendor, name, lambda records: records.append(records[0]))
    assert spoil(vendor, name, lambda records: records.pop())


@pytest.mark.parametrize(("vendor", "name", "field"), FIELDS)
def test_wrong_field_is_found(vendor: str, name: str, field: str) -> None:
    """Each of them."""
    other = {
        "contacts": [],
        "payload": {},
        "requester_id": next(
            user["id"]
            for user in WELL["zendesk"]["users"]
            if user["id"] != LISTS["zendesk", "tickets"][0]["requester_id"]
        ),
    }
    assert spoil(vendor, name, lambda rs: rs[0].update({field: other.get(field, "other")}))
