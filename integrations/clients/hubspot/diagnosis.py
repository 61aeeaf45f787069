"""What stands between us and an account."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from integrations.clients.hubspot.client import VERSION, HubSpotClient
from integrations.clients.hubspot.properties import ObjectType, Property
from integrations.clients.hubspot.refusals import name_missing_scopes
from integrations.http.answer import Answer

DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
KEY_REJECTED = (
    "HubSpot rejects ACCESS_TOKEN: put a service key of this account there, which has neither"
    " expired nor been rotated."
)
SETUP = "run manage.py setup_hubspot"


def diagnose(
    client: HubSpotClient,
    object_type: ObjectType,
    needed: Sequence[Property],
    named: Sequence[tuple[ObjectType, str]],
) -> list[str]:
    """Return a sentence for each thing that would make effects fail.

    Args:
        client: Whom to ask.
        object_type: What the backend writes, beside contacts.
        needed: The properties of our own that it needs.
        named: The properties that the setting's templates are for, by what they belong to.

    Changes nothing. Raises what `VendorClient.send` does.
    """
    sentences = list(find_access_troubles(client, object_type))
    if KEY_REJECTED in sentences:
        return sentences
    sentences += (s for prop in needed if (s := find_property_trouble(client, prop)))
    sentences += (s for owner, name in named if (s := find_field_trouble(client, owner, name)))
    return list(dict.fromkeys(sentences))


def find_access_troubles(client: HubSpotClient, object_type: ObjectType) -> Iterator[str]:
    """Yield what the key may not do: read and write contacts and the object type."""
    for name in ("contacts", object_type):
        path = f"/crm/objects/{VERSION}/{name}"
        answer = client.send("GET", path, params={"limit": "1"}, accept=DENIED)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            yield KEY_REJECTED
            return
        if answer.status == HTTPStatus.FORBIDDEN:
            yield describe_scopes(f"read {name}", answer, "crm.objects.contacts.read")
        # An upsert of nothing is refused, but only once the key has been looked at.
        answer = client.send(
            "POST",
            f"{path}/batch/upsert",
            json={"inputs": []},
            accept={*DENIED, HTTPStatus.BAD_REQUEST},
        )
        if answer.status == HTTPStatus.FORBIDDEN:
            yield describe_scopes(f"write {name}", answer, "crm.objects.contacts.write")


def describe_scopes(deed: str, answer: Answer, usual: str) -> str:
    """Return the sentence about a scope that is missing, as HubSpot names it or else `usual`."""
    scopes = " or ".join(name_missing_scopes(answer.read_json()) or [usual])
    return f"The key may not {deed}: give it the scope {scopes} (Development > Keys in HubSpot)."


def find_property_trouble(client: HubSpotClient, needed: Property) -> str:
    """Return what is wrong with one of our properties, or nothing."""
    name = f"The property {needed.name} of {needed.object_type}"
    answer = read_property(client, needed.object_type, needed.name)
    if answer.status == HTTPStatus.FORBIDDEN:
        return describe_scopes(f"read the properties of {needed.object_type}", answer, SCHEMA_SCOPE)
    if answer.status == HTTPStatus.NOT_FOUND:
        return f"{name} is missing: {SETUP}."
    if needed.is_unique and not is_unique(answer):
        return (
            f"{name} is there, but its values need not be unique, so nothing keeps records from"
            f" doubling. HubSpot cannot change that later: delete the property and {SETUP}."
        )
    return ""


def find_field_trouble(client: HubSpotClient, object_type: ObjectType, name: str) -> str:
    """Return whether a property that the setting fills is missing, or nothing."""
    if read_property(client, object_type, name).status != HTTPStatus.NOT_FOUND:
        return ""
    return (
        f"The setting fills {name} of {object_type}, which this account does not have: create the"
        " property in HubSpot or correct its name."
    )


SCHEMA_SCOPE = "crm.objects.contacts.read"
"""Reading a property's definition takes no more than reading the records does."""


def read_property(client: HubSpotClient, object_type: ObjectType, name: str) -> Answer:
    """Return HubSpot's answer about a property: 200, 403 or 404."""
    return client.send(
        "GET",
        f"/crm/properties/{VERSION}/{object_type}/{name}",
        accept={HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND},
    )


def is_unique(answer: Answer) -> bool:
    """Tell whether HubSpot keeps a property's values unique."""
    body = answer.read_json()
    return isinstance(body, dict) and body.get("hasUniqueValue") is True
