"""Stripe's billing meters and meter events, in an account of the test mode.

As strict as the original where it matters: forms with brackets, restricted keys, identifiers that
are unique for 24 hours and no longer, times from 35 days back to 5 minutes ahead, whole numbers of
at most 15 digits, meters that must be active. Where the vendor's OpenAPI document is at hand,
requests and answers are held against it; what does not fit is answered with 599 and kept in
`mismatches`.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.fakes.forms import decode_form
from tests.fakes.openapi import SpecMismatch, find_spec
from tests.fakes.server import Call, FakeServer, Reply

SPEC = "stripe/billing-meters.trimmed.json"
API_KEY = "sk_test_switchboard51d0"
EVENT_NAME = "conversation_seconds"
CUSTOMER = "cus_Acme00000001"
EVENTS = "/v1/billing/meter_events"
METERS = "/v1/billing/meters"

DAY = 24 * 60 * 60
OLDEST = 35 * DAY
AHEAD = 5 * 60
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")
MISMATCH = 599


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """A meter event that was taken."""

    identifier: str
    event_name: str
    payload: Mapping[str, str]
    timestamp: int
    created: int


class Refused(Exception):  # noqa: N818 -- what the request is
    """The request gets this reply."""

    def __init__(self, message: str, *, status: int = 400, **details: str) -> None:
        super().__init__(message)
        self.reply = make_error(message, status=status, **details)


def make_error(message: str, *, status: int, **details: str) -> Reply:
    """Return Stripe's form of an error; `details` are `code`, `param` and `type`."""
    error = {"type": "invalid_request_error", "message": message, **details}
    return Reply(status=status, json={"error": error})


