"""The calls to Stripe that backends make."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import stripe
from stripe import billing

from integrations.base import Alias
from integrations.clients.stripe.errors import (
    call,
    find_code,
    find_wait,
    is_duplicate,
    make_odd_answer,
)
from integrations.clients.stripe.options import StripeOptions
from integrations.clients.stripe.transport import Transport
from integrations.exceptions import PermanentFailure
from integrations.http.client import VendorClient

if TYPE_CHECKING:
    from stripe.params.billing import MeterEventCreateParams


class StripeAPI:
    """The calls that backends make."""

    def __init__(self, alias: Alias, options: StripeOptions) -> None:
        """Raises `ImproperlyConfigured` where the address or the key cannot be used at all."""
        base_url = options.base_url.rstrip("/")
        self.client = VendorClient(
            "Stripe",
            alias,
            base_url,
            headers={"Authorization": f"Bearer {options.api_key}"},
            options=options,
            find_code=find_code,
            find_wait=find_wait,
        )
        self._stripe = stripe.StripeClient(
            options.api_key,
            http_client=Transport(self.client, base_url),
            base_addresses={"api": base_url},
            max_network_retries=0,
        )

    def create_meter_event(
        self, *, event_name: str, identifier: str, payload: dict[str, str], timestamp: int
    ) -> None:
        """Create the event, unless Stripe has one with its identifier.

        Raises `AccessDenied`, `RateLimited` or `PermanentFailure` where Stripe certainly did not
        take it, and otherwise `TemporaryFailure`. That there is no such meter is nothing that
        another effect would fare better with, so it is of the first kind.
        """

        def create() -> billing.MeterEvent | None:
            try:
                return self._stripe.v1.billing.meter_events.create(
                    {
                        "event_name": event_name,
                        "identifier": identifier,
                        "payload": payload,
                        "timestamp": timestamp,
                    }
                )
            except stripe.InvalidRequestError as error:
                if is_duplicate(error):
                    return None
                raise

        event = call(create)
        if event is not None and getattr(event, "identifier", None) != identifier:
            raise make_odd_answer()

    def list_meters(self) -> list[billing.Meter]:
        """Return all meters, inactive ones too. Raises as `create_meter_event` does."""
        return call(lambda: list(self._iterate_meters()))

    def _iterate_meters(self) -> Iterator[billing.Meter]:
        return self._stripe.v1.billing.meters.list({"limit": 100}).auto_paging_iter()

    def try_to_create_meter_event(self) -> None:
        """Ask for an event that lacks everything: nothing comes of it.

        Raises what a whole one would where the key is no good.
        """
        nothing = cast("MeterEventCreateParams", {})
        with suppress(PermanentFailure):
            call(lambda: self._stripe.v1.billing.meter_events.create(nothing))
