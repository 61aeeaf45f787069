"""What there is to see: a morning's conversations, taken in through the door and processed."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.conf import global_settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings
from django.utils import timezone

from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.memory import MemoryBackend
from integrations.registry import get_backend
from tests.browser.morning import be_busy
from tests.factories import EventFactory, SigningSecretFactory
from tests.workers import process_all, run_due
from webhooks.models import Conversation, Effect, Event
from webhooks.operations.conversations import SAMPLE, Shape, build_conversation
from webhooks.operations.signer import Signer
from webhooks.operations.simulator import Sender, SimulatedDelivery

Result = TypeVar("Result")

PASSWORD = "only-for-the-browser"
SECRET = "the-secret-that-the-sender-shows"

RECEIVERS_HASHERS = global_settings.PASSWORD_HASHERS
"""The receiver does not know the tests' quick hash."""

SHAPES = (
    Shape(),
    Shape(status="failed"),
    Shape(status="failed"),
    Shape(status="transferred"),
    Shape(follow_ups=2),
    SAMPLE,
)
"""The conversations, the last one being what the tests look at."""

HELP_DESK = {"BACKEND": "integrations.memory.MemoryBackend"}
LEDGER = "integrations.{}.ledger.Ledger{}"
WITH_HELP_DESK = {
    "crm": {"BACKEND": LEDGER.format("crm", "CRM")},
    "tickets": HELP_DESK,
    "usage": {"BACKEND": LEDGER.format("usage", "Usage")},
    "tasks": {"BACKEND": LEDGER.format("tasks", "Tasks")},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the admin is, and which conversation the tests look at."""

    url: str
    conversation_pk: int
    conversation_uuid: str
    phone_number: str
    ended_pk: int
    dead_pk: int
    closing_pk: int
    """Another event that was given up, for who closes one."""


def play_scene(url: str) -> Scene:
    """Send conversations to the receiver at `url` and process them, with some trouble on the way.

    The help desk is down when the last conversation's ticket is due, and takes it later; it
    refuses those of two conversations before. Some deliveries come twice, late or forged, and
    two events were given up.
    """
    with override_settings(PASSWORD_HASHERS=RECEIVERS_HASHERS):
        User.objects.create_superuser("ada", password=PASSWORD)
        viewer = User.objects.create_user("grace", password=PASSWORD, is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    source = SigningSecretFactory.create(
        source__slug="demo", source__name="Demo", value=SECRET
    ).source
    chance = random.Random(7)  # noqa: S311 -- nothing to guess here
    with override_settings(INTEGRATIONS=WITH_HELP_DESK):
        help_desk = get_backend("tickets")
        assert isinstance(help_desk, MemoryBackend)
        help_desk.fail_next(
            PermanentFailure("The help desk has no queue for this."),
            PermanentFailure("The help desk has no queue for this."),
            TemporaryFailure("The help desk answered 503.", retry_after=timedelta(0)),
            TemporaryFailure("The help desk did not answer within 10 s."),
        )
        with Sender(f"{url}/webhooks/{source.slug}/", Signer(SECRET, source)) as sender:
            for shape in SHAPES:
                conversation = build_conversation(timezone.now(), shape, chance)
                for event in conversation.events:
                    assert sender.deliver(SimulatedDelivery(event)).http_status == 202
                    process(event.event_id)
            started, ended, _ = conversation.events
            for delivery, status in (
                (SimulatedDelivery(ended), 200),
                (SimulatedDelivery(started, is_tampered=True), 401),
                (SimulatedDelivery(ended, age=timedelta(hours=1)), 401),
            ):
                assert sender.deliver(delivery).http_status == status
        run_what_waits()
        run_what_waits()
    be_busy(source)
    dead, closing = EventFactory.create_batch(
        2, source=source, status="dead", error="KeyError", attempts=16
    )
    stored = Conversation.objects.get(conversation_uuid=conversation.conversation_uuid)
    return Scene(
        url=url,
        conversation_pk=stored.pk,
        conversation_uuid=stored.conversation_uuid,
        phone_number=stored.other_party,
        ended_pk=Event.objects.get(event_id=ended.event_id).pk,
        dead_pk=dead.pk,
        closing_pk=closing.pk,
    )


def process(event_id: str) -> None:
    """Do at once what Celery's workers would do soon."""
    process_all([Event.objects.get(event_id=event_id)])


def run_what_waits() -> None:
    """Run the effects that are to be tried again, without waiting for their time."""
    Effect.objects.filter(state=Effect.State.PENDING).update(due_at=Now())
    run_due()


def in_django(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, which asks the database.

    Not in the browser's thread, which Django takes for an event loop.
    """

    def ask() -> Result:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(ask).result()
