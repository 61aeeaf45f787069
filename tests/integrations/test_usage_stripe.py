"""Stripe as a billing system, against a fake that is held against Stripe's own document."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from integrations.base import Backend
from integrations.exceptions import (
    AccessDenied,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
    Unreachable,
)
from integrations.http.client import VendorClient
from integrations.models import StripeCustomer, StripeMeterEvent
from integrations.rates import Rate
from integrations.usage.base import UsageRecord
from integrations.usage.stripe import StripeUsage
from integrations.usage.stripe_sends import KEPT
from tests.contracts.kind_contracts import UsageContract
from tests.contracts.requests import make_usage_record
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.stripe import API_KEY, CUSTOMER, EVENT_NAME, SPEC, FakeStripe
from tests.processes import BASE_DIR

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MADE: list[StripeUsage] = []


def make_recent(**changes: Any) -> UsageRecord:
    """Return the usage of a call that ended an hour ago."""
    ended_at = datetime.now(UTC).replace(microsecond=0) - HOUR
    return make_usage_record(**{"occurred_at": ended_at} | changes)


def map_customer(uuid: str = "o-1", customer: str = CUSTOMER, scope: str = "organization") -> None:
    """Have usage billed."""
    StripeCustomer.objects.update_or_create(
        scope=scope, uuid=uuid, defaults={"customer_id": customer}
    )


def make_backend(url: str = "http://127.0.0.1:9", **options: Any) -> StripeUsage:
    """Return a backend for the account at `url`, without a limit of its rate."""
    known = {"BASE_URL": url, "API_KEY": API_KEY, "EVENT_NAME": EVENT_NAME, "RATE": ""}
    backend = StripeUsage("usage", known | options)
    MADE.append(backend)
    return backend


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    """Close the connections of every backend that a test made."""
    yield
    while MADE:
        MADE.pop().api.client.close()


class TestStripeUsage(VendorContract[UsageRecord], UsageContract):
    """Stripe keeps a billing system's promises."""

    SECRETS = (API_KEY,)
    # Without an account there is nobody to bill: `test_stripe_customers` is about that.
    IDENTIFYING = ("conversation_uuid", "organization_uuid")
    fake: FakeStripe

    @pytest.fixture(autouse=True)
    def _as_documented(self) -> Iterator[None]:
        """Hold everything that went either way against the document."""
        yield
        if hasattr(self, "fake"):
            assert self.fake.mismatches == []

    def make_request(self, **changes: Any) -> UsageRecord:
        """Return the usage of a call that is not too long ago."""
        return make_recent(**changes)

    def make_fake(self) -> FakeStripe:
        """Return the account."""
        return FakeStripe()

    def make_vendor_backend(self, url: str) -> StripeUsage:
        """Return the backend, with the requests' organization mapped."""
        map_customer()
        return make_backend(url)

    def find_clients(self, backend: Backend[UsageRecord]) -> list[VendorClient]:
        """Return the only client."""
        assert isinstance(backend, StripeUsage)
        return [backend.api.client]

    def count_records(self, backend: Backend[UsageRecord]) -> int:  # noqa: ARG002 -- the suite's
        """Count the meter events."""
        return len(self.fake.events)

    def read_record(self, backend: Backend[UsageRecord], request: UsageRecord) -> dict[str, Any]:
        """Return what is billed."""
        identifier = backend.apply(request).external_id
        event = next(event for event in self.fake.events if event.identifier == identifier)
        return {
            "seconds": int(event.payload["value"]),
            "occurred_at": datetime.fromtimestamp(event.timestamp, UTC),
        }


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    """Return an account, with the requests' organization mapped to its customer."""
    map_customer()
    with FakeStripe() as fake:
        yield fake
    assert fake.mismatches == []


def read_event(identifier: str = "usage:c-1") -> StripeMeterEvent:
    """Return what was written down of the event."""
    return StripeMeterEvent.objects.get(identifier=identifier)


def let_pass(fake: FakeStripe, length: timedelta) -> None:
    """Let time pass, for us and for Stripe."""
    fake.ahead += length.total_seconds()
    StripeMeterEvent.objects.update(
        created_at=F("created_at") - length, open_since=F("open_since") - length
    )


# -------------------------------------------------------------------- what is sent


@pytest.mark.skipif(not os.environ.get("VENDOR_SPECS_DIR"), reason="VENDOR_SPECS_DIR is not set")
def test_fake_is_held_against_the_document(fake: FakeStripe) -> None:
    """Where the folder of documents is there, Stripe's is in it."""
    assert (Path(os.environ["VENDOR_SPECS_DIR"]) / SPEC).is_file()
    assert fake.spec is not None


