"""Tickets: a request for people's attention, opened once."""
