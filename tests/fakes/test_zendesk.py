"""The fake Zendesk is as strict as the original."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.zendesk import AGENT_ID, API_TOKEN, EMAIL, MISMATCH, SPEC, FakeZendesk


@pytest.fixture
def fake() -> Iterator[FakeZendesk]:
    """Run an account."""
    with FakeZendesk() as running:
        yield running


@pytest.fixture
def client(fake: FakeZendesk) -> Iterator[httpx.Client]:
    """Speak to it as its agent."""
    key = (f"{EMAIL}/token", API_TOKEN)
    with httpx.Client(base_url=f"{fake.url}/api/v2", auth=key, trust_env=False) as opened:
        yield opened


def create(client: httpx.Client, key: str | None = None, **fields: Any) -> httpx.Response:
    """Ask for a ticket."""
    headers = {} if key is None else {"Idempotency-Key": key}
    ticket = {"comment": {"body": "Smoke"}} | fields
    return client.post("/tickets", json={"ticket": ticket}, headers=headers)


def save_user(client: httpx.Client, **fields: Any) -> httpx.Response:
    """Ask for a user."""
    return client.post("/users/create_or_update", json={"user": fields})


@pytest.mark.parametrize("auth", [None, (EMAIL, API_TOKEN), (f"{EMAIL}/token", "wrong")])
def test_caller_must_be_the_agent_with_the_token(
    fake: FakeZendesk, auth: tuple[str, str] | None
) -> None:
    """No key, a password's form, and a wrong token are turned away."""
    answer = httpx.get(f"{fake.url}/api/v2/tickets?external_id=a", auth=auth, trust_env=False)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Couldn't authenticate you"}


def test_known_key_answers_as_the_first_time(fake: FakeZendesk, client: httpx.Client) -> None:
    """The same key and body are one ticket, and the header says which time it was."""
    first, second = create(client, "key"), create(client, "key")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.headers["x-idempotency-lookup"] == "miss"
    assert second.headers["x-idempotency-lookup"] == "hit"
    assert len(fake.tickets) == 1


def test_known_key_with_another_body_is_refused(fake: FakeZendesk, client: httpx.Client) -> None:
    """The key stands for its body."""
    create(client, "key")
    answer = create(client, "key", subject="Another")
    assert answer.status_code == 400
    assert answer.json()["error"] == "IdempotentRequestError"
    assert len(fake.tickets) == 1


def test_key_is_forgotten_when_its_time_is_over(fake: FakeZendesk, client: httpx.Client) -> None:
    """Then the same key makes a second ticket: what a client that trusts it alone would do."""
    fake.key_lifetime = 0
    create(client, "key")
    create(client, "key")
    assert len(fake.tickets) == 2


def test_external_id_of_tickets_is_not_unique(fake: FakeZendesk, client: httpx.Client) -> None:
    """Two tickets may have one; a list finds both, by any case and among several."""
    create(client, external_id="ab")
    create(client, external_id="AB")
    found = client.get("/tickets", params={"external_id": "aB,c"}).json()["tickets"]
    assert [ticket["id"] for ticket in found] == list(fake.tickets)


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"comment": {"body": " "}}, {"base": [{"error": "BlankValue"}]}),
        ({"requester_id": 1}, {"requester": [{"error": "InvalidValue"}]}),
        ({"comment": {"body": "x" * 70_000}}, {"description": [{"error": "TooLong"}]}),
        ({"external_id": "x" * 256}, {"external_id": [{"error": "TooLong"}]}),
    ],
)
def test_impossible_ticket_is_refused_with_its_field(
    fake: FakeZendesk, client: httpx.Client, fields: dict[str, Any], details: dict[str, Any]
) -> None:
    """Nothing is created, and the key stays free for the ticket that is mended."""
    answer = create(client, "key", **fields)
    assert answer.status_code == 422
    assert answer.json()["details"] == details
    assert fake.tickets == {}
    assert create(client, "key").status_code == 201