def test_event_says_whom_how_much_and_when(fake: FakeStripe) -> None:
    """The meter, the customer, the seconds, the key and the end of the call arrive, no more."""
    request = make_recent()
    result = make_backend(fake.url).apply(request)
    [event] = fake.events
    assert event.event_name == EVENT_NAME
    assert event.payload == {"stripe_customer_id": CUSTOMER, "value": "61"}
    assert event.identifier == result.external_id == "usage:c-1"
    assert event.timestamp == request.occurred_at.timestamp()
    assert result.url == f"https://dashboard.stripe.com/test/customers/{CUSTOMER}"


def test_live_key_leads_to_the_live_dashboard(fake: FakeStripe) -> None:
    """Nobody looks for a real bill in the sandbox."""
    key = API_KEY.replace("test", "live")
    fake.keys[key] = fake.keys[API_KEY]
    result = make_backend(fake.url, API_KEY=key).apply(make_recent())
    assert result.url == f"https://dashboard.stripe.com/customers/{CUSTOMER}"


def test_package_adds_nothing_of_its_own(fake: FakeStripe) -> None:
    """Neither an Idempotency-Key, which replays stored errors, nor anything about this machine."""
    make_backend(fake.url).apply(make_recent())
    [headers] = fake.headers
    assert "idempotency-key" not in headers
    assert not [name for name in headers if name.startswith("x-stripe")]
    assert headers["user-agent"].startswith("Switchboard/")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "stripe-version" in headers


def test_package_cannot_be_made_to_print_what_is_sent() -> None:
    """STRIPE_LOG=debug is Stripe's own way to have every request on standard error."""
    code = (
        "import django; django.setup();"
        "from integrations.clients.stripe.api import StripeAPI;"
        "from stripe._util import log_info, log_debug;"
        "log_info('canary'); log_debug('canary')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={**os.environ, "STRIPE_LOG": "debug", "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "canary" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("rounding", "minutes"),
    [
        ("up", {0: 0, 1: 1, 59: 1, 60: 1, 61: 2, 90: 2}),
        ("down", {0: 0, 1: 0, 59: 0, 60: 1, 61: 1, 119: 1}),
        ("nearest", {0: 0, 29: 0, 30: 1, 60: 1, 89: 1, 90: 2}),
    ],
)
def test_minutes_are_rounded_as_configured(rounding: str, minutes: dict[int, int]) -> None:
    """A begun minute is a whole one unless the setting says otherwise."""
    map_customer()
    backend = make_backend(UNIT="minutes", ROUNDING=rounding)
    for seconds, expected in minutes.items():
        sent = backend.preview(make_recent(seconds=seconds))
        assert sent["payload"]["value"] == str(expected), seconds


def test_more_dimensions_come_from_templates(fake: FakeStripe) -> None:
    """They are cut to what Stripe takes, and left out where they come to nothing."""
    templates = {
        "agent": "{{ conversation.agent_name }}",
        "kind": "{{ conversation.channel }}/{{ event.event_type }}",
        "campaign": "{{ conversation.campaign_uuid }}",
    }
    backend = make_backend(fake.url, PAYLOAD=templates)
    backend.apply(make_recent(agent_name="é🎧" * 80))
    [event] = fake.events
    assert event.payload["agent"] == "é🎧" * 50
    assert event.payload["kind"] == "phone/conversation.ended"
    assert "campaign" not in event.payload
    assert backend.check() == []


def test_payload_has_the_meters_own_names(fake: FakeStripe) -> None:
    """A meter may look for the customer and the value elsewhere than by default."""
    fake.add_meter(
        "minutes",
        customer_mapping={"event_payload_key": "customer", "type": "by_id"},
        value_settings={"event_payload_key": "minutes"},
    )
    names = {"EVENT_NAME": "minutes", "CUSTOMER_KEY": "customer", "VALUE_KEY": "minutes"}
    backend = make_backend(fake.url, UNIT="minutes", **names)
    assert list(backend.diagnose()) == []
    backend.apply(make_recent())
    assert fake.events[0].payload == {"customer": CUSTOMER, "minutes": "2"}


# -------------------------------------------------------------------- what cannot be sent


@pytest.mark.parametrize("length", [timedelta(days=35, minutes=1), timedelta(days=900)])
def test_usage_that_is_too_old_is_not_even_sent(fake: FakeStripe, length: timedelta) -> None:
    """Stripe takes 35 days; people have to bill what is older."""
    request = make_recent(occurred_at=datetime.now(UTC) - length)
    with pytest.raises(PermanentFailure, match="more than 35 days ago"):
        make_backend(fake.url).apply(request)
    assert fake.log == []


