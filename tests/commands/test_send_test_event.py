"""`send_test_event` against the real receiver."""

import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.commands.typed import give_input, run_command, type_command, unreachable_url
from tests.factories import SigningSecretFactory
from tests.operations.receivers import SECRET, ToldReceiver
from tests.processes import BASE_DIR, build_environment, find_free_port
from webhooks.ingest.sources import subscriptions
from webhooks.models import Delivery, Event, Source
from webhooks.operations import simulator


@pytest.fixture(autouse=True)
def _by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take nothing from the machine's environment, and keep pauses short."""
    monkeypatch.delenv("DEMO_SIGNING_SECRET", raising=False)
    monkeypatch.delenv("RECEIVER_URL", raising=False)
    monkeypatch.setattr(simulator, "FIRST_PAUSE", 0.01)


def count_outcomes() -> dict[str, int]:
    """Return how many deliveries came to what."""
    return dict(Counter(Delivery.objects.values_list("outcome", flat=True)))


@pytest.mark.parametrize(
    ("scenario", "outcomes", "events"),
    [
        ("conversation", {"accepted": 3}, 3),
        ("duplicate", {"accepted": 3, "duplicate": 3}, 3),
        ("reordered", {"accepted": 3}, 3),
        ("tampered", {"rejected": 1, "accepted": 1}, 1),
        ("stale", {"rejected": 1, "accepted": 1}, 1),
        ("unknown-type", {"accepted": 1}, 1),
    ],
)
def test_each_scenario_is_answered_as_it_must_be(
    receiver: str, scenario: str, outcomes: dict[str, int], events: int
) -> None:
    """The secret comes from the database, and the table says what came."""
    typed = type_command("send_test_event", "--scenario", scenario, "--url", receiver)
    assert typed.status == 0, typed.error
    assert count_outcomes() == outcomes
    assert Event.objects.count() == events
    assert "202 accepted" in typed.out
    assert SECRET not in typed.out


def test_reordered_sends_the_last_event_first(receiver: str) -> None:
    """Which is what the receiver has to bear."""
    type_command("send_test_event", "--scenario=reordered", "--url", receiver)
    assert [event.event_type.rsplit(".", 1)[1] for event in Event.objects.order_by("pk")] == [
        "completed",
        "ended",
        "started",
    ]


def test_rejections_are_for_the_reason_that_was_meant(receiver: str) -> None:
    """A tampered body does not match its signature, and a kept one is stale."""
    type_command("send_test_event", "--scenario=tampered", "--url", receiver)
    type_command("send_test_event", "--scenario=stale", "--url", receiver)
    rejected = Delivery.objects.filter(outcome="rejected").order_by("pk")
    assert [delivery.verification for delivery in rejected] == [
        "signature_mismatch",
        "stale_timestamp",
    ]


def test_a_burst_is_taken_in_once_each_whatever_the_order(receiver: str) -> None:
    """Duplicates and shuffling included, and it says what is owed for it."""
    typed = type_command(
        "send_test_event",
        "--scenario=burst",
        "--count=30",
        "--concurrency=8",
        "--duplicates=0.3",
        "--shuffle",
        "--seed=5",
        "--url",
        receiver,
    )
    assert typed.status == 0, typed.error
    assert Event.objects.count() == 90
    assert Event.objects.values("conversation_uuid").distinct().count() == 30
    outcomes = count_outcomes()
    assert outcomes["accepted"] == 90
    assert 10 < outcomes["duplicate"] < 50
    assert re.search(r"routes: crm +90\b", typed.out)
    assert re.search(r"routes: usage +30\b", typed.out)


def test_a_seed_makes_the_same_burst_again_under_new_ids(receiver: str) -> None:
    """So that a repetition is not taken for duplicates or conflicts."""
    words = ("send_test_event", "--scenario=burst", "--count=5", "--seed=9", "--url", receiver)
    first, again = type_command(*words), type_command(*words)
    assert (first.status, again.status) == (0, 0)
    assert Event.objects.count() == 30
    owed = [line for line in first.out.splitlines() if "owed" in line]
    assert owed == [line for line in again.out.splitlines() if "owed" in line]


