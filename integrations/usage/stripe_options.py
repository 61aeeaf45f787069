"""What `OPTIONS` may hold for Stripe."""

from typing import Literal

from integrations.clients.stripe.options import StripeOptions

LONGEST_NAME = 100


class StripeUsageOptions(StripeOptions, frozen=True, kw_only=True):
    """What `OPTIONS` may hold for `StripeUsage`."""

    event_name: str
    """The meter's."""
    unit: Literal["seconds", "minutes"] = "seconds"
    rounding: Literal["up", "down", "nearest"] = "up"
    """How seconds become whole minutes; half a minute is nearest to the next one."""
    customer_key: str = "stripe_customer_id"
    value_key: str = "value"
    payload: dict[str, str] = {}
    """Templates of more dimensions, by their keys in the event's payload."""

    def __post_init__(self) -> None:
        """Refuse names that Stripe cannot have, and a dimension in the place of what is billed."""
        super().__post_init__()
        fixed = {
            "EVENT_NAME": self.event_name,
            "CUSTOMER_KEY": self.customer_key,
            "VALUE_KEY": self.value_key,
        }
        for option, name in [*fixed.items(), *(("PAYLOAD", key) for key in self.payload)]:
            if not 0 < len(name) <= LONGEST_NAME:
                raise ValueError(f"{option} needs names of 1 to {LONGEST_NAME} characters")
        if self.customer_key == self.value_key or {self.customer_key, self.value_key} & {
            *self.payload
        }:
            raise ValueError("CUSTOMER_KEY, VALUE_KEY and the keys of PAYLOAD must all differ")
