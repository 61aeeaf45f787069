"""What the vendors must hold for the conversations that were told, and where they do not.

Reckoned from the events alone: what an operator reads in the vendor's own fields, and not what our
templates make of it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.fakes.stripe import CUSTOMER, EVENT_NAME
from tests.vendors.markup import read_blocks, squeeze
from webhooks.operations.conversations import SimulatedConversation

CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
"""HubSpot's outcome of a call that came about."""
STATUS_AT_HUBSPOT = {"completed": "COMPLETED", "transferred": "COMPLETED", "failed": "FAILED"}
OWN_TO_HUBSPOT = frozenset({"id", "hs_object_id", "createdate", "switchboard_key", "contacts"})
"""What we do not choose, our own key of a task, and what is compared in other words."""

Told = Mapping[str, dict[str, Any]]
"""What each conversation's three events say together, by its name."""


def read_told(conversation: SimulatedConversation) -> dict[str, Any]:
    """Return what the three events of the conversation say together."""
    told: dict[str, Any] = {}
    for event in conversation.events:
        told |= json.loads(event.body)["data"]
    return told


def read_party(one: Mapping[str, Any]) -> str:
    """Return the number of whom the agent spoke with."""
    return str(one["to_number"] if one["direction"] == "outbound" else one["from_number"])


def read_seconds(text: str) -> int:
    """Return the whole Unix seconds of a time."""
    return int(datetime.fromisoformat(text).timestamp())


