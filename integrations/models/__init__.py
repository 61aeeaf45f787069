"""What integrations need to remember, beside the ledger's records."""

from integrations.models.budget import Budget
from integrations.models.stripe_customer import StripeCustomer
from integrations.models.stripe_meter_event import StripeMeterEvent

__all__ = ["Budget", "StripeCustomer", "StripeMeterEvent"]
