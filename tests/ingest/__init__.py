"""Tests of `webhooks.ingest`."""
