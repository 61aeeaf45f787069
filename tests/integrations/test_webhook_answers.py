"""What the webhook backends make of what a service says back, which may be anything."""

import pytest

from integrations.base import Result
from integrations.clients.webhook import make_message_id
from integrations.crm.webhook import WebhookCRM
from integrations.tasks.webhook import WebhookTasks
from tests.contracts.requests import make_contact_update, make_follow_up
from tests.fakes.server import Call, FakeServer, Reply
from tests.integrations.webhook_service import make_options

pytestmark = pytest.mark.django_db

ANSWERS: list[tuple[bytes, Result]] = [
    (b'{"id": "r-1", "url": "https://a.example/r/1"}', Result("r-1", "https://a.example/r/1")),
    (b'{"id": 17}', Result("17")),
    (b'{"id": "r-1", "url": "javascript:alert(1)"}', Result("r-1")),
    (b'{"id": "r-1", "url": "/r/1"}', Result("r-1")),
    (b'{"id": "r-1", "url": "https://me:key@a.example/"}', Result("r-1")),
    (b'{"id": "r-1", "url": 5}', Result("r-1")),
    (b'{"id": "r-1", "url": "https://a.example/' + b"x" * 500 + b'"}', Result("r-1")),
    (b'{"id": "a\\u0000b"}', Result("a\ufffdb")),
]
UNNAMED = [
    b"",
    b"ok",
    b"[]",
    b"null",
    b'"r-1"',
    b'{"id": ""}',
    b'{"id": null}',
    b'{"id": true}',
    b'{"id": {"x": 1}}',
    b'{"id": "' + b"x" * 256 + b'"}',
    b'{"id": ' + b"1" * 300 + b"}",
]


class Saying(FakeServer):
    """Answers everything with the same bytes."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said = said

    def handle(self, call: Call) -> Reply:  # noqa: ARG002 -- whatever it is
        """Say it."""
        return Reply(body=self.said)


@pytest.mark.parametrize(("said", "result"), ANSWERS)
def test_answer_may_name_the_record(said: bytes, result: Result) -> None:
    """An id that fits is kept, and a link only where it is one that people can follow safely."""
    with Saying(said) as service:
        applied = WebhookTasks("tasks", make_options(service.url)).apply(make_follow_up())
    assert applied == result


@pytest.mark.parametrize("said", UNNAMED)
def test_answer_need_not_name_the_record(said: bytes) -> None:
    """Whatever else a service says, the record is called by the webhook's id."""
    with Saying(said) as service:
        applied = WebhookTasks("tasks", make_options(service.url)).apply(make_follow_up())
        update = WebhookCRM("crm", make_options(service.url)).apply(make_contact_update())
    assert applied == Result(make_message_id(make_follow_up().idempotency_key))
    assert update == Result("c-1")
