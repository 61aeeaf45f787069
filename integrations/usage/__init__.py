"""Usage: the seconds of a conversation, recorded for billing once."""