def test_usage_that_is_almost_too_old_is_sent(fake: FakeStripe) -> None:
    """The 35 days are used to their end."""
    ended_at = datetime.now(UTC) - timedelta(days=35) + timedelta(minutes=1)
    make_backend(fake.url).apply(make_recent(occurred_at=ended_at))
    assert len(fake.events) == 1


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=400)])
def test_clock_that_is_ahead_bills_the_present(fake: FakeStripe, ahead: timedelta) -> None:
    """What has ended did not end in the future, which is where Stripe takes no usage."""
    make_backend(fake.url).apply(make_recent(occurred_at=datetime.now(UTC) + ahead))
    assert abs(fake.events[0].timestamp - time.time()) < 5


def test_clock_that_is_a_little_ahead_is_believed(fake: FakeStripe) -> None:
    """Stripe allows for some drift, so there is nothing to correct."""
    ended_at = datetime.now(UTC) + timedelta(minutes=3)
    make_backend(fake.url).apply(make_recent(occurred_at=ended_at))
    assert fake.events[0].timestamp == int(ended_at.timestamp())


@pytest.mark.parametrize("seconds", [10**15, 10**4000])
def test_number_that_stripe_cannot_hold_is_not_sent(fake: FakeStripe, seconds: int) -> None:
    """Stripe takes 15 digits."""
    with pytest.raises(PermanentFailure, match="15 digits"):
        make_backend(fake.url).apply(make_recent(seconds=seconds))
    assert fake.log == []


def test_inactive_meter_keeps_effects_waiting(fake: FakeStripe) -> None:
    """No other effect would fare better, so none is failed for it; then they go through."""
    fake.meters[0]["status"] = "inactive"
    backend = make_backend(fake.url)
    with pytest.raises(AccessDenied, match="no active meter"):
        backend.apply(make_recent())
    fake.meters[0]["status"] = "active"
    backend.apply(make_recent())
    assert len(fake.events) == 1


def test_customer_that_stripe_does_not_know_is_a_permanent_failure(fake: FakeStripe) -> None:
    """The mapping has to be corrected; then the same effect is billed to the right one."""
    map_customer(customer="cus_Gone")
    backend = make_backend(fake.url)
    with pytest.raises(PermanentFailure, match="does not know the customer"):
        backend.apply(make_recent())
    map_customer()
    backend.apply(make_recent())
    assert fake.events[0].payload["stripe_customer_id"] == CUSTOMER


def test_customer_whose_turn_it_is_not_waits_a_moment(fake: FakeStripe) -> None:
    """Stripe takes one call at a time for a customer's meter; no attempt is used up by that."""
    fake.busy = 1
    backend = make_backend(fake.url)
    with pytest.raises(RateLimited) as caught:
        backend.apply(make_recent())
    assert caught.value.retry_after == timedelta(seconds=1)
    backend.apply(make_recent())
    assert len(fake.events) == 1


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b'"ok"', b'{"object": "billing.meter_event", "identifier": "x"}']
)
def test_success_of_another_shape_is_not_believed(fake: FakeStripe, answer: bytes) -> None:
    """What some proxy says in Stripe's place confirms nothing."""
    fake.spoiled = answer
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure, match="something else"):
        backend.apply(make_recent())
    assert read_event().confirmed_at is None


# -------------------------------------------------------------------- once, whatever happens


def test_event_that_stripe_has_is_not_sent_again(fake: FakeStripe) -> None:
    """Not even when Stripe has long forgotten its identifier."""
    backend = make_backend(fake.url)
    first = backend.apply(make_recent())
    let_pass(fake, 3 * DAY)
    assert backend.apply(make_recent()) == first
    assert len(fake.log) == 1


def test_repetition_within_a_day_is_recognised(fake: FakeStripe) -> None:
    """Stripe refuses the identifier, which says that it has the event."""
    fake.drop_after()
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_recent())
    let_pass(fake, 22 * HOUR)
    backend.apply(make_recent())
    assert len(fake.events) == 1
    assert [entry.status for entry in fake.log] == [0, 400]
    assert read_event().confirmed_at is not None


def test_repetition_after_a_day_waits_for_a_person(fake: FakeStripe) -> None:
    """Stripe would take it for another event, so nothing is sent."""
    fake.drop_after()
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_recent())
    let_pass(fake, DAY)
    with pytest.raises(PermanentFailure, match="usage:c-1"):
        backend.apply(make_recent())
    assert len(fake.log) == 1


