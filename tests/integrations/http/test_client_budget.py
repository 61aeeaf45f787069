"""What a client tells the budget, and is told by it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.exceptions import RateLimited, TemporaryFailure
from integrations.models import Budget
from integrations.options import Options
from tests.fakes.server import Reply
from tests.integrations.http.clients import MakeClient
from tests.integrations.http.vendor import Vendor


def hold_of(alias: str) -> tuple[float, str]:
    """Return how many seconds the budget's row is held for, and why."""
    row = Budget.objects.get(pk=alias)
    assert row.held_until is not None
    return (row.held_until - datetime.now(UTC)).total_seconds(), row.held_reason


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["seconds", "date", "unsaid", "headers", "body"])
def test_429_holds_the_integration(form: str, vendor: Vendor, open_client: MakeClient) -> None:
    """However a vendor says how long, the failure and the budget are told; 10 s if it does not."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=41), usegmt=True)
    headers = {
        "seconds": {"Retry-After": "40"},
        "date": {"Retry-After": later},
        "headers": {"RateLimit-Remaining": "0", "RateLimit-Reset": "40"},
    }.get(form, {})
    vendor.reply = Reply(status=429, json={"policy": "DAILY"}, headers=headers)
    client = open_client(
        vendor.url,
        find_wait=lambda body: (
            {"DAILY": timedelta(seconds=40)}[body["policy"]] if form == "body" else None
        ),
    )
    with pytest.raises(RateLimited, match="Acme has had enough requests") as caught:
        client.send("POST", "/", json={})
    seconds, reason = hold_of("crm")
    assert reason == "Acme answered with status 429."
    if form == "unsaid":
        assert caught.value.retry_after is None
        assert 5 < seconds <= 10
    else:
        assert caught.value.retry_after is not None
        assert timedelta(seconds=35) < caught.value.retry_after <= timedelta(seconds=41)
        assert 35 < seconds <= 41


@pytest.mark.django_db
def test_used_up_limit_holds_the_integration(vendor: Vendor, open_client: MakeClient) -> None:
    """The answer that used it up is a success all the same."""
    vendor.reply = Reply(headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "40"})
    assert open_client(vendor.url).send("GET", "/").status == 200
    seconds, reason = hold_of("crm")
    assert 35 < seconds <= 40
    assert reason == "Acme says that our requests are used up for now."


@pytest.mark.django_db
def test_retry_after_of_a_503_holds_the_integration(
    vendor: Vendor, open_client: MakeClient
) -> None:
    """A vendor on maintenance wants nobody's requests."""
    vendor.reply = Reply(status=503, headers={"Retry-After": "40"})
    with pytest.raises(TemporaryFailure) as caught:
        open_client(vendor.url).send("GET", "/")
    assert caught.value.retry_after == timedelta(seconds=40)
    assert 35 < hold_of("crm")[0] <= 40


@pytest.mark.django_db
def test_429_that_was_expected_holds_the_integration_too(
    vendor: Vendor, open_client: MakeClient
) -> None:
    """What a backend makes of it is its own affair; the vendor has had enough."""
    vendor.reply = Reply(status=429)
    assert open_client(vendor.url).send("GET", "/", accept={429}).status == 429
    assert hold_of("crm")[0] > 5


@pytest.mark.django_db
def test_ordinary_request_costs_one_query(vendor: Vendor, open_client: MakeClient) -> None:
    """Without a rate or a limit in its answer: whether the vendor wants to be left alone."""
    vendor.reply = Reply(status=500, headers={"Retry-After": "40"})
    with pytest.raises(TemporaryFailure) as caught, CaptureQueriesContext(connection) as queries:
        open_client(vendor.url).send("GET", "/")
    assert caught.value.retry_after == timedelta(seconds=40)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


@pytest.mark.django_db
def test_after_a_429_nothing_more_is_sent(vendor: Vendor, open_client: MakeClient) -> None:
    """Without a rate, too, an effect that is under way does not go on calling."""
    vendor.reply = Reply(status=429, headers={"Retry-After": "40"})
    first, second = open_client(vendor.url), open_client(vendor.url)
    with pytest.raises(RateLimited):
        first.send("GET", "/")
    with pytest.raises(RateLimited, match=r"^Held: Acme answered with status 429\.$"):
        second.send("GET", "/")
    assert len(vendor.log) == 1


@pytest.mark.django_db
def test_request_without_a_slot_is_not_sent(vendor: Vendor, open_client: MakeClient) -> None:
    """The rate is kept to by every request, whatever came of the one before."""
    client = open_client(vendor.url, options=Options.read({"RATE": "1/h"}))
    vendor.fail(500)
    with pytest.raises(TemporaryFailure):
        client.send("GET", "/")
    with pytest.raises(RateLimited):
        client.send("GET", "/")
    assert len(vendor.log) == 1
