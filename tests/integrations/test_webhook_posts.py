"""What the webhook backends send, and what they make of each refusal."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import time_machine

from integrations.base import Alias, Request
from integrations.clients.webhook import WebhookBackend
from integrations.crm.webhook import WebhookCRM
from integrations.exceptions import AccessDenied, TemporaryFailure
from integrations.http.keys import make_header_key
from integrations.tasks.webhook import WebhookTasks
from integrations.tickets.webhook import WebhookTickets
from integrations.usage.webhook import WebhookUsage
from tests.contracts.requests import (
    make_contact_update,
    make_follow_up,
    make_ticket_request,
    make_usage_record,
)
from tests.fakes.webhook import FakeWebhook
from tests.integrations.webhook_service import make_options

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> Iterator[FakeWebhook]:
    """Give a test a service."""
    with FakeWebhook() as running:
        yield running


BACKENDS: list[tuple[type[WebhookBackend[Any]], Alias, Callable[..., Request], str]] = [
    (WebhookCRM, "crm", make_contact_update, "crm.contact_update"),
    (WebhookTickets, "tickets", make_ticket_request, "tickets.ticket_request"),
    (WebhookUsage, "usage", make_usage_record, "usage.usage_record"),
    (WebhookTasks, "tasks", make_follow_up, "tasks.follow_up"),
]


@pytest.mark.parametrize(("backend_class", "alias", "make", "kind"), BACKENDS)
def test_post_is_a_standard_webhook(
    service: FakeWebhook,
    backend_class: type[WebhookBackend[Any]],
    alias: Alias,
    make: Callable[..., Request],
    kind: str,
) -> None:
    """Its headers and its body are what the specification and our documentation say."""
    request = make()
    backend = backend_class(alias, make_options(service.url))
    backend.apply(request)
    (call,) = service.calls
    assert (call.method, call.path, call.query) == ("POST", "/hooks", {})
    assert call.headers["content-type"] == "application/json"
    assert "." not in call.headers["webhook-id"]
    assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 60
    assert call.headers["webhook-signature"].startswith("v1,")
    assert call.headers["idempotency-key"].startswith(request.idempotency_key)
    body = call.read_json()
    assert call.body == msgspec.json.encode(backend.preview(request))
    assert list(body) == ["type", "timestamp", "data"]
    assert (body["type"], body["timestamp"]) == (kind, "2026-03-04T09:30:00Z")
    assert type(request).from_json(body["data"]) == request


@pytest.mark.parametrize(("backend_class", "alias", "make", "kind"), BACKENDS)
def test_every_attempt_sends_the_same_bytes_under_the_same_key(
    service: FakeWebhook,
    backend_class: type[WebhookBackend[Any]],
    alias: Alias,
    make: Callable[..., Request],
    kind: str,
) -> None:
    """Only the signature and its time are new, whatever process sends, from whatever copy."""
    request = make()
    backend_class(alias, make_options(service.url)).apply(request)
    with time_machine.travel(timedelta(seconds=100)):
        again = type(request).from_json(json.loads(json.dumps(request.to_json())))
        backend_class(alias, make_options(service.url)).apply(again)
    first, second = service.calls
    assert first.body == second.body
    for name in ("webhook-id", "idempotency-key"):
        assert first.headers[name] == second.headers[name]
    for name in ("webhook-timestamp", "webhook-signature"):
        assert first.headers[name] != second.headers[name]
    assert kind in first.body.decode()


def test_later_try_of_an_update_with_more_to_say_has_another_key(service: FakeWebhook) -> None:
    """A service that knows the first version's key does not take the second for a repetition."""
    crm = WebhookCRM("crm", make_options(service.url))
    results = [
        crm.apply(make_contact_update(version=version, summary=f"Summary {version}"))
        for version in (1, 2)
    ]
    assert results[0] == results[1]
    assert len({call.headers["idempotency-key"] for call in service.calls}) == 2
    (held,) = service.records.values()
    assert held["conversation"]["summary"] == "Summary 2"


@pytest.mark.parametrize("key", ["key with spaces", "schlüssel", "k" * 300, "a.b.1700000000"])
def test_any_key_makes_headers(service: FakeWebhook, key: str) -> None:
    """What no header can carry goes as its digest; the id never has a full stop in it."""
    WebhookTickets("tickets", make_options(service.url)).apply(
        make_ticket_request(idempotency_key=key)
    )
    (call,) = service.calls
    assert call.headers["idempotency-key"] == make_header_key(key)
    assert "." not in call.headers["webhook-id"]


def test_wrong_secret_opens_the_circuit(service: FakeWebhook) -> None:
    """A service that rejects the signature rejects every effect's."""
    service.secret = "whsec_" + b64encode(b"another secret than ours").decode()
    with pytest.raises(AccessDenied, match="denied access with status 401"):
        WebhookTickets("tickets", make_options(service.url)).apply(make_ticket_request())
    assert service.records == {}


@pytest.mark.parametrize("status", [404, 405, 410])
def test_nothing_at_the_address_can_be_mended(service: FakeWebhook, status: int) -> None:
    """While a service is being deployed effects wait, instead of failing for good."""
    service.fail(status)
    with pytest.raises(TemporaryFailure, match=rf"status {status}\): check URL"):
        WebhookTickets("tickets", make_options(service.url)).apply(make_ticket_request())


def test_conflict_is_tried_again(service: FakeWebhook) -> None:
    """409 says that the first request is under way still, not that it succeeded."""
    service.fail(409)
    with pytest.raises(TemporaryFailure, match="still at work"):
        WebhookTickets("tickets", make_options(service.url)).apply(make_ticket_request())


def test_private_address_is_refused_by_default() -> None:
    """A name that leads to one's own network is found out when it is called, and not before."""
    with FakeWebhook() as service:
        port = service.url.rpartition(":")[2]
        options = make_options(f"http://localhost:{port}", ALLOW_PRIVATE_ADDRESSES=False)
        backend = WebhookTickets("tickets", options)
        for call in (lambda: backend.apply(make_ticket_request()), backend.diagnose):
            with pytest.raises(AccessDenied, match="public internet") as caught:
                call()
            assert str(caught.value) == (
                "The address of the webhook's service is not one of the public internet, which is"
                " all that the settings allow without ALLOW_PRIVATE_ADDRESSES."
            )
        assert service.log == []


@pytest.mark.parametrize(
    ("status", "count"), [(404, 1), (410, 1), (405, 0), (501, 0), (400, 0), (204, 0)]
)
def test_diagnosis_tells_a_wrong_address_from_one_that_takes_only_posts(
    service: FakeWebhook, status: int, count: int
) -> None:
    """It asks with OPTIONS, which a service of this kind may well refuse."""
    service.fail(status)
    assert len(WebhookTickets("tickets", make_options(service.url)).diagnose()) == count
    assert [entry.method for entry in service.log] == ["OPTIONS"]


def test_diagnosis_fails_where_the_service_does(service: FakeWebhook) -> None:
    """Down, or redirecting: the sentence is the failure's."""
    backend = WebhookTickets("tickets", make_options(service.url))
    service.fail(503)
    with pytest.raises(TemporaryFailure, match="failed with status 503"):
        backend.diagnose()
    service.redirect()
    with pytest.raises(TemporaryFailure, match="check the address in the settings"):
        backend.diagnose()
