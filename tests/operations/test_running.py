"""Runs: seen through batch by batch, each row once, whatever comes in between."""

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import timedelta
from functools import partial

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import Error, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from tests.databases import sibling_url
from tests.factories import EventFactory, ReplayFactory, SourceFactory
from tests.operations.asking import SOMEBODY, because, have_done
from tests.operations.brokers import broker_in, no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.processes import BASE_DIR, build_environment, start_worker
from tests.processing.logs import read_log
from tests.together import run_together
from webhooks.models import AuditEntry, Event, Replay
from webhooks.operations.claims import LostLeaseError, claim_run, hold
from webhooks.operations.closing import EventClosing
from webhooks.operations.running import Hints, go_on, work_a_batch, work_off_runs
from webhooks.operations.runs import ask_for, carry_out, stop
from webhooks.operations.selection import Selection
from webhooks.operations.trouble import MOST_TRIES
from webhooks.operations.undertaking import Done
from webhooks.operations.walking import Walk, find_last_key

EVER = float("inf")
Action = Replay.Action


@pytest.fixture(autouse=True)
def _telling(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have no broker but for the test that names its database."""
    named = "own_database" in request.function.__code__.co_varnames
    with broker_in(request.getfixturevalue("own_database")) if named else no_broker():
        yield


def plant_events(number: int, status: str = "dead") -> None:
    """Add events of one conversation, which end it over and over."""
    source = SourceFactory.create()
    like = EventFactory.build(source=source, status=status)
    columns = ["event_type", "conversation_uuid", "agent_uuid", "created", "status"]
    columns += ["body", "body_sha256", "body_bytes"]
    Event.objects.bulk_create(
        (
            Event(
                event_id=EventFactory.build(source=source).event_id,
                source=source,
                **{name: getattr(like, name) for name in columns},
            )
            for _ in range(number)
        ),
        batch_size=1000,
    )


def close(number: int) -> Replay:
    """Ask for so many dead events to be closed, in batches of 500."""
    plant_events(number)
    return ask_for(Action.CLOSING, Selection(), because())


def count(status: str) -> int:
    """Return how many events there are of that status."""
    return Event.objects.filter(status=status).count()


@pytest.mark.usefixtures("own_database")
def test_2000_events_are_replayed_and_counted_in_batches() -> None:
    """Each batch is committed with what it came to; the sums are exact."""
    plant_events(2000, "processed")
    seen: list[tuple[int, int, int]] = []

    def note(run: Replay) -> None:
        assert not connection.in_atomic_block
        seen.append((run.looked_at, run.events, count("pending")))

    run = carry_out(ask_for(Action.REPLAY, Selection(), because()), note)
    assert (run.state, run.found, run.looked_at, run.events) == ("finished", 2000, 2000, 2000)
    # The CRM is told by each, and the seconds are owed once.
    assert (run.effects_to_run, run.effects_kept) == (2001, 0)
    assert run.finished_at is not None
    assert run.lease is None
    assert seen == [(number, number, number) for number in range(50, 2001, 50)]
    assert AuditEntry.objects.count() == 1


@pytest.mark.usefixtures("own_database")
def test_a_killed_process_leaves_nothing_half_done() -> None:
    """A worker goes on where it was, and every row is dealt with and counted once."""
    plant_events(4000, "processed")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "replay_events", "--all", "--yes", "--reason=a test"],
        cwd=BASE_DIR,
        env=build_environment(read_url(), BASE_DIR / "nowhere"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ends_at = time.monotonic() + 60
    while not Replay.objects.filter(looked_at__gt=100).exists() and time.monotonic() < ends_at:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    run = Replay.objects.get()
    assert 100 < run.looked_at < 4000
    assert run.looked_at == run.events == count("pending")
    assert claim_run() is None  # its lease has not ended
    Replay.objects.update(due_at=Now())
    run = carry_out(run)
    assert (run.state, run.looked_at, run.events, count("pending")) == ("finished", *[4000] * 3)
    assert AuditEntry.objects.count() == 1


def read_url() -> str:
    """Return the address of the test's own database."""
    return sibling_url(str(connection.settings_dict["NAME"]))


class DyingClosing(EventClosing):
    """Ends its transaction when it has done its work."""

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Close the events, and die of it."""
        super().handle(run, keys)
        raise KeyboardInterrupt


@pytest.mark.usefixtures("own_database")
def test_a_batch_that_is_cut_off_is_as_if_it_had_not_begun() -> None:
    """Neither its work is there nor its count, and the next one does both."""
    run = close(700)
    claim = claim_run()
    assert claim is not None
    dying = DyingClosing(Selection())
    walk = Walk(dying.find, 0, find_last_key(Event))
    with pytest.raises(KeyboardInterrupt):
        work_a_batch(claim, run, dying, walk, Hints())
    run.refresh_from_db()
    assert (run.looked_at, run.position, run.events, count("closed")) == (0, 0, 0, 0)
    go_on(claim, EVER)
    run.refresh_from_db()
    assert (run.looked_at, run.events, count("closed")) == (700, 700, 700)


@pytest.mark.usefixtures("own_database")
def test_who_has_lost_the_lease_changes_nothing() -> None:
    """Another worker has claimed the run: what the first one brings is not recorded."""
    run = close(1200)
    late = claim_run()
    assert late is not None
    Replay.objects.update(due_at=Now())
    fresh = claim_run()
    assert fresh is not None
    closing = EventClosing(Selection())
    with pytest.raises(LostLeaseError):
        work_a_batch(late, run, closing, Walk(closing.find, 0, 10**9), Hints())
    go_on(late, EVER)
    run.refresh_from_db()
    assert (run.looked_at, run.state, count("closed")) == (0, "running", 0)
    go_on(fresh, EVER)
    run.refresh_from_db()
    assert (run.looked_at, run.events, run.state) == (1200, 1200, "finished")


@pytest.mark.usefixtures("own_database")
def test_nobody_claims_a_run_of_which_a_batch_is_under_way() -> None:
    """Whatever its lease says: a slow batch is not done by two in turn, for ever."""
    close(10)
    claim = claim_run()
    assert claim is not None
    with transaction.atomic():
        hold(claim)
        Replay.objects.update(due_at=Now() - timedelta(hours=1))
        assert run_together([claim_run]) == [None]
    assert claim_run() is not None


@pytest.mark.usefixtures("own_database")
def test_workers_at_once_never_do_one_run_together() -> None:
    """Four that look for work at the same moment: each row is closed and counted once."""
    run = close(3000)
    run_together([work_off_runs] * 4)
    run.refresh_from_db()
    assert (run.state, run.looked_at, run.events) == ("finished", 3000, 3000)
    assert count("closed") == 3000


@pytest.mark.usefixtures("own_database")
def test_a_run_is_stopped_between_two_batches() -> None:
    """What was done stays done, the rest is left, and it is recorded who said so."""
    run = close(1700)

    def stop_soon(run: Replay) -> None:
        if run.looked_at == 1000:
            assert stop(run, SOMEBODY)

    run = carry_out(run, stop_soon)
    assert (run.state, run.looked_at, run.events) == ("stopped", 1000, 1000)
    assert (count("closed"), count("dead")) == (1000, 700)
    assert run.finished_at is not None
    assert list(AuditEntry.objects.values_list("action", "detail").order_by("pk")) == [
        ("closing", "a test"),
        ("stop", "After 1000 rows."),
    ]
    assert claim_run() is None


@pytest.mark.usefixtures("own_database")
def test_a_short_run_does_not_wait_for_a_long_one(settings: Settings) -> None:
    """Who has had a turn goes behind those that have waited."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(0)
    long = close(5000)
    short = ask_for(
        Action.CLOSING,
        Selection(keys=(Event.objects.earliest("pk").pk,)),
        because(),
    )
    for _ in range(4):
        work_off_runs()
    long.refresh_from_db()
    short.refresh_from_db()
    assert (short.state, long.state) == ("finished", "running")
    assert long.looked_at >= 500


@pytest.mark.usefixtures("own_database")
def test_a_fault_ends_the_run_where_people_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its class and no word that may quote a row, and no other run is kept from going on."""

    def fail(*_: object) -> Done:
        raise RuntimeError("+44 20 7946 0000")

    run = close(10)
    with monkeypatch.context() as patch, read_log() as log:
        patch.setattr(EventClosing, "handle", fail)
        work_off_runs()
    run.refresh_from_db()
    assert (run.state, run.error, run.looked_at) == ("failed", "RuntimeError", 0)
    assert run.finished_at is not None
    assert "run_failed" in log.getvalue()
    assert "7946" not in log.getvalue()
    again = have_done(Action.CLOSING, Selection())
    assert again.events == 10


@pytest.mark.django_db
def test_a_run_that_this_version_cannot_read_says_why() -> None:
    """Its selection is nothing to guess at."""
    run = ReplayFactory.create(selection={"rows": "events", "colour": "red"}, last_key=9)
    work_off_runs()
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error == "SelectionError: A selection of events knows no colour."


@pytest.mark.usefixtures("own_database")
def test_an_outage_of_postgres_is_no_fault_of_the_run() -> None:
    """It goes on later, from where it was."""
    run = close(1700)

    def cut_off(run: Replay) -> None:
        if run.looked_at == 500:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            run_together([partial(end_backend, pid)])

    with pytest.raises(Error):
        carry_out(run, cut_off)
    connection.close()
    run.refresh_from_db()
    assert (run.state, run.looked_at) == ("running", 500)
    Replay.objects.update(due_at=Now())
    work_off_runs()
    run.refresh_from_db()
    assert (run.state, run.looked_at, run.events) == ("finished", 1700, 1700)


def end_backend(pid: int) -> None:
    """Have Postgres end a connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.django_db
def test_rows_that_were_too_many_to_count_are_counted_by_the_worker() -> None:
    """So that people see how far it is."""
    plant_events(3)
    run = ReplayFactory.create(action=Action.CLOSING, last_key=find_last_key(Event), found=0)
    work_off_runs()
    run.refresh_from_db()
    assert (run.found, run.looked_at, run.state) == (3, 3, "finished")


@pytest.mark.usefixtures("own_database")
def test_rows_that_cannot_be_counted_are_counted_in_vain_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn lasts as long as any other, also the one that counted."""
    settings.WEBHOOKS_WORK_SPAN = timedelta(seconds=0.3)
    counted: list[int] = []

    def count_for_ever(walk: Walk, ends_at: float) -> None:
        counted.append(walk.position)
        time.sleep(0.4)
        assert ends_at < EVER

    plant_events(12000)
    run = ReplayFactory.create(action=Action.CLOSING, last_key=find_last_key(Event), found=0)
    monkeypatch.setattr(Walk, "count", count_for_ever)
    monkeypatch.setattr(EventClosing, "size", 5)
    come_to = [0]
    for _ in range(3):
        work_off_runs()
        run.refresh_from_db()
        come_to.append(run.looked_at)
    assert counted == [0]
    assert run.found == 0
    # More than the batch that a turn does in any case.
    assert min(after - before for before, after in itertools.pairwise(come_to)) > 10


@pytest.mark.usefixtures("own_database")
@pytest.mark.parametrize("error", ["statement", "task"])
def test_a_batch_that_never_ends_is_tried_smaller_and_seldom_and_given_up(
    monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """And the run says so all the while; others get on."""
    sizes: list[int] = []

    def never_end(_closing: EventClosing, _run: Replay, keys: Sequence[int]) -> Done:
        sizes.append(len(keys))
        if error == "task":
            raise SoftTimeLimitExceeded
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)")
        raise AssertionError

    run = close(600)
    name = {"statement": "QueryCanceled", "task": "SoftTimeLimitExceeded"}[error]
    pauses: list[float] = []
    monkeypatch.setattr(EventClosing, "handle", never_end)
    for tries in range(1, MOST_TRIES + 1):
        with nullcontext() if error == "statement" else pytest.raises(SoftTimeLimitExceeded):
            work_off_runs()
        run.refresh_from_db()
        times = "once" if tries == 1 else f"{tries} times"
        assert run.error == f"Tried {times} without getting on, last: {name}"
        assert claim_run() is None
        pauses.append((run.due_at - timezone.now()).total_seconds())
        Replay.objects.update(due_at=Now())
    assert (run.state, run.looked_at) == ("failed", 0)
    assert sizes == [500, 250, 125, 62, 31, 15, 7, 3, 1, 1]
    assert sum(pauses[:-1]) > timedelta(hours=1).total_seconds()


@pytest.mark.usefixtures("own_database")
def test_a_run_that_kills_its_workers_is_given_up() -> None:
    """Though none of them can say so; a batch that is done wipes the slate clean."""
    run = close(1200)
    for _ in range(3):
        assert claim_run() is not None
        Replay.objects.update(due_at=Now())
    claim = claim_run()
    assert claim is not None
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventClosing, "size", 8)
        patch.setattr(
            "webhooks.operations.running.count_once",
            lambda *_: said.append(Replay.objects.get().error),
        )
        go_on(claim, 0)
    run.refresh_from_db()
    assert said == ["Tried 3 times without getting on, last: its worker came to an end"]
    assert (run.looked_at, run.tries, run.error) == (1, 0, "")
    for _ in range(MOST_TRIES):
        assert claim_run() is not None
        Replay.objects.update(due_at=Now())
    work_off_runs()
    run.refresh_from_db()
    assert (run.state, run.looked_at) == ("failed", 1)
    assert run.error == "Tried 10 times without getting on, last: its worker came to an end"


def test_a_worker_of_the_procfile_carries_out_what_was_asked_for(own_database: str) -> None:
    """From the request to the last effect, in the product's own processes."""
    run_all(store_conversation())
    effect = make_stopped("tickets", "dead")
    with start_worker(own_database):
        run = ask_for(Action.REPLAY, Selection(failed=True), because())
        ends_at = time.monotonic() + 60
        while effect.state != "succeeded" and time.monotonic() < ends_at:
            time.sleep(0.1)
            effect.refresh_from_db()
    run.refresh_from_db()
    assert (run.state, run.events, effect.state) == ("finished", 1, "succeeded")
