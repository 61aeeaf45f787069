"""Stripe's own package, with our HTTP layer in the place of its own.

What the package would add of itself stays here: its telemetry, its retries, its log, and the
`Idempotency-Key` that it makes up for every POST. Stripe would replay a stored 500 for such a key
("Idempotent requests", https://docs.stripe.com/api/idempotent_requests); a meter event has its
identifier instead.
"""

import logging

import stripe

stripe.enable_telemetry = False
# The package logs requests, and answers with their messages, as far as DEBUG and INFO let it; and
# prints them, where the variable STRIPE_LOG says so.
logging.getLogger("stripe").setLevel(logging.WARNING)
stripe._util.STRIPE_LOG = None  # noqa: SLF001 -- there is no other way to make it deaf
