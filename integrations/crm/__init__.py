"""CRM: the contact that took part in a conversation, and what became of the call."""
