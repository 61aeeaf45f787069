"""HubSpot, as far as it keeps contacts, calls and tasks."""
