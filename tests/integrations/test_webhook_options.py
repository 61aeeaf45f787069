"""What `OPTIONS` of the webhook backends may be."""

from base64 import b64encode
from typing import Any

import pytest

from integrations.checks import check_integrations
from tests.fakes.webhook import SECRET

SECURE = {"URL": "https://hooks.example.com/switchboard", "SECRET": SECRET}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"URL": "http://hooks.example.com/"}, "URL is not an https:// address; set ALLOW_HTTP"),
    ({"URL": "hooks.example.com"}, "URL is not an https:// address"),
    ({"URL": "https://canary:canary@hooks.example.com/"}, "URL is not an https:// address"),
    ({"URL": "ftp://hooks.example.com/", "ALLOW_HTTP": True}, "URL is not an https:// address"),
    ({"URL": "https://10.0.0.1/canary"}, "ALLOW_PRIVATE_ADDRESSES"),
    ({"URL": "https://[::1]/canary"}, "ALLOW_PRIVATE_ADDRESSES"),
    ({"URL": "https://[::ffff:10.0.0.1]/canary"}, "ALLOW_PRIVATE_ADDRESSES"),
    ({"SECRET": ""}, "SECRET is not"),
    ({"SECRET": "canary"}, "SECRET is not"),
    ({"SECRET": "whsec_"}, "SECRET is not"),
    ({"SECRET": "whsec_Y2FuYXJ5"}, "SECRET is not"),
    ({"SECRET": "whsec_canary!canary!canary!canary!canary!"}, "SECRET is not"),
    ({"SECRET": SECRET + "\n"}, "SECRET is not"),
    ({"TOKEN": "canary"}, "TOKEN"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_wrong_option_stops_the_start(changes: dict[str, Any], said: str, settings: Any) -> None:
    """`manage.py check` names the option and shows no value."""
    settings.INTEGRATIONS = settings.INTEGRATIONS | {
        "tickets": {
            "BACKEND": "integrations.tickets.webhook.WebhookTickets",
            "OPTIONS": SECURE | changes,
        }
    }
    (message,) = check_integrations(app_configs=None)
    assert message.id == "integrations.E010"
    assert said in message.msg
    assert "canary" not in message.msg
    assert SECRET not in message.msg


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"URL": "https://hooks.example.com:8443/a/?b=c"},
        {"URL": "https://8.8.8.8/"},
        {"URL": "http://hooks.example.com/", "ALLOW_HTTP": True},
        {"URL": "https://10.0.0.1/", "ALLOW_PRIVATE_ADDRESSES": True},
        {"SECRET": "whsec_" + b64encode(b"x" * 25).decode().rstrip("=")},
    ],
)
def test_right_options_pass(changes: dict[str, Any], settings: Any) -> None:
    """And nobody is called to find out."""
    settings.INTEGRATIONS = settings.INTEGRATIONS | {
        "tickets": {
            "BACKEND": "integrations.tickets.webhook.WebhookTickets",
            "OPTIONS": SECURE | changes,
        }
    }
    assert check_integrations(app_configs=None) == []
