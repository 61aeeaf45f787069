"""Commands about integrations."""
