"""`INTEGRATIONS` binds backends from the environment, with keys from where secrets are kept."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings.integrations import LEDGER, read_integrations

HUBSPOT = '{"crm": {"BACKEND": "x.HubSpot", "OPTIONS": {"KEYS": ["env:HUBSPOT_KEY"], "N": 1}}}'


def test_without_the_variable_the_ledger_is_everything() -> None:
    """`make run` needs no account anywhere."""
    assert read_integrations() == LEDGER


def test_named_alias_is_bound_and_the_others_keep_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One vendor can be switched on by itself; its key is another variable's value."""
    monkeypatch.setenv("INTEGRATIONS", HUBSPOT)
    monkeypatch.setenv("HUBSPOT_KEY", "k")
    assert read_integrations() == LEDGER | {
        "crm": {"BACKEND": "x.HubSpot", "OPTIONS": {"KEYS": ["k"], "N": 1}}
    }


@pytest.mark.parametrize(
    ("value", "named"),
    [("{", "not JSON"), ("[]", "JSON object"), (HUBSPOT, "HUBSPOT_KEY")],
)
def test_mistake_stops_the_start_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, value: str, named: str
) -> None:
    """What cannot be read, and a key that is not there, are named."""
    monkeypatch.setenv("INTEGRATIONS", value)
    monkeypatch.delenv("HUBSPOT_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match=named):
        read_integrations()
