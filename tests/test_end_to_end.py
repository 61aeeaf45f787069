"""The whole way in processes of its own: gunicorn, a Celery worker, beat, Postgres, a broker."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from django.db.models import Count

from integrations.budget import pause, resume
from integrations.ledger.models import LedgerActivity, LedgerTicket, LedgerUsageRecord
from tests.operations.stored import store_conversation
from tests.processes import (
    RunningProcess,
    start_beat,
    start_process,
    start_receiver,
    start_worker,
)
from tests.processing.servers import run_rabbitmq, run_redis
from tests.signing import sign_as_sender
from tests.workers import process_event
from webhooks.models import Attempt, Conversation, Delivery, Effect, Event, Source
from webhooks.operations.conversations import SAMPLE, Shape, build_conversation, draw_shape

SECRET = "a-secret-that-is-Xylophonic"
CONVERSATIONS = 25
WAIT_SECONDS = 60.0
TROUBLED = "tests.processing.troubled_settings"


@pytest.fixture
def database_url(own_database: str) -> str:
    """Return the address of a database with the source `demo`."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    return own_database


def post_all(url: str, bodies: Sequence[bytes]) -> Counter[int]:
    """Deliver the bodies, eight at a time; return how often each status was answered."""

    def post(body: bytes) -> int:
        answer = client.post(
            f"{url}/webhooks/demo/", content=body, headers=sign_as_sender(body, SECRET)
        )
        return answer.status_code

    with httpx.Client(timeout=30) as client, ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(post, bodies))


def tell_bodies(count: int, shape: Shape) -> list[bytes]:
    """Return the bodies of so many conversations' events."""
    told = [build_conversation(datetime.now(UTC), shape) for _ in range(count)]
    return [event.body for conversation in told for event in conversation.events]


def wait_until(
    holds: Callable[[], bool], *processes: RunningProcess, seconds: float = WAIT_SECONDS
) -> None:
    """Return once it holds; fail with the processes' logs if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            logs = [f"{process.name}:\n{process.read_log()[-4000:]}" for process in processes]
            pytest.fail("\n".join([*describe_rows(), *logs]))
        time.sleep(0.1)


def describe_rows() -> list[str]:
    """Return a line for every event and effect: who did not get there, and where it stands."""
    events = Event.objects.order_by("pk").values_list("pk", "event_type", "status", "due_at")
    columns = ("event_id", "integration", "state", "reason", "attempts_made", "due_at")
    effects = Effect.objects.order_by("pk").values_list("pk", *columns)
    return [" ".join(map(str, row)) for row in (*events, *effects)]


def all_is_done() -> bool:
    """Tell whether every event is processed and every effect has succeeded."""
    return (
        not Event.objects.exclude(status="processed").exists()
        and not Effect.objects.exclude(state="succeeded").exists()
    )


def test_conversations_in_any_order_end_with_exactly_what_is_owed(database_url: str) -> None:
    """Shuffled, a third of them twice: not one effect more or less than the routes ask for."""
    chance = random.Random(7)  # noqa: S311 -- only to be repeatable
    now = datetime.now(UTC)
    told = [build_conversation(now, draw_shape(chance), chance) for _ in range(CONVERSATIONS)]
    bodies = [event.body for conversation in told for event in conversation.events]
    deliveries = bodies + chance.sample(bodies, len(bodies) // 3)
    chance.shuffle(deliveries)
    with (
        start_receiver(database_url) as receiver,
        start_worker(database_url) as worker,
        start_beat(database_url) as beat,
    ):
        answered = post_all(receiver.url, deliveries)
        assert answered == {202: len(bodies), 200: len(bodies) // 3}
        wait_until(all_is_done, worker, beat)
    owed: Counter[str] = Counter()
    for conversation in told:
        owed.update(conversation.shape.count_owed())
    states = Effect.objects.values_list("integration").annotate(Count("pk"))
    assert dict(states) == {kind: count for kind, count in owed.items() if count}
    assert Event.objects.count() == len(bodies)
    assert Conversation.objects.count() == CONVERSATIONS
    assert Delivery.objects.filter(outcome="duplicate").count() == len(bodies) // 3
    assert LedgerUsageRecord.objects.count() == LedgerActivity.objects.count() == CONVERSATIONS
    for conversation in told:
        end = json.loads(conversation.events[1].body)["data"]
        name = conversation.conversation_uuid
        assert (
            LedgerUsageRecord.objects.get(conversation_uuid=name).seconds
            == (end["duration_seconds"])
        )
        assert LedgerActivity.objects.get(conversation_uuid=name).status == end["status"]


@pytest.mark.parametrize("broker", ["postgres", "redis", "rabbitmq"])
def test_hints_alone_have_everything_done_on_every_broker(database_url: str, broker: str) -> None:
    """Without beat, hence without a sweep, messages from receiver and worker are enough."""
    with ExitStack() as stack:
        variables = {}
        if broker != "postgres":
            run = run_redis if broker == "redis" else run_rabbitmq
            variables = {"CELERY_BROKER_URL": stack.enter_context(run())}
        receiver = stack.enter_context(start_receiver(database_url, **variables))
        worker = stack.enter_context(start_worker(database_url, **variables))
        told = build_conversation(datetime.now(UTC), Shape("failed", 1, 2))
        assert post_all(receiver.url, [event.body for event in told.events]) == {202: 3}
        wait_until(lambda: Effect.objects.count() == 8 and all_is_done(), worker, receiver)
    assert set(Effect.objects.values_list("attempts_made", flat=True)) == {1}


def test_a_vendor_that_hangs_holds_up_nobody_else(database_url: str, tmp_path: Path) -> None:
    """With the Procfile's workers, all but the effects of that vendor are done meanwhile."""
    troubled = {
        "DJANGO_SETTINGS_MODULE": TROUBLED,
        "TROUBLE": "UsageHangs",
        "TROUBLE_MARK": str(tmp_path / "mark"),
        "WORKER_CONCURRENCY": "1",
    }
    chance = random.Random(3)  # noqa: S311 -- only to be repeatable
    told = [build_conversation(datetime.now(UTC), Shape("failed", 1, 1), chance) for _ in range(5)]
    with ExitStack() as stack:
        receiver = stack.enter_context(start_receiver(database_url))
        stack.enter_context(start_beat(database_url))
        workers = [
            stack.enter_context(start_process(name, database_url, troubled))
            for name in ("events", "crm", "tickets", "usage", "tasks", "sweep")
        ]
        post_all(receiver.url, [event.body for event in told[0].events])
        wait_until((tmp_path / "mark").exists, *workers)
        post_all(receiver.url, [event.body for later in told[1:] for event in later.events])
        others = Effect.objects.exclude(integration="usage")
        wait_until(lambda: others.filter(state="succeeded").count() == 5 * 6, receiver, *workers)
        assert not Event.objects.exclude(status="processed").exists()
        assert not Effect.objects.filter(integration="usage", state="succeeded").exists()
        for worker in workers:
            worker.kill()