def test_a_wrong_secret_is_named_as_the_cause(
    receiver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A genuine event that is answered 401 says whose fault it may be."""
    give_input(monkeypatch, "another-secret\n")
    typed = type_command("send_test_event", "--secret", "-", "--url", receiver)
    assert typed.status == 1
    assert "signed with another secret" in typed.error
    assert f"DATA_DIR of the receiver at {receiver}" in typed.error
    assert "another-secret" not in typed.error + typed.out


def test_a_wrong_secret_is_found_by_the_rejecting_scenarios_too(receiver: str) -> None:
    """That a forgery is refused proves nothing where everything is."""
    typed = type_command(
        "send_test_event", "--scenario=tampered", "--secret=another", "--url", receiver
    )
    assert (typed.status, "genuine delivery" in typed.error) == (1, True)


def test_an_unknown_source_is_named_as_the_cause(receiver: str) -> None:
    """404 is not the receiver's own page, but its answer."""
    typed = type_command("send_test_event", "--source=nobody", "--secret=secret", "--url", receiver)
    assert (typed.status, "no active source" in typed.error) == (1, True)


def test_without_any_secret_it_says_how_to_give_one(receiver: str) -> None:
    """Nothing is sent."""
    typed = type_command("send_test_event", "--source=nobody", "--url", receiver)
    assert (typed.status, "--secret" in typed.error) == (1, True)


def test_a_source_without_timestamps_has_no_stale_deliveries(receiver: str) -> None:
    """The scenario says so instead of failing."""
    Source.objects.update(signed_content="{body}", allow_missing_timestamp=True)
    typed = type_command("send_test_event", "--scenario=stale", "--url", receiver)
    assert (typed.status, "cannot tell what is stale" in typed.error) == (1, True)


def test_the_stored_source_says_how_to_sign(receiver: str) -> None:
    """Nobody has to repeat on the command line what the database knows."""
    secret = SigningSecretFactory.create(
        source__slug="other",
        source__signed_content="{timestamp}.{body}",
        source__signature_prefix="sha256=",
    )
    typed = type_command("send_test_event", "--source=other", "--url", receiver)
    assert typed.status == 0, typed.error
    assert Delivery.objects.filter(secret=secret, outcome="accepted").count() == 3


def test_an_outage_of_the_receiver_is_outlasted() -> None:
    """5xx is answered by sending it again, and the table tells how often."""
    told = ToldReceiver([503, 503, 202])
    with told.serve() as url:
        typed = type_command("send_test_event", "--url", url, "--secret=x", "--scheme=sender")
    assert typed.status == 0, typed.error
    assert len(told.bodies) == 5


@pytest.mark.parametrize(
    ("status", "said"),
    [(503, "could not take the event in"), (301, "redirects"), (200, "instead of 202 accepted")],
)
def test_what_else_may_be_answered_gets_one_sentence(status: int, said: str) -> None:
    """Whatever stands at that address."""
    with ToldReceiver([status]).serve() as url:
        typed = type_command("send_test_event", "--url", url, "--secret=x", "--scheme=sender")
    assert typed.status == 1
    assert said in typed.error


def test_a_burst_ends_at_the_first_answer_that_is_wrong() -> None:
    """Thousands more would be answered the same."""
    told = ToldReceiver([401])
    with told.serve() as url:
        typed = type_command(
            *("send_test_event", "--scenario=burst", "--count=100", "--concurrency=2"),
            *("--url", url, "--secret=x", "--scheme=sender"),
        )
    assert typed.status == 1
    assert len(told.bodies) < 10


def test_a_receiver_that_accepts_twice_is_found_out() -> None:
    """Each event may be new only once."""
    with ToldReceiver([202]).serve() as url:
        typed = type_command(
            *("send_test_event", "--scenario=burst", "--count=3", "--duplicates=1"),
            *("--url", url, "--secret=x", "--scheme=sender"),
        )
    assert (typed.status, typed.error) == (
        1,
        "The receiver accepted 18 deliveries as new, of 9 events.",
    )


def test_a_receiver_that_believes_forgeries_is_found_out() -> None:
    """The one thing that must never be answered 202."""
    with ToldReceiver([202]).serve() as url:
        typed = type_command(
            *("send_test_event", "--scenario=tampered"),
            *("--url", url, "--secret=x", "--scheme=sender"),
        )
    assert (typed.status, "that it must reject" in typed.error) == (1, True)


def test_nobody_there_gets_one_sentence() -> None:
    """Without waiting, and without a traceback."""
    typed = type_command(
        *("send_test_event", "--secret=x", "--scheme=sender"),
        *("--url", f"http://127.0.0.1:{find_free_port()}"),
    )
    assert typed.status == 1
    assert typed.error.startswith("No connection to http://127.0.0.1:")


def test_an_address_without_a_protocol_gets_one_sentence() -> None:
    """Before anything is tried."""
    typed = type_command("send_test_event", "--url=localhost:8000", "--secret=x")
    assert (typed.status, "http://" in typed.error) == (1, True)


def test_a_deployed_receiver_is_tested_without_a_database_here(receiver: str) -> None:
    """As a process, with the secret on standard input: status 0, or 1 with another secret."""
    subscriptions.clear()
    words = ("send_test_event", "--secret", "-", "--url", receiver)
    good = run_command(unreachable_url(), *words, given=f"{SECRET}\n")
    bad = run_command(unreachable_url(), *words, given="another\n")
    assert (good.status, bad.status) == (0, 1), good.error
    assert "Traceback" not in good.error + bad.error
    assert count_outcomes() == {"accepted": 3, "rejected": 3}


def test_ctrl_c_ends_a_burst_without_a_traceback() -> None:
    """With the shell's status for it, 130."""
    told = ToldReceiver([202])
    with told.serve() as url:
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "send_test_event", "--scenario=burst"),
                *("--count=100000", "--secret=x", "--scheme=sender", "--url", url),
            ],
            cwd=BASE_DIR,
            env=build_environment(unreachable_url(), BASE_DIR / "nowhere"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while len(told.bodies) < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, "CommandError: Interrupted.\n")
