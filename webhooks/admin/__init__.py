"""The Django admin: operations staff's view of deliveries, events, conversations and effects."""
