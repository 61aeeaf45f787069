"""The servers that the product stands on, each with what can happen to it."""
