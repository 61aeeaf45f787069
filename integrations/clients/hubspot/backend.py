"""What HubSpot's backends have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.core.checks import CheckMessage

from integrations.base import Alias, Backend, RequestT
from integrations.clients.hubspot.client import HubSpotClient
from integrations.clients.hubspot.contacts import find_or_create_contact, read_e164
from integrations.clients.hubspot.diagnosis import diagnose
from integrations.clients.hubspot.options import HubSpotOptions
from integrations.clients.hubspot.properties import PHONE, ObjectType, Property
from integrations.clients.hubspot.texts import cut_html, cut_text
from integrations.fields import FieldMapping, check_fields

CONTACT_FIELDS = {"phone": "{{ request.phone_number }}"}
"""What a contact is made with; `request.phone_number` is in E.164 here."""


class HubSpotBackend(Backend[RequestT]):
    """Keeps records of one object type, each on the contact of its phone number.

    A kind supplies the class variables, `get_overrides`, `identify` and `apply`.
    """

    object_type: ClassVar[ObjectType]
    type_id: ClassVar[str]
    """HubSpot's number of the type, as its addresses have it."""
    properties: ClassVar[tuple[Property, ...]]
    """The properties of our own that it needs; `setup_hubspot` creates them."""
    identity: ClassVar[Property]
    """The one of them by which a record is found."""
    field_option: ClassVar[str]
    """The option that holds the templates of the record."""
    fields: ClassVar[Mapping[str, str]]
    html: ClassVar[frozenset[str]]

    options: HubSpotOptions

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.client = HubSpotClient(alias, self.options)
        self.mapping = FieldMapping(self.fields, self.get_overrides(), self.html)
        self.contact_mapping = FieldMapping(CONTACT_FIELDS, self.options.contact_fields)

    def get_overrides(self) -> Mapping[str, str]:
        """Return the templates of the record that the setting holds."""
        raise NotImplementedError

    def identify(self, request: RequestT) -> str:
        """Return the value of `identity` in the request's record."""
        raise NotImplementedError

    def render_record(self, request: RequestT) -> dict[str, str]:
        """Return the record's fields, cut to what HubSpot takes."""
        return {
            name: cut_html(text) if self.mapping.is_html(name) else cut_text(text)
            for name, text in self.mapping.render(request).items()
        }

    def render_contact(self, request: Any, number: str) -> dict[str, str]:
        """Return the fields of a contact that is made for `number`."""
        rendered = self.contact_mapping.render(replace(request, phone_number=number))
        return {name: cut_text(text) for name, text in rendered.items()}

    def find_contact(self, request: Any, number: str) -> str:
        """Return the id of the contact with `number`, which is in E.164, making it if need be."""
        return find_or_create_contact(
            self.client,
            number,
            self.render_contact(request, number),
            adopt=self.options.adopt_contacts,
        )

    def preview(self, request: Any) -> Mapping[str, Any]:
        """Return the record's fields, and those of a contact that is made where one is owed."""
        number = read_e164(request.phone_number)
        record = {**self.render_record(request), self.identity.name: self.identify(request)}
        shown: dict[str, Any] = {self.object_type: record}
        if number:
            shown["contacts"] = {**self.render_contact(request, number), PHONE.name: number}
        return shown

    def link(self, record_id: str) -> str:
        """Return the record's address in HubSpot, where the account is known."""
        if not self.options.portal_id:
            return ""
        account = f"https://app.hubspot.com/contacts/{self.options.portal_id}"
        return f"{account}/record/{self.type_id}/{record_id}"

    def check(self) -> Sequence[CheckMessage]:
        """Report templates that do not work."""
        return [
            *check_fields(self, self.field_option, self.mapping),
            *check_fields(self, "CONTACT_FIELDS", self.contact_mapping),
        ]

    def diagnose(self) -> Sequence[str]:
        """Ask whether the key is taken, what it may do, and whether the properties are there."""
        named = [(self.object_type, name) for name, used in self.get_overrides().items() if used]
        named += [("contacts", name) for name, used in self.options.contact_fields.items() if used]
        return diagnose(self.client, self.object_type, self.properties, named)
