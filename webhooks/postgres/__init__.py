"""Django's Postgres engine, with a limit on how long the client waits for an answer."""