def test_fake_would_bill_such_a_repetition_twice(fake: FakeStripe) -> None:
    """What the backend guards against does happen: here a person wrongly let it be sent again."""
    fake.drop_after()
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_recent())
    let_pass(fake, DAY + HOUR)
    StripeMeterEvent.objects.all().delete()
    backend.apply(make_recent())
    assert len(fake.events) == 2


def test_later_tries_do_not_prolong_the_time(fake: FakeStripe) -> None:
    """It counts from the first send that was not answered."""
    fake.drop_after(times=2)
    backend = make_backend(fake.url)
    for _ in range(2):
        with pytest.raises(TemporaryFailure):
            backend.apply(make_recent())
        let_pass(fake, 12 * HOUR)
    with pytest.raises(PermanentFailure):
        backend.apply(make_recent())


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429])
def test_refusal_leaves_nothing_open(fake: FakeStripe, status: int) -> None:
    """What Stripe did not take can be sent at any later time."""
    if status == 429:
        fake.rate_limit(0)
    else:
        fake.fail(status)
    backend = make_backend(fake.url)
    with pytest.raises((TemporaryFailure, PermanentFailure)):
        backend.apply(make_recent())
    assert read_event().open_sends == 0
    let_pass(fake, 2 * DAY)
    backend.apply(make_recent())
    assert len(fake.events) == 1


def test_what_never_left_leaves_nothing_open() -> None:
    """While nobody can be reached for days, nothing has to be looked up afterwards."""
    map_customer()
    with pytest.raises(Unreachable):
        make_backend().apply(make_recent())
    assert read_event().open_sends == 0


def test_refusal_does_not_settle_an_earlier_send(fake: FakeStripe) -> None:
    """A 401 says nothing of the time-out before it."""
    fake.drop_after()
    fake.fail(401)
    backend = make_backend(fake.url)
    for _ in range(2):
        with pytest.raises(TemporaryFailure):
            backend.apply(make_recent())
    assert read_event().open_sends == 1
    let_pass(fake, DAY)
    with pytest.raises(PermanentFailure):
        backend.apply(make_recent())


def test_open_send_keeps_its_customer(fake: FakeStripe) -> None:
    """Stripe might not recognise a repetition that is for somebody else."""
    fake.customers.add("cus_Other")
    fake.drop_after()
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_recent())
    map_customer(customer="cus_Other")
    result = backend.apply(make_recent())
    assert result.url.endswith(CUSTOMER)
    assert [event.payload["stripe_customer_id"] for event in fake.events] == [CUSTOMER]


def test_open_send_keeps_a_customer_who_is_no_longer_mapped(fake: FakeStripe) -> None:
    """What may be billed already is settled, whatever has become of the mapping."""
    fake.drop_after()
    backend = make_backend(fake.url)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_recent())
    StripeCustomer.objects.all().delete()
    assert backend.apply(make_recent()).url.endswith(CUSTOMER)
    assert len(fake.events) == 1


def test_sandboxs_event_does_not_count_in_live_mode(fake: FakeStripe) -> None:
    """What was tried out there is still to be billed here."""
    make_backend(fake.url).apply(make_recent())
    fake.events.clear()
    key = API_KEY.replace("test", "live")
    fake.keys[key] = fake.keys[API_KEY]
    make_backend(fake.url, API_KEY=key).apply(make_recent())
    assert len(fake.events) == 1


def test_rows_of_no_more_use_are_forgotten(fake: FakeStripe) -> None:
    """The table does not grow for ever; what may still be asked for stays."""
    backend = make_backend(fake.url)
    for number in range(3):
        backend.apply(make_recent(idempotency_key=f"usage:{number}"))
    StripeMeterEvent.objects.update(created_at=F("created_at") - KEPT)
    backend.apply(make_recent(idempotency_key="usage:late"))
    assert [event.identifier for event in StripeMeterEvent.objects.all()] == ["usage:late"]


def test_kept_rows_outlive_what_stripe_takes() -> None:
    """When a row is forgotten, its usage has become too old to be sent by mistake."""
    map_customer()
    request = make_recent(occurred_at=datetime.now(UTC) - KEPT + DAY)
    with pytest.raises(PermanentFailure, match="35 days"):
        make_backend().apply(request)


