"""The HTTP API over what is stored."""
