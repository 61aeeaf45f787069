"""Vendors played over real HTTP, so that tests and runs need no account."""