def test_external_id_of_users_is_unique(fake: FakeZendesk, client: httpx.Client) -> None:
    """The second time, and in another case, the same user is written over."""
    first = save_user(client, name="Ada", external_id="tel:a", phone="+49301")
    second = save_user(client, name="Ada L.", external_id="TEL:A")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["user"]["id"] == second.json()["user"]["id"]
    assert len(fake.users) == 2
    user = fake.users[first.json()["user"]["id"]]
    assert (user["name"], user["phone"]) == ("Ada L.", "+49301")


def test_number_of_two_users_is_shared_or_refused(fake: FakeZendesk, client: httpx.Client) -> None:
    """Which of the two is the account's setting."""
    fake.add_user(name="Bob", phone="+49301")
    shared = save_user(client, name="Ada", external_id="a", phone="+49301")
    assert shared.json()["user"]["shared_phone_number"] is True
    fake.numbers_are_unique = True
    refused = save_user(client, name="Cy", external_id="c", phone="+49301")
    assert refused.json()["details"] == {"phone": [{"error": "DuplicateValue"}]}


def test_search_finds_numbers_in_any_spelling_once_they_are_indexed(
    fake: FakeZendesk, client: httpx.Client
) -> None:
    """An asterisk stands for what is in front; a user who is too new is not found yet."""
    ada = fake.add_user(name="Ada", phone="+49 (30) 12-34")
    fake.add_user(name="Agent", phone="+49301234", role="agent")
    fake.index_lag = 60
    fake.add_user(name="Bob", phone="+49301234")
    params = {"query": "role:end-user phone:*49301234"}
    found = client.get("/users/search", params=params).json()["users"]
    assert [user["id"] for user in found] == [ada]


def test_user_is_shown_by_id(client: httpx.Client) -> None:
    """One who is not there is a 404."""
    assert client.get(f"/users/{AGENT_ID}").json()["user"]["email"] == EMAIL
    assert client.get("/users/1").status_code == 404


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"prio": "high"}, "'prio' was unexpected"),
        ({"priority": "highest"}, "/ticket/priority: not of enum"),
        ({"id": 1}, "'id' was unexpected"),
        ({"via": {"channel": "web"}}, "/ticket/via may not be there"),
        ({"custom_fields": [{"id": "42", "value": "x"}]}, "/ticket/custom_fields/0/id"),
        ({"requester": {"name": "Ada"}}, "'requester' was unexpected"),
    ],
)
def test_ticket_that_is_not_in_the_document_is_a_mismatch(
    fake: FakeZendesk, client: httpx.Client, fields: dict[str, Any], place: str
) -> None:
    """It fails, and what was wrong is kept for the test to see."""
    if fake.spec is None:
        pytest.skip(f"VENDOR_SPECS_DIR names no folder with {SPEC}")
    assert create(client, **fields).status_code == MISMATCH
    (mismatch,) = fake.mismatches
    assert place in mismatch
    assert fake.tickets == {}


def test_answer_that_is_not_in_the_document_is_a_mismatch(
    fake: FakeZendesk, client: httpx.Client
) -> None:
    """The fake cannot answer what Zendesk would not."""
    if fake.spec is None:
        pytest.skip(f"VENDOR_SPECS_DIR names no folder with {SPEC}")
    create(client, external_id="a")
    fake.tickets[1]["priority"] = None
    assert client.get("/tickets", params={"external_id": "a"}).status_code == MISMATCH
    assert "/tickets/0/priority" in fake.mismatches[0]


def test_fake_runs_as_a_process() -> None:
    """It says where it listens, and shows what it holds."""
    command = [sys.executable, "-m", "tests.fakes.zendesk"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            state = httpx.get(f"{url}/_fake/state", trust_env=False).json()
        finally:
            process.terminate()
        assert process.wait(10) == 0
    assert state["tickets"] == state["mismatches"] == []
    assert [user["email"] for user in state["users"]] == [EMAIL]
