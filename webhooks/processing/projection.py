"""Take an event into its conversation, so that neither order nor repetition matters.

Every fact of a conversation is a register of its own: it keeps the stamp of the event that it
came from, and only an event with a higher stamp replaces it. Stamps are ordered totally, first
by how far the conversation is in such an event (started, ended, analysed), then by when the
sender created it, then by its id. Whatever the order of arrival, the highest stamp wins.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from webhooks.json_bytes import decode_json
from webhooks.models import Conversation, Event
from webhooks.processing import analysis
from webhooks.processing.analysis import read_text

STAGES = {
    "conversation.started": 0,
    "conversation.ended": 1,
    "conversation.analysis.completed": 2,
}
"""The event types that say something about a conversation, by how far it is then."""

COMMON_TEXTS = (
    "agent_uuid",
    "agent_name",
    "channel",
    "direction",
    "from_number",
    "to_number",
    "campaign_uuid",
)

LONGEST_DURATION = 2**31 - 1

Stamp = tuple[int, str, str]


class UnprojectableBodyError(Exception):
    """The event's body is gone or is not an object any more, so there is nothing to project."""


class Body(msgspec.Struct):
    """A body with each field of `data` still undecoded: one odd field spoils no other."""

    data: dict[str, msgspec.Raw]


decoder = msgspec.json.Decoder(Body)


@dataclass(frozen=True, slots=True)
class Facts:
    """What one event says of its conversation, by the names of Conversation's fields."""

    stamp: Stamp
    values: Mapping[str, Any]


def read_facts(event: Event) -> Facts:
    """Read what `event` says from its stored bytes.

    A field that is missing, null or of another type than expected says nothing. Raises
    `UnprojectableBodyError`.
    """
    if event.body is None:
        raise UnprojectableBodyError("the body is no longer stored")
    try:
        data = decode_json(decoder, bytes(event.body)).data
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnprojectableBodyError("the body is not an event's JSON") from error
    values: dict[str, Any] = {
        "organization_uuid": event.organization_uuid,
        "organization_name": event.organization_name,
        "started_at": read_time(data, "started_at"),
    }
    values |= {name: read_field(data, name, limit(name)) for name in COMMON_TEXTS}
    if event.event_type == "conversation.started":
        values["status"] = Conversation.Status.IN_PROGRESS
    elif event.event_type == "conversation.ended":
        values |= read_end(data)
    elif event.event_type == "conversation.analysis.completed":
        values |= read_analysis(data) | {"analysed_at": event.created}
    return Facts(
        stamp=make_stamp(event),
        values={name: value for name, value in values.items() if value not in (None, "", [])},
    )


def make_stamp(event: Event) -> Stamp:
    """Return the event's place in the order of all events of its conversation."""
    created = event.created.astimezone(UTC).isoformat(timespec="microseconds")
    return STAGES.get(event.event_type, -1), created, str(event.event_id)


def read_end(data: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Return what only `conversation.ended` says."""
    return {
        "status": read_field(data, "status", limit("status")),
        "answer_status": read_field(data, "answer_status", limit("answer_status")),
        "ended_at": read_time(data, "ended_at"),
        "duration_seconds": read_duration(data),
    }


def read_analysis(data: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Return what only `conversation.analysis.completed` says."""
    goals = analysis.read_goals(analysis.find_field(data, "goals"))
    follow_ups = analysis.read_follow_ups(analysis.find_field(data, "follow_ups"))
    return {
        "summary": read_text(analysis.find_field(data, "summary")),
        "score": analysis.read_number(analysis.find_field(data, "score")),
        "goals": msgspec.to_builtins(goals),
        "follow_ups": msgspec.to_builtins(follow_ups),
    }


def read_duration(data: Mapping[str, msgspec.Raw]) -> int | None:
    """Return the conversation's length in whole seconds, rounded up, by its own word or times."""
    seconds = analysis.read_number(decode(data, "duration_seconds"))
    if seconds is None:
        started, ended = read_time(data, "started_at"), read_time(data, "ended_at")
        seconds = (ended - started).total_seconds() if started and ended else None
    # Between nothing and what the column holds: there is no time machine.
    if seconds is None or not 0 <= seconds < LONGEST_DURATION:
        return None
    return math.ceil(seconds)


def read_field(data: Mapping[str, msgspec.Raw], name: str, length: int) -> str:
    """Return a text field, cut to what its column holds."""
    return read_text(decode(data, name))[:length]


def read_time(data: Mapping[str, msgspec.Raw], name: str) -> datetime | None:
    """Return a time field, taken as UTC where it names no offset."""
    return analysis.read_moment(read_text(decode(data, name)))


def decode(data: Mapping[str, msgspec.Raw], name: str) -> Any:
    """Return one field decoded, or None."""
    return analysis.follow_path(data, [name])


def limit(name: str) -> int:
    """Return how many characters Conversation's text column `name` holds."""
    length: int | None = Conversation._meta.get_field(name).max_length  # type: ignore[union-attr] # noqa: SLF001 -- Django's documented API
    return length or 0


def merge(conversation: Conversation, facts: Facts) -> list[str]:
    """Take `facts` into `conversation`, without saving; return the names of what changed."""
    changed = []
    for name, value in facts.values.items():
        known = tuple(conversation.stamps.get(name, ()))
        # The same event may say something else once the analysis is read in another way.
        says_otherwise = known == facts.stamp and getattr(conversation, name) != value
        if known < facts.stamp or says_otherwise:
            setattr(conversation, name, value)
            conversation.stamps[name] = list(facts.stamp)
            changed.append(name)
    return changed
