"""The admin, as the people who use it see it."""
