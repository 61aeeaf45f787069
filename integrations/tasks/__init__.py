"""Tasks: the follow-ups that a conversation's analysis asks people for."""
