"""The properties of our own that tell HubSpot's records apart.

HubSpot has no idempotency key. A property whose values are unique is what makes a write
repeatable: records are looked up and upserted by it (HubSpot, "Properties",
https://developers.hubspot.com/docs/api-reference/latest/crm/properties/guide).
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

ObjectType = Literal["contacts", "calls", "tasks"]

# What stands in a URL's path as it is. A full stop is not among it: a path of full stops only is
# another path.
PLAIN = re.compile(r"[A-Za-z0-9_:~-]{1,100}")
DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class Property:
    """A property that the backends need, as `setup_hubspot` creates it.

    `beside` is one of HubSpot's own, whose group it goes into.
    """

    object_type: ObjectType
    name: str
    label: str
    description: str
    beside: str
    is_number: bool = False

    @property
    def is_unique(self) -> bool:
        """Tell whether records are found by it."""
        return not self.is_number


PHONE = Property(
    "contacts",
    "switchboard_phone",
    "Switchboard phone number",
    "The phone number in E.164 by which Switchboard knows this contact.",
    beside="phone",
)
CONVERSATION = Property(
    "calls",
    "switchboard_conversation",
    "Switchboard conversation",
    "The conversation that this call is the record of.",
    beside="hs_call_title",
)
VERSION = Property(
    "calls",
    "switchboard_version",
    "Switchboard version",
    "How many of the conversation's events this call has taken in.",
    beside="hs_call_title",
    is_number=True,
)
KEY = Property(
    "tasks",
    "switchboard_key",
    "Switchboard key",
    "What keeps this task from being created twice.",
    beside="hs_task_subject",
)


def make_unique_value(identity: str) -> str:
    """Return `identity` itself where it can stand in a URL and is short, else its digest.

    Two identities have two values: what looks like a digest is digested too.
    """
    if PLAIN.fullmatch(identity) and not identity.startswith(DIGEST):
        return identity
    return DIGEST + hashlib.sha256(identity.encode()).hexdigest()
