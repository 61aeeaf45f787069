"""Zendesk's Support API, as far as tickets and their requesters go.

As strict as the original where it matters: basic authentication, `Idempotency-Key` with its two
hours, `external_id` that is unique for users and not for tickets and ignores case, comments that
must say something. Where the vendor's OpenAPI document is at hand, requests and answers are held
against it; what does not fit is answered with 599 and kept in `mismatches`.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.fakes.openapi import SpecMismatch, find_spec
from tests.fakes.schemas import Schema
from tests.fakes.server import Call, FakeServer, Reply

SPEC = "zendesk/support-tickets.trimmed.json"
EMAIL = "agent@example.com"
API_TOKEN = "zendesk-token-4f9a"
AGENT_ID = 9000
TWO_HOURS = 2 * 60 * 60.0
LONGEST_COMMENT = 65_535
LONGEST_ID = 255
MISMATCH = 599


def amend(document: Schema) -> None:
    """Mend what the document says of a ticket's custom fields in requests.

    It refers to the description of a ticket field as an administrator makes it, in which `id` is
    read-only and a `value` does not exist. In answers it has them as they are.
    """
    schemas = document["components"]["schemas"]
    schemas["TicketUpdateInput"]["properties"]["custom_fields"] = schemas["TicketObject"][
        "properties"
    ]["custom_fields"]


class Refused(Exception):  # noqa: N818 -- what the request is
    """The request gets this reply."""

    def __init__(self, status: int, error: str, **details: str) -> None:
        super().__init__(error)
        said = {name: [{"error": reason}] for name, reason in details.items()}
        self.reply = Reply(
            status=status,
            json={"error": error, "description": "Refused"} | ({"details": said} if said else {}),
        )


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What was done under an `Idempotency-Key`."""

    at: float
    body: bytes
    reply: Reply


