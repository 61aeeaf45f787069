"""What the vendors must hold for the conversations that were told, and where they do not."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.fakes.stripe import CUSTOMER
from webhooks.operations.conversations import SimulatedConversation

STATUS_AT_HUBSPOT = {"completed": "COMPLETED", "transferred": "COMPLETED", "failed": "FAILED"}


def read_told(conversation: SimulatedConversation) -> dict[str, Any]:
    """Return what the three events of the conversation say together."""
    told: dict[str, Any] = {}
    for event in conversation.events:
        told |= json.loads(event.body)["data"]
    return told


def read_party(told: Mapping[str, Any]) -> str:
    """Return the number of whom the agent spoke with."""
    return str(told["to_number"] if told["direction"] == "outbound" else told["from_number"])


def reckon(conversations: Sequence[SimulatedConversation], states: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that a vendor has too much, too little or wrong."""
    told = {c.conversation_uuid: read_told(c) for c in conversations}
    return [
        *reckon_contacts(told, states["hubspot"]),
        *reckon_calls(told, states["hubspot"]),
        *reckon_tasks(told, states["hubspot"]),
        *reckon_tickets(conversations, told, states["zendesk"]),
        *reckon_usage(told, states["stripe"]),
    ]


def compare_counts(what: str, found: Iterable[Any], owed: Iterable[Any]) -> list[str]:
    """Return a sentence for what of `owed` is missing, and one for what is beyond it."""
    there, due = Counter(found), Counter(owed)
    mistakes = []
    if missing := due - there:
        mistakes.append(f"{missing.total()} {what} missing, such as {next(iter(missing))}")
    if doubled := there - due:
        mistakes.append(f"{doubled.total()} {what} too many, such as {next(iter(doubled))}")
    return mistakes


def reckon_contacts(told: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """One contact for each phone number."""
    numbers = [contact.get("switchboard_phone") for contact in state["contacts"]]
    return compare_counts("contacts", numbers, {read_party(one) for one in told.values()})


def reckon_calls(told: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """One call for each conversation, with its end's and its analysis's words, on its contact."""
    numbers = {contact["id"]: contact["switchboard_phone"] for contact in state["contacts"]}
    found = [
        (
            call["switchboard_conversation"],
            call.get("hs_call_status"),
            call.get("hs_call_duration"),
            call.get("hs_call_direction"),
            [numbers[contact] for contact in call["contacts"]],
        )
        for call in state["calls"]
    ]
    owed = [
        (
            name,
            STATUS_AT_HUBSPOT[one["status"]],
            str(one["duration_seconds"] * 1000),
            one["direction"].upper(),
            [read_party(one)],
        )
        for name, one in told.items()
    ]
    silent = [
        call["switchboard_conversation"]
        for call in state["calls"]
        if told[call["switchboard_conversation"]]["summary"] not in call.get("hs_call_body", "")
    ]
    return [
        *compare_counts("calls", map(repr, found), map(repr, owed)),
        *(f"the call of {name} has no summary" for name in silent[:1]),
    ]


def reckon_tasks(told: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """One task for each follow-up of an analysis, on its contact."""
    numbers = {contact["id"]: contact["switchboard_phone"] for contact in state["contacts"]}
    found = [
        (task["hs_task_subject"], *(numbers[contact] for contact in task["contacts"]))
        for task in state["tasks"]
    ]
    owed = [(item["title"], read_party(one)) for one in told.values() for item in one["follow_ups"]]
    return compare_counts("tasks", found, owed)


def reckon_tickets(
    conversations: Sequence[SimulatedConversation],
    told: Mapping[str, Any],
    state: Mapping[str, Any],
) -> list[str]:
    """One ticket for each failed call, and one for each analysis with a missed goal."""
    phones = {user["id"]: user.get("phone") for user in state["users"]}
    found = [(ticket["external_id"], phones[ticket["requester_id"]]) for ticket in state["tickets"]]
    owed = [
        (f"tickets:{conversation.conversation_uuid}:{cause}", read_party(one))
        for conversation in conversations
        for one in [told[conversation.conversation_uuid]]
        for cause, holds in (
            ("call_failed", conversation.shape.status == "failed"),
            ("goal_failed", conversation.shape.missed_goals > 0),
        )
        if holds
    ]
    return [
        *compare_counts("tickets", found, owed),
        *(f"Zendesk's document is not kept to: {mismatch}" for mismatch in state["mismatches"]),
    ]


def reckon_usage(told: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """One meter event for each conversation, with its seconds."""
    found = [
        (event["identifier"], event["payload"]["value"], event["payload"]["stripe_customer_id"])
        for event in state["events"]
    ]
    owed = [(f"usage:{name}", str(one["duration_seconds"]), CUSTOMER) for name, one in told.items()]
    return [
        *compare_counts("meter events", found, owed),
        *(f"Stripe's document is not kept to: {mismatch}" for mismatch in state["mismatches"]),
    ]
