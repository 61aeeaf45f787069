"""Tests of `webhooks.processing`: from the recorded event to the effect that is applied once."""
