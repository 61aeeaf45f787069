"""Pages on what one vendor alone has; those on all integrations are in `webhooks.admin`."""

from integrations.admin import stripe

__all__ = ["stripe"]