class FakeStripe(FakeServer):
    """An account at Stripe, on the loopback address, with one meter and one customer."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.spec = find_spec(SPEC)
        self.mismatches: list[str] = []
        """What did not fit the document; empty where all is well."""
        self.keys = {API_KEY: frozenset({"billing_meter_read", "billing_meter_event_write"})}
        """What each key may do."""
        self.ahead = 0.0
        """How many seconds Stripe's clock is ahead of ours: how much time has passed there."""
        self.busy = 0
        """How many of the next events come while another one of the customer's is under way."""
        self.spoiled: bytes | None = None
        """What the next event is answered with in place of Stripe's own success."""
        self.customers = {CUSTOMER}
        self.meters: list[dict[str, Any]] = []
        self.events: list[MeterEvent] = []
        self.headers: list[Mapping[str, str]] = []
        """The headers of all requests."""
        self.add_meter(EVENT_NAME)

    # ------------------------------------------------------------ what tests arrange

    def add_meter(self, event_name: str, **changes: Any) -> dict[str, Any]:
        """Add a meter with `changes`, and return it."""
        now = self.now()
        meter: dict[str, Any] = {
            "id": f"mtr_test_{len(self.meters):04}",
            "object": "billing.meter",
            "created": now,
            "updated": now,
            "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
            "default_aggregation": {"formula": "sum"},
            "display_name": "Conversations",
            "event_name": event_name,
            "event_time_window": None,
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "value_settings": {"event_payload_key": "value"},
            **changes,
        }
        self.meters.insert(0, meter)
        return meter

    def now(self) -> int:
        """Return the time by Stripe's clock, in Unix seconds."""
        return int(time.time() + self.ahead)

    # ------------------------------------------------------------ what FakeServer asks for

    def state(self) -> Any:
        """Return the events that were taken."""
        return {
            "events": [asdict(event) for event in self.events],
            "mismatches": self.mismatches,
        }

    def make_limit_reply(self, retry_after: int | None) -> Reply:
        """Return Stripe's 429."""
        reply = make_error("Too many requests, please try again.", status=429, code="rate_limit")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Reply(status=429, json=reply.json, headers=headers)

    def make_error_reply(self, status: int) -> Reply:
        """Return an error that quotes the key and the request, as Stripe's do."""
        message = f"Told to fail with {API_KEY} for {CUSTOMER}."
        details = {"type": "api_error"} if status >= 500 else {}
        return make_error(message, status=status, **details)

    def handle(self, call: Call) -> Reply:
        """Check the request against the document and the key, answer it, and check the answer."""
        self.headers.append(call.headers)
        try:
            form = decode_form(call.body)
            # Nothing at all is what a key is tried with; Stripe finds something missing in it.
            is_trial = call.path == EVENTS and not form
            if self.spec is not None and not is_trial:
                self.spec.check_request(call.method, call.path, call.query, form or None)
            reply = self.answer(call, form)
            if self.spoiled is not None:
                spoiled, self.spoiled = self.spoiled, None
                return Reply(body=spoiled)
            if self.spec is not None:
                self.spec.check_answer(call.method, call.path, reply.status, reply.json)
        except (SpecMismatch, ValueError) as mismatch:
            self.mismatches.append(str(mismatch))
            return Reply(status=MISMATCH)
        return reply

    def answer(self, call: Call, form: dict[str, Any]) -> Reply:
        """Do what is asked for, or refuse it."""
        try:
            if (call.method, call.path) == ("POST", EVENTS):
                self.demand(call, "billing_meter_event_write")
                return Reply(json=self.take_event(form))
            if (call.method, call.path) == ("GET", METERS):
                self.demand(call, "billing_meter_read")
                return Reply(json=self.list_meters(call.query))
        except Refused as refused:
            return refused.reply
        return make_error("Unrecognized request URL.", status=404)

    def demand(self, call: Call, right: str) -> None:
        """Refuse a key that is unknown or may not do this."""
        key = call.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            raise Refused(f"Invalid API Key provided: {key}", status=401)
        if right not in self.keys[key]:
            raise Refused(
                f"The provided key '{key}' does not have the required permissions for this"
                f" endpoint on account 'acct_1'. Having the 'rak_{right}' permission would allow"
                " this request to continue.",
                status=403,
            )

    # ------------------------------------------------------------ what Stripe does

    def take_event(self, form: dict[str, Any]) -> dict[str, Any]:
        """Take a meter event, or refuse it."""
        for param in ("event_name", "payload"):
            if param not in form:
                raise Refused(
                    f"Missing required param: {param}.", code="parameter_missing", param=param
                )
        if self.busy:
            self.busy -= 1
            raise Refused("Too many at once.", status=409, code="too_many_concurrent_requests")
        now = self.now()
        name, payload = form["event_name"], form["payload"]
        identifier = form.get("identifier") or f"generated-{len(self.events)}"
        timestamp = int(form.get("timestamp", now))
        meters = [m for m in self.meters if (m["event_name"], m["status"]) == (name, "active")]
        if not meters:
            raise Refused(f'No active meter found for event name "{name}".')
        if timestamp < now - OLDEST:
            raise Refused("The timestamp is too far back.", code="timestamp_too_far_in_past")
        if timestamp > now + AHEAD:
            raise Refused("The timestamp is in the future.", code="timestamp_in_future")
        if any(e.identifier == identifier and e.created > now - DAY for e in self.events):
            raise Refused(f"An event already exists with identifier {identifier}.")
        self.check_payload(meters[0], payload)
        event = MeterEvent(identifier, name, payload, timestamp, now)
        self.events.append(event)
        return {"object": "billing.meter_event", "livemode": False, **asdict(event)}

    def check_payload(self, meter: dict[str, Any], payload: Mapping[str, str]) -> None:
        """Refuse what cannot be billed to anybody, or is no number."""
        customer = payload.get(meter["customer_mapping"]["event_payload_key"])
        if customer is None:
            raise Refused("No customer is defined.", code="meter_event_no_customer_defined")
        if customer not in self.customers:
            raise Refused("No such customer.", code="meter_event_customer_not_found")
        value = payload.get(meter["value_settings"]["event_payload_key"], "")
        if not WHOLE_NUMBER.fullmatch(value):
            raise Refused(f"Invalid value: {value}", code="meter_event_invalid_value")

    def list_meters(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of the meters, newest first."""
        ids = [meter["id"] for meter in self.meters]
        after = query.get("starting_after")
        first = ids.index(after) + 1 if after else 0
        last = first + int(query.get("limit", 10))
        return {
            "object": "list",
            "url": METERS,
            "has_more": last < len(ids),
            "data": self.meters[first:last],
        }


if __name__ == "__main__":
    FakeStripe.main()