# -------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"API_KEY": "pk_test_abc"}, "API_KEY is not a secret"),
        ({"API_KEY": ""}, "API_KEY is not a secret"),
        ({"API_KEY": "sk_test_abc def"}, "API_KEY is not a secret"),
        ({"EVENT_NAME": ""}, "EVENT_NAME needs"),
        ({"EVENT_NAME": "x" * 101}, "EVENT_NAME needs"),
        ({"UNIT": "hours"}, "UNIT"),
        ({"ROUNDING": "random"}, "ROUNDING"),
        ({"PAYLOAD": {"value": "1"}}, "must all differ"),
        ({"CUSTOMER_KEY": "value"}, "must all differ"),
        ({"PAYLOAD": {"": "1"}}, "PAYLOAD needs"),
        ({"PAYLOAD": {"agent": "{% if %}"}}, "cannot be parsed"),
        ({"BASE_URL": "http://stripe.example"}, "BASE_URL is not an https:// address"),
    ],
)
def test_wrong_option_is_found_at_the_start(options: dict[str, Any], said: str) -> None:
    """By a sentence that names the option, and never the key."""
    with pytest.raises(ImproperlyConfigured, match=said) as caught:
        make_backend(**options)
    assert "pk_test_abc" not in str(caught.value)


def test_template_that_asks_for_what_is_not_there_is_found_by_check() -> None:
    """Not at night, by an effect."""
    [message] = make_backend(PAYLOAD={"agent": "{{ conversation.agnet }}"}).check()
    assert message.id == "integrations.E011"
    assert "PAYLOAD" in message.msg


@pytest.mark.parametrize(("key", "requests"), [(API_KEY, 25), ("rk_live_abc", 1000)])
def test_rate_is_the_modes_own(key: str, requests: int) -> None:
    """A sandbox allows less than live mode."""
    options = make_backend(API_KEY=key, RATE=None).options
    assert options.read_rate() == Rate(requests, timedelta(seconds=1))
    assert options.read_concurrency() == 1


def test_nothing_is_logged_by_the_package(
    fake: FakeStripe, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own log would have the request's body, and Stripe's message."""
    caplog.set_level(logging.DEBUG)
    fake.fail(400)
    with pytest.raises(PermanentFailure):
        make_backend(fake.url).apply(make_recent())
    assert not [record for record in caplog.records if record.name.startswith("stripe")]


# -------------------------------------------------------------------- diagnosis


def diagnose(fake: FakeStripe, **options: Any) -> list[str]:
    """Return what a backend finds."""
    return list(make_backend(fake.url, **options).diagnose())


def test_rejected_key_is_diagnosed(fake: FakeStripe) -> None:
    """One sentence: nothing else can be found out with such a key."""
    [said] = diagnose(fake, API_KEY="sk_test_other")
    assert "rejected the API key" in said
    assert "sk_test_other" not in said


@pytest.mark.parametrize(
    ("right", "said"),
    [("billing_meter_read", "may not send usage"), ("billing_meter_event_write", "may not look")],
)
def test_missing_right_is_diagnosed(fake: FakeStripe, right: str, said: str) -> None:
    """A restricted key needs both rights, and which one is missing is said."""
    fake.keys["rk_test_restricted"] = frozenset({right})
    [obstacle] = diagnose(fake, API_KEY="rk_test_restricted")
    assert said in obstacle


def test_unknown_meter_is_diagnosed_among_many(fake: FakeStripe) -> None:
    """All pages of meters are looked through before one is said to be missing."""
    for number in range(120):
        fake.add_meter(f"meter {number}")
    assert diagnose(fake) == []
    [said] = diagnose(fake, EVENT_NAME="nothing")
    assert "no meter with the event name nothing" in said
    assert len(fake.log) == 6


def test_inactive_meter_is_diagnosed(fake: FakeStripe) -> None:
    """It is there, so it has to be reactivated and not created."""
    fake.meters[0]["status"] = "inactive"
    [said] = diagnose(fake)
    assert "inactive" in said


def test_other_payload_keys_are_diagnosed(fake: FakeStripe) -> None:
    """Both names can be other than the options'."""
    fake.meters[0]["customer_mapping"]["event_payload_key"] = "customer"
    fake.meters[0]["value_settings"]["event_payload_key"] = "minutes"
    said = diagnose(fake)
    assert [("CUSTOMER_KEY" in each, "VALUE_KEY" in each) for each in said] == [
        (True, False),
        (False, True),
    ]


def test_meter_that_does_not_add_up_is_diagnosed(fake: FakeStripe) -> None:
    """Pre-aggregation and `last` make all events but one vanish."""
    fake.meters[0]["event_time_window"] = "hour"
    fake.meters[0]["default_aggregation"] = {"formula": "last"}
    assert len(diagnose(fake)) == 2


def test_empty_mapping_is_diagnosed(fake: FakeStripe) -> None:
    """Nothing would be billed to anybody."""
    StripeCustomer.objects.all().delete()
    [said] = diagnose(fake)
    assert "Nobody is billed" in said