def reckon(
    conversations: Sequence[SimulatedConversation],
    states: Mapping[str, Any],
    versions: Mapping[str, int],
    seeded: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a sentence for each thing that a vendor has too much, too little or wrong.

    `versions` are our conversations', which hang on the order in which events came: one that
    brings nothing new makes no new version. `seeded` are the contacts that HubSpot had before:
    each number as people had written it.
    """
    told = {c.conversation_uuid: read_told(c) for c in conversations}
    hubspot, zendesk, stripe = states["hubspot"], states["zendesk"], states["stripe"]
    return [
        *compare("contacts", read_contacts(hubspot), owe_contacts(told, seeded or {})),
        *compare("calls", read_calls(hubspot), owe_calls(told, versions)),
        *compare("tasks", read_tasks(hubspot), owe_tasks(told)),
        *compare("tickets", read_tickets(zendesk), owe_tickets(told)),
        *compare("meter events", read_usage(stripe), map(owe_usage, told.values())),
        *(f"Zendesk's document is not kept to: {mismatch}" for mismatch in zendesk["mismatches"]),
        *(f"Stripe's document is not kept to: {mismatch}" for mismatch in stripe["mismatches"]),
    ]


def compare(what: str, found: Iterable[Any], owed: Iterable[Any]) -> list[str]:
    """Return a sentence for what of `owed` is missing, and one for what is beyond it."""
    there, due = (Counter(json.dumps(r, sort_keys=True) for r in rs) for rs in (found, owed))
    mistakes = []
    if missing := due - there:
        mistakes.append(f"{missing.total()} {what} missing, such as {next(iter(missing))}")
    if beyond := there - due:
        mistakes.append(f"{beyond.total()} {what} too many, such as {next(iter(beyond))}")
    return mistakes


def read_contacts(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return whom each contact stands for, and the number as it is written there."""
    return [
        {"number": contact.get("switchboard_phone"), "phone": contact.get("phone")}
        for contact in state["contacts"]
    ]


def owe_contacts(told: Told, seeded: Mapping[str, str]) -> list[dict[str, Any]]:
    """One for each number; whoever was there before keeps what people had written."""
    numbers = {read_party(one) for one in told.values()}
    return [
        *({"number": number, "phone": seeded.get(number, number)} for number in numbers),
        *({"number": None, "phone": seeded[number]} for number in seeded.keys() - numbers),
    ]


def read_calls(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all properties of the calls, with the words of their bodies and their numbers."""
    return [read_record(call, "hs_call_body", state) for call in state["calls"]]


def read_tasks(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all properties of the tasks, likewise."""
    return [read_record(task, "hs_task_body", state) for task in state["tasks"]]


def read_record(record: Mapping[str, Any], body: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what we said of a call or task."""
    numbers = {contact["id"]: contact.get("switchboard_phone") for contact in state["contacts"]}
    return {
        **{name: value for name, value in record.items() if name not in OWN_TO_HUBSPOT},
        body: read_blocks(record.get(body, "")),
        "numbers": [numbers[contact] for contact in record["contacts"]],
    }


def owe_calls(told: Told, versions: Mapping[str, int]) -> list[dict[str, Any]]:
    """One for each conversation, of its latest version."""
    return [owe_call(one, versions[name]) for name, one in told.items()]


def owe_call(one: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return the call as it is after all of a conversation's three events."""
    signs = {True: "✓", False: "✗"}
    goals = [
        f"{signs[goal['achieved']]} {goal['name']}"
        + (f": {goal['reason']}" if goal["reason"] else "")
        for goal in one["goals"]
    ]
    body = [
        *(one["summary"], *goals, f"Score: {one['score']}"),
        *(f"Answered by: {one['answer_status']}", f"Status: {one['status']}"),
    ]
    return {
        "switchboard_conversation": one["conversation_uuid"],
        "switchboard_version": str(version),
        "hs_timestamp": f"{read_seconds(one['started_at'])}000",
        "hs_call_title": f"{one['direction'].capitalize()} call with {one['agent_name']}",
        "hs_call_body": [squeeze(text) for text in body],
        "hs_call_direction": one["direction"].upper(),
        "hs_call_status": STATUS_AT_HUBSPOT[one["status"]],
        "hs_call_duration": f"{one['duration_seconds']}000",
        "hs_call_from_number": one["from_number"],
        "hs_call_to_number": one["to_number"],
        "numbers": [read_party(one)],
    } | ({} if one["status"] == "failed" else {"hs_call_disposition": CONNECTED})


def owe_tasks(told: Told) -> list[dict[str, Any]]:
    """One for each follow-up of an analysis, to be done when that says."""
    return [
        {
            "hs_timestamp": f"{read_seconds(item['due_at'])}000",
            "hs_task_subject": item["title"],
            "hs_task_body": [squeeze(f"Conversation {name}")],
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "TODO",
            "numbers": [read_party(one)],
        }
        for name, one in told.items()
        for item in one["follow_ups"]
    ]


def read_tickets(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what we said in each ticket, and the number of its requester."""
    phones = {user["id"]: user.get("phone") for user in state["users"]}
    names = ("external_id", "subject", "priority", "tags", "description", "is_public", "status")
    return [
        {"phone": phones[ticket["requester_id"]]} | {name: ticket.get(name) for name in names}
        for ticket in state["tickets"]
    ]


def owe_tickets(told: Told) -> list[dict[str, Any]]:
    """One for each call that failed, and one for each analysis with a missed goal."""
    owed = []
    for name, one in told.items():
        if one["status"] == "failed":
            subject = f"Failed conversation with {one['agent_name']}"
            said = "The conversation's status is failed."
            owed.append(owe_ticket(name, one, "call_failed", "high", subject, said))
        missed = [goal for goal in one["goals"] if not goal["achieved"]]
        if missed:
            subject = f"Goal not achieved: {', '.join(goal['name'] for goal in missed)}"
            lines = [f"- {goal['name']}: {goal['reason']}" for goal in missed]
            said = "\n".join(["Goals that were not achieved:", *lines])
            owed.append(owe_ticket(name, one, "goal_failed", "normal", subject, said))
    return owed


def owe_ticket(  # noqa: PLR0917 -- one for each thing that differs
    name: str, one: Mapping[str, Any], cause: str, priority: str, subject: str, said: str
) -> dict[str, Any]:
    """Return a ticket of the person's who called."""
    return {
        "external_id": f"tickets:{name}:{cause}",
        "subject": subject,
        "priority": priority,
        "tags": [cause.replace("_", "-"), "switchboard"],
        "description": f"{said}\n\nConversation {name}",
        "is_public": False,
        "status": "new",
        "phone": read_party(one),
    }


def read_usage(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the meter events, without when Stripe took them."""
    return [
        {name: value for name, value in event.items() if name != "created"}
        for event in state["events"]
    ]


def owe_usage(one: Mapping[str, Any]) -> dict[str, Any]:
    """One for each conversation: its seconds, for when it ended."""
    return {
        "identifier": f"usage:{one['conversation_uuid']}",
        "event_name": EVENT_NAME,
        "payload": {"value": str(one["duration_seconds"]), "stripe_customer_id": CUSTOMER},
        "timestamp": read_seconds(one["ended_at"]),
    }
