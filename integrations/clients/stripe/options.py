"""What every backend that calls Stripe takes as `OPTIONS`."""

import re
from typing import ClassVar

from integrations.http.base_urls import check_base_url
from integrations.options import Options
from integrations.rates import Rate

BASE_URL = "https://api.stripe.com"
KEY = re.compile(r"(sk|rk)_(org_)?(?P<mode>live|test)_[A-Za-z0-9_]+")


class StripeOptions(Options, frozen=True, kw_only=True):
    """What every backend that calls Stripe takes.

    Live mode takes 1,000 meter events a second and one at a time of a customer's for a meter,
    with 25 requests a second to any other endpoint; a sandbox takes 25 requests a second in all
    ("Record usage for billing with the API" and "Rate limits",
    https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api,
    https://docs.stripe.com/rate-limits).
    """

    default_rate: ClassVar[str] = "1000/s"
    sandbox_rate: ClassVar[str] = "25/s"
    # Two at once may be of one customer, and all are where one organization pays for everything.
    default_concurrency: ClassVar[int | None] = 1

    api_key: str
    base_url: str = BASE_URL

    def __post_init__(self) -> None:
        """Refuse an address that no key may go to, and what is no key: a publishable one."""
        check_base_url(self.base_url)
        if not KEY.fullmatch(self.api_key):
            raise ValueError("API_KEY is not a secret or restricted key of Stripe's (sk_… or rk_…)")

    @property
    def is_live(self) -> bool:
        """Whether the key is one of the live mode."""
        match = KEY.fullmatch(self.api_key)
        return match is not None and match["mode"] == "live"

    def read_rate(self) -> Rate | None:
        """Return the rate to keep to: a sandbox's is lower where the setting names none."""
        if self.rate is None and not self.is_live:
            return Rate.parse(self.sandbox_rate)
        return super().read_rate()
