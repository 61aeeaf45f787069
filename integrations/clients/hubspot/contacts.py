"""Which of HubSpot's contacts a phone number belongs to.

HubSpot holds any number of contacts with one phone number. What makes a number lead to one contact
is the property `PHONE`, whose values are unique and which is asked for directly. The search, whose
index lags by seconds, is only for contacts that were there before us.
"""

from collections.abc import Iterator, Mapping

from integrations.clients.hubspot.client import HubSpotClient, Record
from integrations.clients.hubspot.properties import PHONE
from integrations.clients.hubspot.refusals import Conflict
from integrations.phone_numbers import normalise_phone_number

TYPED = ("phone", "mobilephone")
"""Where people write a contact's numbers, in whatever form."""
SEARCHED = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}
"""HubSpot's own form of those, "the area code and local number" (HubSpot, "Search the CRM",
https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm)."""

COUNTRY_CODES = (1, 2, 3)
"""How many digits a country code has. Which, only a table of countries could say."""


def read_e164(phone_number: str) -> str:
    """Return `phone_number` in E.164, or nothing: no number at all, or none with its country."""
    number = normalise_phone_number(phone_number)
    return number if number.startswith("+") else ""


def find_or_create_contact(
    client: HubSpotClient, number: str, fields: Mapping[str, str], *, adopt: bool
) -> str:
    """Return the id of the contact with `number`, which is in E.164.

    Args:
        client: Whom to ask.
        number: The number.
        fields: What a contact that has to be made is made with.
        adopt: Whether a contact that HubSpot has under the number is taken instead.

    Two callers with one new number get one contact. Raises `TemporaryFailure`, and what
    `VendorClient.send` does.
    """
    known = client.find(PHONE, number)
    if known is not None:
        return known.id
    try:
        adopted = adopt_contact(client, number) if adopt else ""
        return adopted or client.upsert(PHONE, number, fields).id
    except Conflict:
        # Somebody else's contact has the number since we asked.
        known = client.find(PHONE, number)
        if known is None:
            raise
        return known.id


def adopt_contact(client: HubSpotClient, number: str) -> str:
    """Return the id of the oldest contact that people gave `number`, or nothing.

    The contact is marked with the number, so that it is found without a search from now on. One
    that is marked with another number keeps that: it is taken, and searched for again next time.
    Raises `Conflict` where another contact is marked already.
    """
    for contact in search_contacts(client, number):
        marked = contact.properties.get(PHONE.name)
        if marked or client.update("contacts", contact.id, {PHONE.name: number}):
            return contact.id
        # Deleted since it was indexed: the next one.
    return ""


def search_contacts(client: HubSpotClient, number: str) -> Iterator[Record]:
    """Yield the contacts with `number` in any form, the oldest first.

    The query casts its net wide, since HubSpot's form of a number lacks the country, and what it
    brings in is compared as we compare numbers.
    """
    digits = number.removeprefix("+")
    written = [number, digits, f"00{digits}"]
    local = [digits[length:] for length in COUNTRY_CODES if len(digits) > length]
    filters = [{"propertyName": name, "operator": "IN", "values": written} for name in TYPED]
    filters += [
        {"propertyName": SEARCHED[name], "operator": "IN", "values": local} for name in TYPED
    ]
    query = {
        "filterGroups": [{"filters": [single]} for single in filters],
        "properties": [*TYPED, PHONE.name],
        "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
        "limit": 100,
    }
    for contact in client.search("contacts", query):
        typed = (contact.properties.get(name) or "" for name in TYPED)
        if number in {normalise_phone_number(text) for text in typed}:
            yield contact
