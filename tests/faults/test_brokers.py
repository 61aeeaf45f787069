"""Whether a broker can be run here is known before anything is started."""

import pytest

from tests.faults.servers.brokers import BROKERS, find_missing


def test_broker_that_is_not_installed_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The default lies in Postgres, and is always there."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_missing("pgmq") == ""
    assert "Debian package redis-server" in find_missing("redis")
    assert set(BROKERS) == {"pgmq", "redis", "rabbitmq"}
