"""Which addresses a vendor's key may be sent to."""

import pytest
from pytest_django import Settings

from integrations.checks import check_integrations
from integrations.http.base_urls import check_base_url

MEMORY = {"BACKEND": "integrations.memory.MemoryBackend"}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.vendor.example",
        "https://vendor.example:8443/eu/",
        "HTTPS://10.0.0.7",
        "http://127.0.0.1:8801",
        "http://127.9.9.9",
        "http://[::1]:8801",
        "http://localhost:8801",
        "http://LOCALHOST",
    ],
)
def test_address_with_tls_or_of_this_machine_is_taken(url: str) -> None:
    """Real vendors, and the ones that tests run."""
    check_base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret.example",
        "//secret.example",
        "ftp://secret.example",
        "https://",
        "https://secret.example:port",
        "https://user@secret.example",
        "https://user:word@secret.example",
        "https://secret.example?key=1",
        "https://secret.example/?",
        "https://secret.example#part",
        "https://secret.example/#",
        "http://secret.example",
        "http://10.0.0.7/secret",
        "http://localhost.secret.example",
        "http://127.0.0.1.secret.example",
        "http://127.0.0.1@secret.example",
        "http://0.0.0.0/secret",
    ],
)
def test_other_address_is_refused_without_being_quoted(url: str) -> None:
    """A key would be readable on its way, or a path would become part of a query."""
    with pytest.raises(ValueError, match="BASE_URL") as caught:
        check_base_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("alias", "backend", "options"),
    [
        ("crm", "integrations.crm.hubspot.HubSpotCRM", {"ACCESS_TOKEN": "key"}),
        ("tasks", "integrations.tasks.hubspot.HubSpotTasks", {"ACCESS_TOKEN": "key"}),
        ("tasks", "integrations.tasks.linear.LinearTasks", {"API_KEY": "key", "TEAM_ID": "ENG"}),
        (
            "tickets",
            "integrations.tickets.zendesk.ZendeskTickets",
            {"EMAIL": "agent@example.com", "API_TOKEN": "key"},
        ),
        (
            "usage",
            "integrations.usage.stripe.StripeUsage",
            {"API_KEY": "sk_test_key", "EVENT_NAME": "seconds"},
        ),
    ],
)
def test_start_is_refused_for_every_vendor(
    settings: Settings, alias: str, backend: str, options: dict[str, str]
) -> None:
    """Each vendor's options ask, and `manage.py check` says so."""
    options |= {"BASE_URL": "http://secret.example"}
    bound = {"BACKEND": backend, "OPTIONS": options}
    settings.INTEGRATIONS = dict.fromkeys(("crm", "tickets", "usage", "tasks"), MEMORY) | {
        alias: bound
    }
    (message,) = check_integrations(app_configs=None)
    assert message.id == "integrations.E010"
    assert "BASE_URL is not an https:// address" in message.msg
    assert "secret" not in message.msg
