"""The downstream behaves as a vendor with idempotency keys does, whatever is done to it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.downstream import Downstream
from tests.faults.journal import Answered, Applied, Journal, Violated, read_journal
from tests.faults.misbehaviour import (
    CALM,
    LIMIT_GAP,
    LONGEST_HOLD,
    SHORTEST_HOLD,
    Chances,
    Misbehaviour,
)
from tests.faults.owed import TEXTS


@pytest.fixture
def downstream(tmp_path: Path) -> Iterator[Downstream]:
    """Run one that misbehaves in no way."""
    with Downstream(tmp_path, chances=CALM) as running:
        yield running


def build_bill(seconds: int = 60, conversation: str = "c1") -> dict[str, Any]:
    """Return the body of a usage record."""
    data = {
        "conversation": {"conversation_uuid": conversation},
        "seconds": seconds,
        "occurred_at": "2026-03-01T12:00:00Z",
    }
    return {"type": "usage.usage_record", "data": data}


def post(downstream: Downstream, key: str, body: dict[str, Any]) -> httpx.Response:
    """Send a request with its key."""
    headers = {"Idempotency-Key": key}
    return httpx.post(downstream.url, json=body, headers=headers, timeout=10)


def read_violations(downstream: Downstream) -> list[str]:
    """Return what it has noted of its callers."""
    return [one.what for one in read_journal(downstream.journal) if isinstance(one, Violated)]


def count_applied(downstream: Downstream) -> int:
    """Return how often it has applied something."""
    return sum(isinstance(one, Applied) for one in read_journal(downstream.journal))


def test_known_key_is_answered_as_before_and_applies_nothing(downstream: Downstream) -> None:
    """With the same body."""
    first, second = (post(downstream, "usage:c1", build_bill()) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert count_applied(downstream) == 1
    assert read_violations(downstream) == []


def test_known_key_with_another_body_is_refused_and_noted(downstream: Downstream) -> None:
    """Nothing of it is applied."""
    post(downstream, "usage:c1", build_bill(60))
    assert post(downstream, "usage:c1", build_bill(61)).status_code == 422
    assert count_applied(downstream) == 1
    assert read_violations(downstream) == ["other_body"]


def test_second_key_for_one_bill_is_applied_and_noted_as_a_double(downstream: Downstream) -> None:
    """As a vendor would: it cannot know that both are one."""
    post(downstream, "usage:c1", build_bill())
    assert post(downstream, "usage:event-2", build_bill()).status_code == 200
    assert count_applied(downstream) == 2
    assert read_violations(downstream) == ["doubled"]


def test_what_it_has_applied_outlives_its_death(downstream: Downstream) -> None:
    """The key is known again, at the same address, with the same answer."""
    first = post(downstream, "usage:c1", build_bill())
    pid = downstream.pid
    downstream.kill()
    downstream.start()
    assert downstream.pid != pid
    assert post(downstream, "usage:c1", build_bill()).json() == first.json()
    assert count_applied(downstream) == 1


def test_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    """Killed in mid-write, it goes on in a new line."""
    path = tmp_path / "downstream.jsonl"
    path.write_bytes(b'{"type":"answered","at":1.0,"key":"k","sta')
    journal = Journal(path)
    journal.write(Answered(2.0, "k", 200, 0.1))
    journal.close()
    assert read_journal(path) == [Answered(2.0, "k", 200, 0.1)]


def test_two_requests_of_one_key_at_the_same_time_are_noted(tmp_path: Path) -> None:
    """The second is told to come later, while the first is answered slowly."""
    with Downstream(tmp_path, chances=replace(CALM, slow=1)) as slow, ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, slow, "usage:c1", build_bill())
        time.sleep(0.1)
        assert post(slow, "usage:c1", build_bill()).status_code == 409
        assert first.result().status_code == 200
        assert read_violations(slow) == ["overlap"]


def test_two_updates_of_one_conversation_at_the_same_time_are_noted(tmp_path: Path) -> None:
    """Whatever their keys: the last one to be written would stay."""
    said: dict[str, Any] = dict.fromkeys((*TEXTS, "status", "answer_status", "summary"), "")
    said |= dict.fromkeys(("duration_seconds", "score", "started_at", "ended_at"))
    said |= {"conversation_uuid": "c1", "goals": []}
    data = {"conversation": said, "event": {"event_id": "e1"}, "version": 1}
    body = {"type": "crm.contact_update", "data": data}
    with Downstream(tmp_path, chances=replace(CALM, slow=1)) as slow, ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, slow, "crm:c1:e1:1", body)
        time.sleep(0.1)
        assert post(slow, "crm:c1:e2:2", body).status_code == 409
        assert first.result().status_code == 200
        assert read_violations(slow) == ["overlap"]


@pytest.mark.parametrize("chances", [replace(CALM, close_after=1), replace(CALM, fail_after=1)])
def test_it_fails_after_it_has_applied(tmp_path: Path, chances: Chances) -> None:
    """The caller cannot know, and may ask again as often as it likes."""
    with Downstream(tmp_path, chances=chances) as failing:
        for _ in range(2):
            try:
                assert post(failing, "usage:c1", build_bill()).status_code == 500
            except (httpx.RemoteProtocolError, httpx.ReadError):
                assert chances.close_after
        assert count_applied(failing) == 1


def test_it_fails_before_it_applies(tmp_path: Path) -> None:
    """With 500, and with 429 and a time to wait."""
    with Downstream(tmp_path, chances=replace(CALM, fail_before=1)) as failing:
        assert post(failing, "usage:c1", build_bill()).status_code == 500
        assert count_applied(failing) == 0
    with Downstream(tmp_path, chances=replace(CALM, limit=1)) as limiting:
        answer = post(limiting, "usage:c1", build_bill())
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert count_applied(limiting) == 0


def test_misbehaviour_is_the_same_for_the_same_seed_and_none_where_calm() -> None:
    """And a 429 comes seldom, however often it is drawn."""
    drawn = [
        [Misbehaviour("1", Chances()).draw("crm", float(n)) for n in range(300)] for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    calm = Misbehaviour("1", CALM)
    assert {calm.draw("crm", float(n)).status for n in range(300)} == {200}
    limiting = Misbehaviour("1", replace(CALM, limit=1))
    statuses = [limiting.draw("crm", float(n)).status for n in range(100)]
    assert statuses.count(429) == 100 / LIMIT_GAP


def test_answer_takes_a_fraction_of_a_millisecond(downstream: Downstream) -> None:
    """So that what is measured is the product."""
    with httpx.Client() as client:
        for number in range(200):
            body = json.dumps(build_bill(conversation=f"c{number}"))
            client.post(downstream.url, content=body, headers={"Idempotency-Key": f"u{number}"})
    answered = [one for one in read_journal(downstream.journal) if isinstance(one, Answered)]
    assert sorted(one.seconds for one in answered)[100] < 0.001


def test_request_that_it_cannot_read_is_refused_and_noted(downstream: Downstream) -> None:
    """It would otherwise count as never sent."""
    assert (
        post(downstream, "usage:c1", {"type": "usage.usage_record", "data": {}}).status_code == 422
    )
    assert read_violations(downstream) == ["unreadable"]


def test_it_is_started_where_it_is_down_and_never_once_its_block_has_ended(tmp_path: Path) -> None:
    """A fault may mend it twice, and even when the run is over."""
    with Downstream(tmp_path, chances=CALM) as running:
        pid = running.pid
        running.start()
        assert running.pid == pid
        assert running.kill()
        assert not running.kill()
    running.start()
    assert running.pid == 0


def test_some_answers_are_held_for_a_moment() -> None:
    """In which a second request of the same key would be noticed."""
    usual = Misbehaviour("1", Chances())
    held = [usual.draw("crm", 0.0) for _ in range(1000)]
    moments = [one.seconds for one in held if 0 < one.seconds <= LONGEST_HOLD]
    assert 20 <= len(moments) <= 60
    assert min(moments) >= SHORTEST_HOLD
