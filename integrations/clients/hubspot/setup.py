"""Creating in an account what the backends need there."""

from http import HTTPStatus
from typing import Literal

from integrations.clients.hubspot.client import VERSION, HubSpotClient
from integrations.clients.hubspot.diagnosis import find_property_trouble, read_property
from integrations.clients.hubspot.properties import Property
from integrations.exceptions import PermanentFailure

Outcome = Literal["is there", "was created", "would be created"]


def create_property(client: HubSpotClient, needed: Property, *, dry_run: bool) -> Outcome:
    """Create the property unless it is there; with `dry_run` change nothing.

    Raises `PermanentFailure` where it is there in another form, or HubSpot made another of it, and
    what `VendorClient.send` does.
    """
    answer = read_property(client, needed.object_type, needed.name)
    if answer.status == HTTPStatus.NOT_FOUND:
        if dry_run:
            return "would be created"
        client.send(
            "POST",
            f"/crm/properties/{VERSION}/{needed.object_type}",
            json={
                "name": needed.name,
                "label": needed.label,
                "description": needed.description,
                "groupName": find_group(client, needed),
                "type": "number" if needed.is_number else "string",
                "fieldType": "number" if needed.is_number else "text",
                "hasUniqueValue": needed.is_unique,
            },
            # Somebody else may have been faster, with the same property as like as not.
            accept={HTTPStatus.CONFLICT},
        )
        outcome: Outcome = "was created"
    else:
        outcome = "is there"
    # Not what was asked for but what came of it is what records will be found by.
    trouble = find_property_trouble(client, needed)
    if trouble:
        raise PermanentFailure(trouble)
    return outcome


def find_group(client: HubSpotClient, needed: Property) -> str:
    """Return the name of the group that HubSpot's own property beside it is in."""
    answer = read_property(client, needed.object_type, needed.beside)
    body = answer.read_json() if answer.status == HTTPStatus.OK else {}
    group = body.get("groupName") if isinstance(body, dict) else None
    if not isinstance(group, str):
        raise PermanentFailure(
            f"HubSpot has no group of properties for {needed.object_type} that the key may see."
        )
    return group
