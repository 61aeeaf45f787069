"""What browsers are told to refuse."""

import pytest
from django.test import Client

from tests.access.people import open_browser

pytestmark = pytest.mark.django_db

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def read_policy(client: Client, path: str) -> dict[str, list[str]]:
    """Return the content security policy of the answer, by directive."""
    policy = client.get(path)["Content-Security-Policy"]
    parts = [part.split() for part in policy.split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/nowhere/", "/api/nowhere/"])
def test_people_are_answered_with_strict_headers(path: str) -> None:
    """Also where the answer is an error."""
    answer = open_browser("viewer").get(path)
    assert {name: answer[name] for name in EVERYWHERE} == EVERYWHERE
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Content-Security-Policy"]


def test_page_runs_no_script_but_our_files() -> None:
    """No inline script, no other host; what is not named is not allowed."""
    policy = read_policy(open_browser("viewer"), "/admin/")
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == policy["connect-src"] == policy["font-src"] == ["'self'"]
    assert not any("http" in value for values in policy.values() for value in values)
    assert "'unsafe-inline'" not in policy["style-src"]


@pytest.mark.parametrize(
    "path", ["/api/v1/events/", "/api/nowhere/", "/webhooks/none/", "/healthz"]
)
def test_programs_are_answered_with_nothing_allowed(client: Client, path: str) -> None:
    """Should a browser take the answer for a page, nothing in it runs."""
    answer = client.get(path)
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert answer["Content-Security-Policy"] == policy
    assert answer["X-Content-Type-Options"] == "nosniff"
