"""Zendesk's Support API, as far as a ticket needs it.

Sources, all on https://developer.zendesk.com: "Ticketing introduction" (`Idempotency-Key`, its
`IdempotentRequestError` and its two hours), "Tickets" (`external_id`, which need not be unique),
"Users" (`create_or_update`), "Retrieving the Zendesk user id of a caller" (the search by phone),
"Requests" (errors; 409 is worth another try).
"""

import base64
from http import HTTPStatus
from typing import Any

import msgspec

from integrations.base import Alias
from integrations.exceptions import AccessDenied, TemporaryFailure
from integrations.http.answer import Answer
from integrations.http.client import VendorClient, pick
from integrations.http.failures import explain_refusal
from integrations.http.shapes import read_shape
from integrations.options import Options
from integrations.phone_numbers import normalise_phone_number

KNOWN_KEY = "IdempotentRequestError"
"""The code for an `Idempotency-Key` that came before with another body."""

REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


class Ticket(msgspec.Struct):
    """A ticket as Zendesk shows it; what else it holds is passed over."""

    id: int
    external_id: str | None = None


class User(msgspec.Struct):
    """A user as Zendesk shows it."""

    id: int
    email: str | None = None
    phone: str | None = None
    role: str = "end-user"
    suspended: bool = False
    external_id: str | None = None
    ticket_restriction: str | None = None


class TicketAnswer(msgspec.Struct):
    """What the creation of a ticket answers."""

    ticket: Ticket


class TicketsAnswer(msgspec.Struct):
    """What a list of tickets answers."""

    tickets: list[Ticket]


class UserAnswer(msgspec.Struct):
    """What the creation of a user answers."""

    user: User


class UsersAnswer(msgspec.Struct):
    """What a search for users answers."""

    users: list[User]


class ZendeskClient:
    """Calls one Zendesk account; every method raises what `VendorClient.send` may."""

    def __init__(
        self, alias: Alias, base_url: str, email: str, api_token: str, options: Options
    ) -> None:
        key = base64.b64encode(f"{email}/token:{api_token}".encode()).decode()
        self.http = VendorClient(
            "Zendesk",
            alias,
            base_url,
            headers={"Authorization": f"Basic {key}", "Accept": "application/json"},
            options=options,
            find_code=find_code,
        )

    def find_ticket(self, external_id: str) -> int | None:
        """Return the id of the oldest ticket that has exactly this `external_id`."""
        answer = self._send("GET", "/api/v2/tickets", params={"external_id": external_id})
        # Zendesk compares without regard to case and takes a comma as the start of another id.
        found = [
            ticket.id
            for ticket in read_shape(answer, TicketsAnswer).tickets
            if ticket.external_id == external_id
        ]
        return min(found, default=None)

    def create_ticket(self, ticket: dict[str, Any], key: str) -> int | None:
        """Return the id of the new ticket, or of the one that this key and body made before.

        None where Zendesk knows the key with another body. Raises `PermanentFailure` for what
        Zendesk does not accept as a ticket.
        """
        answer = self._ask(
            "POST", "/api/v2/tickets", json={"ticket": ticket}, headers={"Idempotency-Key": key}
        )
        if answer.status == HTTPStatus.BAD_REQUEST and pick(find_code, answer) == KNOWN_KEY:
            return None
        return read_shape(refuse(answer), TicketAnswer).ticket.id

    def find_caller(self, number: str) -> User | None:
        """Return the user who stands for the E.164 `number`: ours, or theirs.

        Ours may be suspended. Somebody else's is one that is certain to be meant: the only end
        user with this number, and not suspended, for whom Zendesk would refuse a ticket.
        """
        users = self._search({"external_id": name_caller(number)})
        ours = [user for user in users if is_ours(user, number)]
        if ours:
            return ours[0]
        # Numbers are searched without their plus; the asterisk finds other ways to write them.
        users = self._search({"query": f"role:end-user phone:*{number.removeprefix('+')}"})
        theirs = [
            user
            for user in users
            if not user.suspended and normalise_phone_number(user.phone or "") == number
        ]
        return theirs[0] if len(theirs) == 1 else None

    def save_caller(self, number: str) -> User:
        """Return the user that stands for `number`, creating it where it is missing."""
        user = build_caller(number)
        answer = self._ask("POST", "/api/v2/users/create_or_update", json={"user": user})
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            # An account may insist that numbers are valid or no one else's. The name has it too,
            # and a ticket is worth more than a field of its requester.
            del user["phone"]
            answer = self._ask("POST", "/api/v2/users/create_or_update", json={"user": user})
        return read_shape(refuse(answer), UserAnswer).user

    def find_agent(self, email: str) -> User | None:
        """Return the user with this address, if the search finds them by it."""
        users = self._search({"query": f"email:{email}"})
        return next((u for u in users if (u.email or "").casefold() == email.casefold()), None)

    def has_user(self, user_id: int) -> bool:
        """Tell whether there is such a user."""
        answer = self.http.send(
            "GET", f"/api/v2/users/{user_id}", accept=frozenset({HTTPStatus.NOT_FOUND})
        )
        return answer.status != HTTPStatus.NOT_FOUND

    def _search(self, params: dict[str, str]) -> list[User]:
        return read_shape(
            self._send("GET", "/api/v2/users/search", params=params), UsersAnswer
        ).users

    def _send(self, method: str, path: str, **sent: Any) -> Answer:
        return refuse(self._ask(method, path, **sent))

    def _ask(self, method: str, path: str, **sent: Any) -> Answer:
        """Return a success or one of `REFUSALS`, for the caller to look at."""
        answer = self.http.send(method, path, accept=REFUSALS, **sent)
        if answer.status == HTTPStatus.NOT_FOUND:
            # Our paths exist in every account: it is the account that does not.
            raise AccessDenied("There is no Zendesk account at the address in the settings.")
        return answer


def refuse(answer: Answer) -> Answer:
    """Return a success; raise for a refusal what it means, with its code and nothing else."""
    if answer.status not in REFUSALS:
        return answer
    if answer.status == HTTPStatus.CONFLICT:
        raise TemporaryFailure("Another change got in the way of ours in Zendesk.")
    raise explain_refusal("Zendesk", answer.status, pick(find_code, answer), None)


def find_code(refusal: Any) -> str:
    """Return a refusal's code, with the first field that it is about where it names fields.

    `{"error": "RecordInvalid", "details": {"base": [{"error": "BlankValue", "ticket_field_id":
    21414565, …}]}}` is `RecordInvalid.base.BlankValue.21414565`: the last is a field's number.
    """
    error = refusal["error"]
    code = str(error["title"] if isinstance(error, dict) else error)
    details = refusal.get("details")
    if not details:
        return code
    field, reasons = next(iter(details.items()))
    reason = reasons[0] if isinstance(reasons, list) else reasons
    named = (reason.get("error"), reason.get("ticket_field_id"))
    return ".".join([code, field, *(str(name) for name in named if name is not None)])


def name_caller(number: str) -> str:
    """Return the `external_id` of the user that stands for `number`."""
    return f"tel:{number}"


def is_ours(user: User, number: str) -> bool:
    """Tell whether the user is the one that stands for `number`."""
    return user.external_id == name_caller(number)


def build_caller(number: str) -> dict[str, str]:
    """Return the user that stands for `number` until somebody knows better.

    Zendesk asks for a name and suggests one of this kind: "Creating a user profile in Support for
    a caller".
    """
    return {"name": f"Caller {number}", "phone": number, "external_id": name_caller(number)}