class FakeZendesk(FakeServer):
    """A Zendesk account with one agent, on the loopback address."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.spec = find_spec(SPEC, amend)
        self.mismatches: list[str] = []
        """What did not fit the document; empty where all is well."""
        self.api_token = API_TOKEN
        self.key_lifetime = TWO_HOURS
        """For how many seconds an `Idempotency-Key` is known."""
        self.index_lag = 0.0
        """How many seconds a user exists before a search finds them."""
        self.blind_lists = 0
        """How many of the next lists of tickets show none, as if they came a moment too early."""
        self.numbers_are_unique = False
        """Whether the account refuses a second user with a phone number."""
        self.tickets: dict[int, dict[str, Any]] = {}
        self.users: dict[int, dict[str, Any]] = {}
        self.keys: dict[str, KnownKey] = {}
        self._last_ticket_id = 0
        self._indexed_at: dict[int, float] = {}
        self.add_user(id=AGENT_ID, name="Agent", email=EMAIL, role="admin")

    # ------------------------------------------------------------ what tests arrange

    def add_user(self, **fields: Any) -> int:
        """Have a user and return their id."""
        user_id: int = fields.pop("id", AGENT_ID + len(self.users) + 1)
        now = format_now()
        known = {
            "id": user_id,
            "url": f"{self.url}/api/v2/users/{user_id}.json",
            "role": "end-user",
            "active": True,
            "suspended": False,
            "external_id": None,
            "phone": None,
            "created_at": now,
            "updated_at": now,
        }
        self.users[user_id] = known | fields
        self._indexed_at[user_id] = time.monotonic() + self.index_lag
        return user_id

    def delete_ticket(self, ticket_id: int) -> None:
        """Do what an agent does who deletes a ticket: its key stays known."""
        del self.tickets[ticket_id]

    def state(self) -> Any:
        """Return all tickets and users, and what did not fit the document."""
        return {
            "tickets": list(self.tickets.values()),
            "users": list(self.users.values()),
            "mismatches": self.mismatches,
        }

    # ------------------------------------------------------------ answering

    def handle(self, call: Call) -> Reply:
        """Answer one request, held against the document."""
        try:
            body = json.loads(call.body) if call.body else None
            if self.spec is not None:
                self.spec.check_request(call.method, call.path, call.query, body)
            reply = self._try(call, body)
            if self.spec is not None:
                self.spec.check_answer(call.method, call.path, reply.status, reply.json)
        except SpecMismatch as mismatch:
            self.mismatches.append(str(mismatch))
            return Reply(status=MISMATCH, json={"error": "SpecMismatch"})
        return reply

    def _try(self, call: Call, body: Any) -> Reply:
        expected = base64.b64encode(f"{EMAIL}/token:{self.api_token}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            return Reply(status=401, json={"error": "Couldn't authenticate you"})
        if call.body and call.headers.get("content-type") != "application/json":
            return Reply(status=415, json={"error": "UnsupportedMediaType"})
        routes: Mapping[tuple[str, str], Callable[[Call, Any], Reply]] = {
            ("GET", "/api/v2/tickets"): self._list_tickets,
            ("POST", "/api/v2/tickets"): self._create_once,
            ("GET", "/api/v2/users/search"): self._search_users,
            ("POST", "/api/v2/users/create_or_update"): self._save_user,
        }
        answer = routes.get((call.method, call.path), self._show_user)
        try:
            return answer(call, body)
        except Refused as refused:
            return refused.reply

    # ------------------------------------------------------------ tickets

    def _list_tickets(self, call: Call, _body: Any) -> Reply:
        if self.blind_lists:
            self.blind_lists -= 1
            return Reply(json={"tickets": []})
        wanted = {name.casefold() for name in call.query["external_id"].split(",")}
        found = [t for t in self.tickets.values() if t.get("external_id", "").casefold() in wanted]
        return Reply(json={"tickets": found})

    def _create_once(self, call: Call, body: Any) -> Reply:
        """Create a ticket unless the key is known; a refused one leaves its key unknown."""
        key = call.headers.get("idempotency-key")
        if key is None:
            return self._create_ticket(body["ticket"])
        if len(key) > LONGEST_ID:
            raise Refused(400, "InvalidIdempotencyKey")
        now = time.monotonic()
        known = self.keys.get(key)
        if known is not None and now - known.at < self.key_lifetime:
            if known.body != call.body:
                raise Refused(400, "IdempotentRequestError")
            return with_lookup(known.reply, "hit")
        reply = self._create_ticket(body["ticket"])
        self.keys[key] = KnownKey(now, call.body, reply)
        return with_lookup(reply, "miss")

    def _create_ticket(self, asked: dict[str, Any]) -> Reply:
        fields = dict(asked)
        comment = fields.pop("comment", {})
        text = comment.get("body", "")
        if not text.strip():
            raise Refused(422, "RecordInvalid", base="BlankValue")
        if len(text.encode()) > LONGEST_COMMENT:
            raise Refused(422, "RecordInvalid", description="TooLong")
        if len(fields.get("external_id", "")) > LONGEST_ID:
            raise Refused(422, "RecordInvalid", external_id="TooLong")
        requester = self.users.get(fields.setdefault("requester_id", AGENT_ID))
        if requester is None or requester["suspended"]:
            raise Refused(422, "RecordInvalid", requester="InvalidValue")
        # Tags are small and without white space, whatever is sent.
        tags = [tag for given in fields.pop("tags", []) for tag in given.lower().split()]
        self._last_ticket_id += 1
        ticket_id = self._last_ticket_id
        now = format_now()
        ticket = {
            "id": ticket_id,
            "url": f"{self.url}/api/v2/tickets/{ticket_id}.json",
            "subject": "",
            "status": "new",
            "submitter_id": AGENT_ID,
            "via": {"channel": "api"},
            "created_at": now,
            "updated_at": now,
            "description": text,
            "is_public": comment.get("public", True),
            "tags": sorted(set(tags)),
            **fields,
        }
        self.tickets[ticket_id] = ticket
        return Reply(status=201, json={"ticket": ticket}, headers={"Location": ticket["url"]})

    # ------------------------------------------------------------ users

    def _search_users(self, call: Call, _body: Any) -> Reply:
        users = [user for user in self.users.values() if user["active"]]
        if "external_id" in call.query:
            wanted = call.query["external_id"].casefold()
            found = [u for u in users if (u["external_id"] or "").casefold() == wanted]
        else:
            now = time.monotonic()
            found = [
                user
                for user in users
                if self._indexed_at[user["id"]] <= now and fits(user, call.query["query"])
            ]
        return Reply(json={"users": found})

    def _save_user(self, _call: Call, body: Any) -> Reply:
        asked = body["user"]
        wanted = asked.get("external_id", "").casefold()
        others = [u for u in self.users.values() if (u["external_id"] or "").casefold() != wanted]
        phone = asked.get("phone")
        shared = phone is not None and any(user["phone"] == phone for user in others)
        if shared and self.numbers_are_unique:
            raise Refused(422, "RecordInvalid", phone="DuplicateValue")
        known = [u for u in self.users.values() if (u["external_id"] or "").casefold() == wanted]
        if wanted and known:
            known[0].update(asked)
            return Reply(json={"user": known[0]})
        if not asked.get("name", "").strip():
            raise Refused(422, "RecordInvalid", name="BlankValue")
        user_id = self.add_user(**asked, shared_phone_number=shared)
        return Reply(status=201, json={"user": self.users[user_id]})

    def _show_user(self, call: Call, _body: Any) -> Reply:
        found = re.fullmatch(r"/api/v2/users/([0-9]+)", call.path)
        user = self.users.get(int(found[1])) if found and call.method == "GET" else None
        if user is None:
            raise Refused(404, "RecordNotFound")
        return Reply(json={"user": user})


def fits(user: dict[str, Any], query: str) -> bool:
    """Tell whether `user` is what a search for `role:`, `phone:` or `email:` finds."""
    for part in query.split():
        name, _, value = part.partition(":")
        held = user.get(name) or ""
        if name == "phone":
            digits = "".join(sign for sign in held if sign.isdecimal())
            matches = digits.endswith(value[1:]) if value.startswith("*") else digits == value
            if not (digits and matches):
                return False
        elif held.casefold() != value.casefold():
            return False
    return True


def with_lookup(reply: Reply, lookup: str) -> Reply:
    """Return `reply` with the header that says whether the key was known."""
    headers = {**reply.headers, "X-Idempotency-Lookup": lookup}
    return Reply(status=reply.status, json=reply.json, headers=headers)


def format_now() -> str:
    """Return the time as Zendesk writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    FakeZendesk.main()
