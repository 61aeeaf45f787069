"""The ledger's pages: staff look things up and tick work off; the rest is written by effects."""

from integrations.ledger.admin import contacts, usage, work

__all__ = ["contacts", "usage", "work"]
