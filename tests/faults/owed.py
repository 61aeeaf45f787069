"""What is owed for the events that were stored, by a small model of its own.

Nothing here knows how the product plans. The records that are made once are reckoned by the model
that also judges the vendors; what a conversation's record in the CRM comes to is reckoned here.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.vendors.reckoning import (
    owe_tasks,
    owe_tickets,
    owe_usage,
    read_party,
    read_seconds,
    read_told,
)
from webhooks.operations.conversations import SimulatedConversation

STARTED, ENDED, ANALYSED = range(3)

TEXTS = ("direction", "from_number", "to_number", "agent_name")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """An effect by what it is about: what is made of a conversation is made once.

    `item` is a ticket's cause, a task's title, and for the CRM the event that brings it news. The
    CRM has one record of a conversation, which each event has written over, perhaps repeatedly.
    """

    integration: str
    conversation: str
    item: str = ""

    @property
    def is_update(self) -> bool:
        """Whether it may be applied again, with what is known by then."""
        return self.integration == "crm"


Said = Mapping[str, Any]
"""What a record says, as far as it is compared."""


def owe(conversation: SimulatedConversation, stored: Mapping[str, int]) -> dict[Identity, Said]:
    """Return what is owed for the `stored` events, and what each record says in the end.

    `stored` are the conversation's own, by event id: which part of it each reports.
    """
    name, parts = conversation.conversation_uuid, set(stored.values())
    told = read_told(conversation)
    phone = read_party(told)
    state = owe_state(conversation, parts)
    owed: dict[Identity, Said] = {Identity("crm", name, event_id): state for event_id in stored}
    if ENDED in parts:
        bill = owe_usage(told)
        owed[Identity("usage", name)] = {
            "seconds": int(bill["payload"]["value"]),
            "at": bill["timestamp"],
        }
    for ticket in owe_tickets({name: told}):
        cause = ticket["external_id"].rpartition(":")[2]
        if (ENDED if cause == "call_failed" else ANALYSED) in parts:
            said = {"subject": ticket["subject"], "priority": ticket["priority"], "phone": phone}
            owed[Identity("tickets", name, cause)] = said
    if ANALYSED in parts:
        for task in owe_tasks({name: told}):
            title = task["hs_task_subject"]
            due = int(task["hs_timestamp"]) // 1000
            owed[Identity("tasks", name, title)] = {"title": title, "phone": phone, "due": due}
    return owed


def owe_state(conversation: SimulatedConversation, parts: Collection[int]) -> Said:
    """Return what the CRM's record says after `parts`, whatever order they came in."""
    said = [json.loads(event.body)["data"] for event in conversation.events]
    first = said[STARTED]
    state: dict[str, Any] = {name: first[name] for name in TEXTS} | {
        "started_at": read_seconds(first["started_at"]),
        "status": "in_progress" if STARTED in parts else "",
        "answer_status": "",
        "ended_at": None,
        "duration_seconds": None,
        "score": None,
        "summary": "",
        "goals": [],
    }
    if ENDED in parts:
        ended = said[ENDED]
        state |= {name: ended[name] for name in ("status", "answer_status", "duration_seconds")}
        state["ended_at"] = read_seconds(ended["ended_at"])
    if ANALYSED in parts:
        analysis = said[ANALYSED]
        state |= {name: analysis[name] for name in ("score", "summary")}
        state["goals"] = [[g["name"], g["achieved"], g["reason"]] for g in analysis["goals"]]
    return state
