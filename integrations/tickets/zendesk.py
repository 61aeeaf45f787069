"""Zendesk as a help desk.

A ticket is looked up by its `external_id` before it is created, and created with an
`Idempotency-Key`: the first holds for ever, the second also between two workers at one moment.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from django.core.checks import CheckMessage, Error
from msgspec import Meta

from integrations.base import Alias, Result
from integrations.clients.zendesk import User, ZendeskClient, build_caller
from integrations.exceptions import AccessDenied, PermanentFailure, TemporaryFailure
from integrations.fields import FieldMapping, check_fields
from integrations.http.base_urls import check_base_url
from integrations.http.keys import make_header_key
from integrations.options import Options
from integrations.phone_numbers import normalise_phone_number
from integrations.tickets.base import TicketRequest, Tickets
from integrations.tickets.zendesk_fields import DEFAULTS, build_ticket, check_names, name_caller

SUBDOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*", re.IGNORECASE)
EXTERNAL_ID = re.compile(r"[a-z0-9:_.-]{1,200}")
"""Keys that Zendesk can look up as they are: it ignores case, and splits at commas."""


class ZendeskOptions(Options, frozen=True, kw_only=True):
    """What `OPTIONS` holds for Zendesk."""

    # The smallest plan's: https://developer.zendesk.com/api-reference/introduction/rate-limits
    default_rate: ClassVar[str] = "200/60s"
    default_concurrency: ClassVar[int | None] = 8

    email: Annotated[str, Meta(min_length=1)]
    """The agent's who the token acts for."""
    api_token: Annotated[str, Meta(min_length=1)]
    subdomain: str = ""
    """`acme` in `https://acme.zendesk.com`."""
    base_url: str = ""
    """In its place: an address of another form, such as a test server's."""
    requester_id: int | None = None
    """Who asks for the tickets of callers who cannot; nobody: the agent."""
    public: bool = False
    """Whether requesters may read the ticket, and Zendesk may mail it to them."""
    fields: dict[str, str] = {}
    """Templates by the ticket's fields, in the place of `DEFAULTS` or beside them."""

    def __post_init__(self) -> None:
        """Raise `ValueError` where the options contradict each other."""
        if bool(self.subdomain) == bool(self.base_url):
            raise ValueError("Zendesk needs either SUBDOMAIN or BASE_URL")
        if self.subdomain and not SUBDOMAIN.fullmatch(self.subdomain):
            raise ValueError("SUBDOMAIN is what stands in front of .zendesk.com, and no more")
        check_base_url(self.address)

    @property
    def address(self) -> str:
        """Return where the account is, without a slash at the end."""
        return self.base_url.rstrip("/") or f"https://{self.subdomain.lower()}.zendesk.com"


class ZendeskTickets(Tickets):
    """Opens tickets, each for the user who has the caller's number."""

    options_class = ZendeskOptions
    options: ZendeskOptions

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        """Read the options; raises `ImproperlyConfigured` where they do not fit."""
        super().__init__(alias, options)
        check_names(self.options.fields)
        self.mapping = FieldMapping(DEFAULTS, self.options.fields)
        self.client = ZendeskClient(
            alias, self.options.address, self.options.email, self.options.api_token, self.options
        )

    def apply(self, request: TicketRequest) -> Result:
        """Return the ticket that has the request's key, after opening it where there is none."""
        ticket = self.build_ticket(request)
        external_id = ticket["external_id"]
        ticket_id = self.client.find_ticket(external_id)
        if ticket_id is None:
            self.set_requester(ticket, read_number(request))
            ticket_id = self.client.create_ticket(ticket, make_header_key(request.idempotency_key))
        if ticket_id is None:
            # Created in the meantime, with what was said elsewhere or before.
            ticket_id = self.client.find_ticket(external_id)
        if ticket_id is None:
            raise TemporaryFailure(
                "Zendesk has seen this key with another content and does not show its ticket. It is"
                " looked for again; if it was deleted, one is opened when Zendesk has forgotten the"
                " key, which takes two hours."
            )
        return Result(
            external_id=str(ticket_id), url=f"{self.options.address}/agent/tickets/{ticket_id}"
        )

    def preview(self, request: TicketRequest) -> Mapping[str, Any]:
        """Return the ticket and, where there is a number, the user who would ask for it."""
        number = read_number(request)
        requester: dict[str, Any] = {"requester": build_caller(number)} if number else {}
        return {"ticket": self.build_ticket(request)} | requester

    def check(self) -> Sequence[CheckMessage]:
        """Try the templates, and what they give."""
        mistakes = check_fields(self, "FIELDS", self.mapping)
        if mistakes:
            return mistakes
        said = {}
        for sample in self.samples:
            try:
                build_ticket(self.mapping.render(sample), public=self.options.public)
            except PermanentFailure as failure:
                said[str(failure)] = Error(
                    f"INTEGRATIONS[{self.alias!r}]['OPTIONS']['FIELDS']: {failure}",
                    hint="docs/integrations/zendesk.md lists what each field may hold.",
                    id="integrations.E011",
                )
        return list(said.values())

    def diagnose(self) -> Sequence[str]:
        """Look for a ticket that is not there, and at the agent and the requester."""
        try:
            self.client.find_ticket("switchboard:diagnosis")
            agent = self.client.find_agent(self.options.email)
        except AccessDenied as error:
            advice = "Check SUBDOMAIN, EMAIL and API_TOKEN, and that the account allows API tokens."
            return [f"{error} {advice}"]
        found = []
        if agent is not None and agent.role == "end-user":
            found.append(
                "The user of EMAIL is an end user: make them an agent, who can open tickets."
            )
        elif agent is not None and agent.ticket_restriction:
            found.append(
                "The agent of EMAIL sees only a part of the tickets, and could open one twice that"
                " it cannot find: give it access to all tickets."
            )
        requester_id = self.options.requester_id
        if requester_id is not None and not self.client.has_user(requester_id):
            found.append("There is no user with the id REQUESTER_ID: choose another, or none.")
        return found

    def build_ticket(self, request: TicketRequest) -> dict[str, Any]:
        """Return what is sent for `request`, but for the requester; the same at every try."""
        ticket = build_ticket(self.mapping.render(request), public=self.options.public)
        ticket["external_id"] = make_external_id(request.idempotency_key)
        return ticket

    def set_requester(self, ticket: dict[str, Any], number: str) -> None:
        """Have the user with the caller's `number` ask for `ticket`, or else `REQUESTER_ID`."""
        requester_id = self.options.requester_id
        if number:
            caller = self.find_or_create_caller(number)
            if caller.suspended:
                # Zendesk takes no ticket of theirs, and it is not for us to lift that.
                name_caller(ticket, number)
            else:
                requester_id = caller.id
        if requester_id is not None:
            ticket["requester_id"] = requester_id

    def find_or_create_caller(self, number: str) -> User:
        """Return the user who has the number, which is in E.164."""
        # Who is known is not saved again: staff may have given them a better name.
        return self.client.find_caller(number) or self.client.save_caller(number)


def read_number(request: TicketRequest) -> str:
    """Return the caller's number in E.164, empty where there is none with its country."""
    number = normalise_phone_number(request.requester_phone)
    return number if number.startswith("+") else ""


def make_external_id(key: str) -> str:
    """Return the `external_id` of the ticket with this key; other keys have others."""
    if EXTERNAL_ID.fullmatch(key):
        return key
    return f"switchboard:{sha256(key.encode()).hexdigest()}"
