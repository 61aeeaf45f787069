"""The fakes' base misbehaves exactly as it is told to."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integrations.rates import Rate
from tests.fakes.server import Call, FakeServer, LogEntry, Reply
from tests.processes import BASE_DIR


class FakeCounter(FakeServer):
    """Counts what was applied."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.applied: list[Call] = []

    def handle(self, call: Call) -> Reply:
        """Apply."""
        self.applied.append(call)
        return Reply(json={"count": len(self.applied)})

    def state(self) -> Any:
        """Return the count."""
        return len(self.applied)


@pytest.fixture
def fake() -> Iterator[FakeCounter]:
    """Give a test a fake."""
    with FakeCounter() as running:
        yield running


@pytest.fixture
def client(fake: FakeCounter) -> Iterator[httpx.Client]:
    """Give a test a client of it."""
    with httpx.Client(base_url=fake.url, timeout=5, trust_env=False) as opened:
        yield opened


def test_call_is_what_was_sent(fake: FakeCounter, client: httpx.Client) -> None:
    """Over one connection, bodies and queries do not mix."""
    for turn in range(3):
        reply = client.patch("/a%20b", params={"q": f"ü{turn}"}, json=[turn], headers={"X-Y": "z"})
        assert reply.json() == {"count": turn + 1}
    assert [call.read_json() for call in fake.applied] == [[0], [1], [2]]
    last = fake.applied[-1]
    assert (last.method, last.path, last.query) == ("PATCH", "/a%20b", {"q": "ü2"})
    assert last.headers["x-y"] == "z"
    assert len({call.connection for call in fake.applied}) == 1


def test_form_is_read(fake: FakeCounter, client: httpx.Client) -> None:
    """Brackets and empty values included."""
    client.post("/", data={"payload[value]": "61", "empty": ""})
    assert fake.applied[0].read_form() == {"payload[value]": "61", "empty": ""}


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "rate_limit": ({}, 429),
    "fail": ({"status": 418}, 418),
    "html_error": ({}, 502),
    "redirect": ({"location": "/there"}, 307),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_applies_nothing(name: Any, fake: FakeCounter, client: httpx.Client) -> None:
    """The next request gets the fault's status, and the one after it is served."""
    details, status = REFUSED[name]
    fake.order(name, **details)
    assert client.post("/").status_code == status
    assert fake.applied == []
    assert client.post("/").status_code == 200
    assert [entry.status for entry in fake.log] == [status, 200]


def test_rate_limit_says_how_long_where_it_is_told(fake: FakeCounter, client: httpx.Client) -> None:
    """With `Retry-After` or without."""
    fake.rate_limit()
    fake.rate_limit(7)
    assert [client.get("/").headers.get("retry-after") for _ in range(2)] == [None, "7"]


def test_dropped_before_is_not_applied(fake: FakeCounter, client: httpx.Client) -> None:
    """The connection ends, and nothing was done."""
    fake.drop_before()
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/")
    assert fake.applied == []
    assert [entry.status for entry in fake.log] == [0]


def test_dropped_after_is_applied(fake: FakeCounter, client: httpx.Client) -> None:
    """The connection ends in the same way, and all was done."""
    fake.drop_after()
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/")
    assert len(fake.applied) == 1


def test_slow_answer_was_applied_at_once(fake: FakeCounter, client: httpx.Client) -> None:
    """A client that does not wait for it cannot know, and others are not kept waiting."""
    fake.slow(30, path="/slow")
    with pytest.raises(httpx.ReadTimeout):
        client.post("/slow", timeout=0.2)
    assert len(fake.applied) == 1
    assert client.post("/").status_code == 200


def test_late_is_applied_after_what_came_meanwhile(fake: FakeCounter, client: httpx.Client) -> None:
    """The connection ends at once, the next request is served, and then the first one is too."""
    fake.late(0.3, path="/late")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/late")
    assert client.post("/meanwhile").json() == {"count": 1}
    assert client.get("/_fake/state").json() == 2
    assert [call.path for call in fake.applied] == ["/meanwhile", "/late"]
    assert [entry.status for entry in fake.log] == [0, 200]


def test_what_was_refused_is_not_applied_late(fake: FakeCounter, client: httpx.Client) -> None:
    """A 429 settles it."""
    fake.limit(Rate(1, timedelta(seconds=60)))
    client.post("/")
    fake.late(0)
    assert client.post("/").status_code == 429
    fake.wait_for_late()
    assert len(fake.applied) == 1


def test_end_does_not_wait_for_what_is_late() -> None:
    """It is never applied then."""
    with FakeCounter() as fake:
        fake.late(60)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(fake.url, trust_env=False)
    assert fake.applied == []


def test_spoilt_answers_were_applied(fake: FakeCounter, client: httpx.Client) -> None:
    """Too much, not JSON, and an error after the deed."""
    fake.huge()
    fake.not_json()
    fake.fail_after(503)
    assert len(client.post("/").content) > 2_000_000
    assert client.post("/").text.startswith("<!doctype html>")
    assert client.post("/").status_code == 503
    assert len(fake.applied) == 3


