"""Stripe as a billing system: a meter event for each conversation.

Sources, all at https://docs.stripe.com: "Create a billing meter event"
(/api/billing/meter-event/create), "Record usage for billing with the API"
(/billing/subscriptions/usage-based/recording-usage-api), and for the 15 digits the changelog
(/changelog/dahlia/2026-04-22/billing-meter-event-values-validation).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.checks import CheckMessage
from django.utils import timezone

from integrations.base import Alias, Result
from integrations.clients.stripe.api import StripeAPI
from integrations.exceptions import AccessDenied, PermanentFailure, RateLimited, Unreachable
from integrations.fields import FieldMapping, check_fields
from integrations.http.keys import make_header_key
from integrations.models import StripeCustomer
from integrations.usage.base import Usage, UsageRecord
from integrations.usage.stripe_diagnosis import find_obstacles
from integrations.usage.stripe_options import StripeUsageOptions
from integrations.usage.stripe_sends import begin_send, find_sent

LONGEST_IDENTIFIER = 100
LONGEST_VALUE = 100
MOST_USAGE = 10**15 - 1
OLDEST = timedelta(days=35)
AHEAD = timedelta(minutes=4)
"""How far ahead of us a sender's clock may be; Stripe allows 5 minutes, and ours may be behind."""

MINUTE = 60
ADDED = {"up": MINUTE - 1, "down": 0, "nearest": MINUTE // 2}
"""The seconds to add before whole minutes are taken."""

QUOTABLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""An id that says nothing but which; what a sender puts in its place might."""

DASHBOARD = "https://dashboard.stripe.com"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a meter event says beside whom it is billed to."""

    identifier: str
    payload: Mapping[str, str]
    timestamp: int


class StripeUsage(Usage):
    """Sends each conversation's seconds or minutes to a billing meter, once."""

    options_class = StripeUsageOptions
    options: StripeUsageOptions

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        """Raises `ImproperlyConfigured` where the options do not fit."""
        super().__init__(alias, options)
        self.api = StripeAPI(alias, self.options)
        self.dimensions = FieldMapping({}, self.options.payload)

    def apply(self, request: UsageRecord) -> Result:
        """Send the event, unless Stripe is known to have it."""
        live = self.options.is_live
        identifier = make_identifier(request)
        sent = find_sent(identifier, livemode=live)
        if sent is not None and sent.confirmed_at is not None:
            return self.make_result(identifier, sent.customer_id)
        measure = self.measure(request, timezone.now())
        send = begin_send(
            identifier,
            livemode=live,
            event_name=self.options.event_name,
            # An open send's customer stands, mapped or not.
            customer_id=sent.customer_id if sent and sent.open_sends else find_customer(request),
        )
        try:
            self.api.create_meter_event(
                event_name=send.event_name,
                identifier=identifier,
                payload={self.options.customer_key: send.customer_id, **measure.payload},
                timestamp=measure.timestamp,
            )
        except (AccessDenied, PermanentFailure, RateLimited, Unreachable):
            send.take_back()
            raise
        send.confirm()
        return self.make_result(identifier, send.customer_id)

    def preview(self, request: UsageRecord) -> Mapping[str, Any]:
        """Return the event's fields by Stripe's names."""
        measure = self.measure(request, timezone.now())
        return {
            "event_name": self.options.event_name,
            "identifier": measure.identifier,
            "payload": {self.options.customer_key: find_customer(request), **measure.payload},
            "timestamp": measure.timestamp,
        }

    def check(self) -> Sequence[CheckMessage]:
        """Try the templates."""
        return check_fields(self, "PAYLOAD", self.dimensions)

    def diagnose(self) -> Sequence[str]:
        """Look at the key, the meter, and whether anybody is billed."""
        return list(find_obstacles(self.api, self.options))

    def measure(self, request: UsageRecord, now: datetime) -> Measure:
        """Return what is said of the conversation. Raises `PermanentFailure`."""
        if now - request.occurred_at > OLDEST:
            raise PermanentFailure(
                "The conversation ended more than 35 days ago, and Stripe takes no older usage:"
                " bill it by hand, then close this effect."
            )
        usage = request.seconds
        if self.options.unit == "minutes":
            usage = (usage + ADDED[self.options.rounding]) // MINUTE
        if usage > MOST_USAGE:
            raise PermanentFailure("The usage has more than the 15 digits that Stripe takes.")
        dimensions = self.dimensions.render(request)
        # What ended has not ended in the future: a clock that is ahead would have Stripe refuse it.
        at = now if request.occurred_at - now > AHEAD else request.occurred_at
        return Measure(
            identifier=make_identifier(request),
            payload={
                self.options.value_key: str(usage),
                **{key: text[:LONGEST_VALUE] for key, text in dimensions.items()},
            },
            timestamp=int(at.timestamp()),
        )

    def make_result(self, identifier: str, customer_id: str) -> Result:
        """Return what Stripe holds. It has no page for an event, but one for the customer."""
        mode = "" if self.options.is_live else "/test"
        return Result(identifier, f"{DASHBOARD}{mode}/customers/{customer_id}")


def make_identifier(request: UsageRecord) -> str:
    """Return what Stripe knows the request's event by."""
    return make_header_key(request.idempotency_key, LONGEST_IDENTIFIER)


def find_customer(request: UsageRecord) -> str:
    """Return the id of the customer who pays. Raises `PermanentFailure` where there is none."""
    conversation = request.conversation
    customer = StripeCustomer.objects.find_for(conversation)
    if customer is not None:
        return customer.customer_id
    ids = {
        "organization": conversation.organization_uuid,
        "agent": conversation.agent_uuid,
        "campaign": conversation.campaign_uuid,
    }
    named = ", ".join(f"{scope} {uuid}" for scope, uuid in ids.items() if QUOTABLE.fullmatch(uuid))
    raise PermanentFailure(
        f"No Stripe customer is mapped to {named or 'the conversation'}: add one to Switchboard's"
        " Stripe customers, then replay the failed events."
    )