def test_worker_that_is_killed_in_the_middle_has_its_effect_run_again(
    database_url: str, tmp_path: Path
) -> None:
    """SIGKILL after the vendor wrote and before we did: run again, billed once, the rest done."""
    mark = tmp_path / "mark"
    troubled = {
        "DJANGO_SETTINGS_MODULE": TROUBLED,
        "TROUBLE": "HangsAfterwards",
        "TROUBLE_MARK": str(mark),
    }
    with start_receiver(database_url) as receiver, start_beat(database_url) as beat:
        with start_worker(database_url, "--concurrency", "1", **troubled) as worker:
            post_all(receiver.url, tell_bodies(3, Shape("failed")))
            wait_until(mark.exists, worker)
            worker.kill()
        usage = Effect.objects.get(integration="usage", state="running")
        assert LedgerUsageRecord.objects.count() == 1
        with start_worker(database_url, **troubled) as worker:
            wait_until(lambda: Effect.objects.count() == 3 * 5 and all_is_done(), worker, beat)
    attempts = Attempt.objects.filter(effect=usage).order_by("number")
    assert list(attempts.values_list("number", "outcome")) == [(1, "lost"), (2, "succeeded")]
    assert LedgerUsageRecord.objects.count() == 3
    assert LedgerTicket.objects.count() == 3


def test_what_the_broker_lost_is_found_by_the_sweep(database_url: str) -> None:
    """With the broker dead while events come in, nothing but time is lost."""
    with start_receiver(database_url, CELERY_BROKER_URL="redis://127.0.0.1:1/0") as receiver:
        assert post_all(receiver.url, tell_bodies(3, SAMPLE)) == {202: 9}
    assert not Event.objects.exclude(status="pending").exists()
    with start_worker(database_url) as worker, start_beat(database_url) as beat:
        wait_until(lambda: Effect.objects.count() == 18 and all_is_done(), worker, beat)


