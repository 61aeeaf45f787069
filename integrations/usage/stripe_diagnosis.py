"""What stands in the way of billing through Stripe, and what to do about it."""

from collections.abc import Iterator

from stripe.billing import Meter

from integrations.clients.stripe.api import StripeAPI
from integrations.clients.stripe.errors import KeyRejected
from integrations.exceptions import AccessDenied
from integrations.models import StripeCustomer
from integrations.usage.stripe_options import StripeUsageOptions

MOST_NAMES = 10


def find_obstacles(api: StripeAPI, options: StripeUsageOptions) -> Iterator[str]:
    """Yield a sentence for each obstacle. Raises what a request to Stripe may."""
    try:
        api.try_to_create_meter_event()
    except KeyRejected:
        yield (
            "Stripe rejected the API key: put a current one into API_KEY; Stripe shows them under"
            " Developers, API keys."
        )
        return
    except AccessDenied:
        yield (
            "The API key may not send usage: give the restricted key the permission to write"
            " billing meter events."
        )
    try:
        meters = api.list_meters()
    except AccessDenied:
        yield (
            "The API key may not look at meters: give the restricted key the permission to read"
            " billing meters, or see to the meter yourself."
        )
    else:
        yield from find_meter_obstacles(meters, options)
    if not StripeCustomer.objects.exists():
        yield "Nobody is billed: add organizations, agents or campaigns to Stripe customers."


def find_meter_obstacles(meters: list[Meter], options: StripeUsageOptions) -> Iterator[str]:
    """Yield what is wrong with the meter of `options`, among all `meters` of the account."""
    mode = "live mode" if options.is_live else "the sandbox"
    named = [meter for meter in meters if meter.event_name == options.event_name]
    active = [meter for meter in named if meter.status == "active"]
    if not named:
        others = sorted({meter.event_name for meter in meters if meter.status == "active"})
        known = f"; it has {', '.join(others[:MOST_NAMES])}" if others else ""
        yield (
            f"Stripe has no meter with the event name {options.event_name} in {mode}{known}:"
            " create it, or correct EVENT_NAME."
        )
    elif not active:
        yield f"The meter {options.event_name} is inactive in {mode}: reactivate it in Stripe."
    for meter in active:
        keys = {
            "CUSTOMER_KEY": (options.customer_key, meter.customer_mapping.event_payload_key),
            "VALUE_KEY": (options.value_key, meter.value_settings.event_payload_key),
        }
        for option, (ours, theirs) in keys.items():
            if ours != theirs:
                yield f"The meter looks for {theirs} where {option} is {ours}: set it to {theirs}."
        window = getattr(meter, "event_time_window", None)
        if window:
            yield (
                f"The meter counts only the latest event of each {window}: create one without"
                " pre-aggregation."
            )
        if meter.default_aggregation.formula == "last":
            yield "The meter counts only the latest event: create one that sums them."
