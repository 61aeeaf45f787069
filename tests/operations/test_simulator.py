"""The simulated sender, over HTTP."""

import contextlib
import random
import threading
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import pytest
from django.utils import timezone

from tests.operations.receivers import SECRET, ToldReceiver
from tests.processes import find_free_port
from webhooks.models import Delivery, Event, Source
from webhooks.operations import simulator
from webhooks.operations.conversations import build_conversation
from webhooks.operations.signer import Signer
from webhooks.operations.simulator import (
    NotAcceptedError,
    Sender,
    SimulatedDelivery,
    send_conversation,
)
from webhooks.operations.sources import SCHEMES, create_source


@dataclass(frozen=True, slots=True)
class CountingSigner(Signer):
    """A sender that keeps the ids of what it has signed: one for each try."""

    signed: list[str] = field(default_factory=list)

    def sign(self, body: bytes, sent_at: datetime, delivery_id: str) -> dict[str, str]:
        """Sign, and keep the id."""
        self.signed.append(delivery_id)
        return Signer.sign(self, body, sent_at, delivery_id)


@pytest.fixture
def delivery() -> SimulatedDelivery:
    """Return the delivery of a new event."""
    return SimulatedDelivery(build_conversation(timezone.now()).events[0])


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses; how many tries there are stays as it is."""
    monkeypatch.setattr(simulator, "FIRST_PAUSE", 0.01)


def test_a_conversation_is_accepted_by_the_receiver(receiver: str) -> None:
    """Its three events are stored as they were sent."""
    sent = send_conversation(f"{receiver}/webhooks/demo/", SECRET)
    stored = Event.objects.filter(conversation_uuid=sent.conversation_uuid)
    assert {bytes(event.body or b"") for event in stored} == {event.body for event in sent.events}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_receiver_verifies_what_is_signed_by_each_scheme(receiver: str, scheme: str) -> None:
    """Signer and verifier share no code, and agree on every preset."""
    secret = create_source(
        slug="other", name="Other", scheme=scheme, allow_missing_timestamp=True
    ).value
    source = Source.objects.get(slug="other")
    send_conversation(f"{receiver}/webhooks/other/", secret, source=source)
    assert Delivery.objects.filter(source=source, outcome="accepted").count() == 3


def test_a_conversation_that_is_not_accepted_is_an_error_of_httpx(receiver: str) -> None:
    """A caller who handles what the network does handles this too."""
    with pytest.raises(NotAcceptedError, match="401 signature_mismatch") as caught:
        send_conversation(f"{receiver}/webhooks/demo/", "another-secret")
    assert isinstance(caught.value, httpx.HTTPError)
    assert SECRET not in str(caught.value)


@pytest.mark.usefixtures("_impatient")
def test_an_event_is_sent_again_after_5xx_until_it_is_taken(delivery: SimulatedDelivery) -> None:
    """The same bytes each time, as a sender does it."""
    told = ToldReceiver([503, 500, 202])
    with told.serve() as url, Sender(url, Signer(SECRET)) as sender:
        answer = sender.deliver(delivery)
    assert (answer.http_status, answer.outcome, answer.tries) == (202, "accepted", 3)
    assert told.bodies == [delivery.event.body] * 3


@pytest.mark.usefixtures("_impatient")
def test_a_receiver_that_never_takes_it_is_left_after_five_tries(
    delivery: SimulatedDelivery,
) -> None:
    """The last answer is returned, for whoever asked to judge."""
    told = ToldReceiver([503])
    with told.serve() as url, Sender(url, Signer(SECRET)) as sender:
        answer = sender.deliver(delivery)
    assert (answer.http_status, answer.tries, len(told.bodies)) == (503, 5, 5)


@pytest.mark.usefixtures("_impatient")
def test_retry_after_is_honoured(delivery: SimulatedDelivery) -> None:
    """A receiver that asks for a second gets it."""
    told = ToldReceiver([503, 202], retry_after="1")
    with told.serve() as url, Sender(url, Signer(SECRET)) as sender:
        assert sender.deliver(delivery).seconds >= 1


@pytest.mark.parametrize("status", [202, 301, 400, 401, 404])
def test_any_other_answer_is_final(delivery: SimulatedDelivery, status: int) -> None:
    """Sending it again would change nothing."""
    told = ToldReceiver([status])
    with told.serve() as url, Sender(url, Signer(SECRET)) as sender:
        assert sender.deliver(delivery).tries == 1
    assert len(told.bodies) == 1


@pytest.mark.usefixtures("_impatient")
def test_a_receiver_that_goes_away_is_tried_until_the_last_try(
    delivery: SimulatedDelivery,
) -> None:
    """One that was there may come back; in the end the network's error comes through as it is."""
    signer = CountingSigner(SECRET)
    told = ToldReceiver([202])
    with contextlib.ExitStack() as stack:
        with told.serve() as url:
            sender = stack.enter_context(Sender(url, signer))
            sender.deliver(delivery)
        with pytest.raises(httpx.TransportError):
            sender.deliver(delivery)
    assert len(signer.signed) == 1 + simulator.TRIES


def test_nobody_there_is_an_error_at_once(delivery: SimulatedDelivery) -> None:
    """What was never there is not waited for."""
    signer = CountingSigner(SECRET)
    url = f"http://127.0.0.1:{find_free_port()}/"
    with Sender(url, signer) as sender, pytest.raises(httpx.ConnectError):
        sender.deliver(delivery)
    assert len(signer.signed) == 1


def test_a_proxy_of_the_environment_is_not_asked_for_our_own_address(
    delivery: SimulatedDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent to this machine does not leave it."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{find_free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with ToldReceiver([202]).serve() as url, Sender(url, Signer(SECRET)) as sender:
        assert sender.deliver(delivery).http_status == 202


def test_all_deliveries_are_answered_whatever_the_concurrency() -> None:
    """None is lost or doubled between the threads."""
    events = [event for _ in range(20) for event in build_conversation(timezone.now()).events]
    random.Random(1).shuffle(events)  # noqa: S311 -- the same each time is what a test wants
    with ToldReceiver([202]).serve() as url, Sender(url, Signer(SECRET), 8) as sender:
        answers = list(sender.deliver_all(SimulatedDelivery(event) for event in events))
    assert sorted(answer.delivery.event.event_id for answer in answers) == sorted(
        event.event_id for event in events
    )


def test_whoever_asks_for_no_more_answers_ends_the_sending() -> None:
    """A long list of deliveries is read little by little, and no further than that."""
    read = []

    def deliveries() -> "object":
        for _ in range(1000):
            read.append(1)
            yield SimulatedDelivery(build_conversation(timezone.now()).events[0])

    told = ToldReceiver([202])
    with told.serve() as url, Sender(url, Signer(SECRET), 2) as sender:
        answers = sender.deliver_all(deliveries())  # type: ignore[arg-type]
        next(answers)
        answers.close()
        names = [thread.name for thread in threading.enumerate()]
    assert len(read) <= 6
    assert not [name for name in names if name.startswith("sender")]
