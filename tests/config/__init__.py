"""Tests of how Switchboard is set up and started."""