def test_faults_strike_in_order_as_often_as_they_are_told(
    fake: FakeCounter, client: httpx.Client
) -> None:
    """And only requests that they are meant for."""
    fake.fail(500, times=2, method="POST", path="/a")
    fake.fail(501)
    said = [
        client.request(method, path).status_code
        for method, path in [
            ("POST", "/b"),
            ("GET", "/a"),
            ("POST", "/a/1"),
            ("POST", "/b"),
            ("POST", "/a"),
            ("POST", "/a"),
        ]
    ]
    assert said == [501, 200, 500, 200, 500, 200]


def test_fault_lets_requests_pass_that_come_before_its_turn(
    fake: FakeCounter, client: httpx.Client
) -> None:
    """Only those that it is meant for are counted."""
    fake.fail(500, after=2, path="/a")
    said = [client.get(path).status_code for path in ("/a", "/b", "/a", "/a", "/a")]
    assert said == [200, 200, 200, 500, 200]


def test_chance_spares_a_path(fake: FakeCounter, client: httpx.Client) -> None:
    """What is ordered strikes there all the same."""
    fake.faults.randomize(1, {"fail": 1.0}, spared="/a")
    fake.fail(501, after=1, path="/a")
    assert [client.get(path).status_code for path in ("/a", "/b", "/a", "/a")] == [
        *(200, 500, 501, 200)
    ]


def test_cleared_faults_are_gone(fake: FakeCounter, client: httpx.Client) -> None:
    """Ordered and random ones."""
    fake.fail(500, times=9)
    fake.faults.randomize(1, {"fail": 1.0})
    fake.faults.clear()
    assert client.get("/").status_code == 200


def test_random_faults_come_by_their_seed(fake: FakeCounter, client: httpx.Client) -> None:
    """About as often as their chances say, and the same ones for the same seed."""
    runs = []
    for seed in (1, 1, 2):
        fake.faults.randomize(seed, {"fail": 0.2, "rate_limit": 0.3})
        runs.append([client.get("/").status_code for _ in range(200)])
    assert runs[0] == runs[1] != runs[2]
    assert 20 <= runs[0].count(500) <= 60
    assert 35 <= runs[0].count(429) <= 85


def test_limit_is_enforced(fake: FakeCounter, client: httpx.Client) -> None:
    """What is more than the rate gets 429 and is not applied, until the window has passed."""
    fake.limit(Rate(3, timedelta(seconds=0.5)))
    assert [client.get("/").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert len(fake.applied) == 3
    time.sleep(0.6)
    assert client.get("/").status_code == 200


def test_most_requests_in_a_window_are_counted(fake: FakeCounter) -> None:
    """The fullest stretch of time counts, wherever it begins; its end does not belong to it."""
    times = [0.0, 0.9, 1.0, 1.1, 2.0, 5.0]
    fake.log = [LogEntry(at, "GET", "/", 200) for at in times]
    assert fake.most_in(timedelta(seconds=1)) == 3
    assert fake.most_in(timedelta(seconds=0.05)) == 1
    assert fake.most_in(timedelta(seconds=10)) == 6
    fake.log = []
    assert fake.most_in(timedelta(seconds=1)) == 0


def test_crash_of_the_fake_fails_the_test() -> None:
    """A fault of the fake's own is not mistaken for the vendor's 500."""

    class Broken(FakeServer):
        def handle(self, call: Call) -> Reply:
            raise KeyError(call.path)

    with pytest.raises(AssertionError, match="the fake itself crashed"), Broken() as fake:
        assert httpx.get(fake.url, trust_env=False).status_code == 500


def test_end_does_not_wait_for_idle_or_slow_connections() -> None:
    """Clients may keep theirs; the port is free afterwards."""
    with httpx.Client(trust_env=False) as client:
        with FakeCounter() as fake:
            client.get(fake.url)
            fake.slow(60)
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(fake.url, timeout=0.1, trust_env=False)
            port = int(fake.url.rpartition(":")[2])
        with FakeCounter(port) as again:
            assert client.get(again.url).json() == {"count": 1}


def test_process_takes_its_orders_over_http() -> None:
    """`python -m tests.fakes.webhook` alone, with faults, log and state, and a clean end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.webhook"],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, httpx.Client(timeout=5, trust_env=False) as client:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            orders = f"{url}/_fake/faults"
            client.post(orders, json={"name": "fail", "status": 418}).raise_for_status()
            assert client.get(url).status_code == 418
            client.post(orders, json={"seed": 1, "chances": {"fail": 1}}).raise_for_status()
            assert client.get(url).status_code == 500
            client.post(orders, json={"clear": True}).raise_for_status()
            client.post(orders, json={"limit": "1/10s"}).raise_for_status()
            assert [client.get(url).status_code for _ in range(2)] == [404, 429]
            log = client.get(f"{url}/_fake/log").json()
            assert [entry[1:] for entry in log] == [
                ["GET", "/", 418],
                ["GET", "/", 500],
                ["GET", "/", 404],
                ["GET", "/", 429],
            ]
            assert client.get(f"{url}/_fake/state").json() == {}
            assert client.get(f"{url}/_fake/other").status_code == 404
        finally:
            process.terminate()
    assert process.returncode == 0
