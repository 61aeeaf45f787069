"""The pages on integrations, whichever vendor they are bound to."""

from integrations.admin import budgets, stripe

__all__ = ["budgets", "stripe"]
