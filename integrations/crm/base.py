"""What a CRM is asked to know about a conversation."""

from dataclasses import dataclass

from integrations.base import Backend, Request
from integrations.samples import EVENT, EVERYTHING, LEAST


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUpdate(Request):
    """All that is known of a conversation now, to be written over what the CRM had.

    Rendered when the effect is applied, not when it was planned: writing it twice, or after a
    later one, must leave the CRM as the highest `version` says. `version` grows with each event
    that the conversation has taken in.
    """

    version: int
    phone_number: str
    """The other party's number as the sender gave it; empty for web calls and hidden numbers."""


class CRM(Backend[ContactUpdate]):
    """A CRM backend."""

    serves = frozenset({"crm"})
    samples = (
        ContactUpdate(
            idempotency_key="crm:full",
            event=EVENT,
            conversation=EVERYTHING,
            version=3,
            phone_number="+4930123456",
        ),
        ContactUpdate(
            idempotency_key="crm:least",
            event=EVENT,
            conversation=LEAST,
            version=1,
            phone_number="",
        ),
    )