def test_hints_that_are_lost_entirely_are_made_good_by_the_sweep(database_url: str) -> None:
    """Effects of which no worker was ever told are done all the same."""
    for event in store_conversation(Shape("failed", 1, 1)):
        process_event(event.pk)  # and nobody hands on what it has planned
    with start_worker(database_url) as worker, start_beat(database_url) as beat:
        wait_until(lambda: Effect.objects.count() == 7 and all_is_done(), worker, beat)
    assert set(Effect.objects.values_list("attempts_made", flat=True)) == {1}


def test_paused_integration_waits_while_the_others_go_on(database_url: str) -> None:
    """Nothing of it is begun until somebody resumes, and then all is done at the first attempt."""
    pause("crm", "Ada", "It is being moved.")
    with (
        start_receiver(database_url) as receiver,
        start_worker(database_url) as worker,
        start_beat(database_url) as beat,
    ):
        post_all(receiver.url, tell_bodies(3, Shape("failed", 1, 1)))
        others = Effect.objects.exclude(integration="crm").filter(state="succeeded")
        wait_until(lambda: others.count() == 3 * 4, worker, beat)
        assert not Attempt.objects.filter(effect__integration="crm").exists()
        resume("crm", "Ada")
        wait_until(lambda: Effect.objects.count() == 3 * 7 and all_is_done(), worker, beat)
    assert set(Effect.objects.values_list("attempts_made", flat=True)) == {1}


CANARIES = ("Quetzalcoatl", "12025550177", "Xylophonic")


def tell_canaries() -> list[bytes]:
    """Return a conversation's bodies with recognisable words and numbers in every place."""
    said, number = "my mother is called Quetzalcoatl", "+12025550177"
    told = build_conversation(datetime.now(UTC), Shape("failed", 1, 1))
    bodies = []
    for event in told.events:
        envelope = json.loads(event.body)
        data = envelope["data"]
        data |= {"from_number": number, "to_number": number, "agent_name": said}
        data |= {"messages": [{"role": "user", "message": said}], "metadata": {"note": said}}
        if "goals" in data:
            data["summary"] = said
            data["goals"] = [{"name": said, "achieved": False, "reason": said}]
            data["follow_ups"] = [{"title": said, "assignee": number}]
        bodies.append(json.dumps(envelope).encode())
    return bodies


@pytest.mark.parametrize("trouble", ["Troubled", "QuotesPayload"])
def test_nothing_that_was_said_is_in_any_log_of_any_process(
    database_url: str, tmp_path: Path, trouble: str
) -> None:
    """Neither secret nor number nor transcript, though all goes well or every effect fails.

    Also not from deliveries that are refused: tampered, unsigned, no JSON, no event.
    """
    troubled = {
        "DJANGO_SETTINGS_MODULE": TROUBLED,
        "TROUBLE": trouble,
        "TROUBLE_MARK": str(tmp_path / "mark"),
        "LOG_LEVEL": "DEBUG" if trouble == "Troubled" else "INFO",
    }
    bodies = tell_canaries()
    refused = [
        json.dumps("Quetzalcoatl").encode(),
        b'{"data": "Quetzalcoatl"',
        b'{"event_id": "Quetzalcoatl", "event_type": "+12025550177"}',
    ]
    with (
        start_receiver(database_url, **troubled) as receiver,
        start_worker(database_url, **troubled) as worker,
        start_beat(database_url, **troubled) as beat,
    ):
        assert post_all(receiver.url, bodies + refused) == {202: 3, 400: 3}
        for headers in ({}, sign_as_sender(b"other", SECRET), {"X-Webhook-Signature": SECRET}):
            answer = httpx.post(
                f"{receiver.url}/webhooks/demo/", content=bodies[0], headers=headers
            )
            assert answer.status_code == 401
        if trouble == "Troubled":
            wait_until(lambda: Effect.objects.count() == 7 and all_is_done(), worker, beat)
        else:
            failed = Attempt.objects.exclude(outcome="running").values("effect")
            wait_until(lambda: failed.distinct().count() == 7, worker, beat)
        logs = {}
        for process in (receiver, worker, beat):
            process.stop()
            logs[process.name] = process.read_log()
    assert logs["web"].count('"event":"delivery"') >= 9
    assert logs["events"].count('"event":"attempt"') >= 5
    for log in logs.values():
        for canary in CANARIES:
            assert canary not in log
    for row in Attempt.objects.values("error", "error_class"):
        assert not any(canary in repr(row) for canary in CANARIES)
