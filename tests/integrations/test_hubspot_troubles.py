"""HubSpot's limits and refusals, and what is said of them beforehand."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from integrations.base import Result
from integrations.clients.hubspot.client import SEARCH_RATE
from integrations.crm.base import ContactUpdate
from integrations.crm.hubspot import HubSpotCRM
from integrations.exceptions import PermanentFailure, RateLimited, TemporaryFailure
from integrations.models import Budget
from tests.contracts.requests import make_contact_update
from tests.fakes.faults import FaultName
from tests.fakes.hubspot import WRITE
from tests.integrations.budgets import let_pass
from tests.integrations.hubspot_account import Account, open_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fake() -> Iterator[Account]:
    """Start an account."""
    with open_account() as account:
        yield account


def apply_and_close(crm: HubSpotCRM, update: ContactUpdate) -> Result:
    """Apply from a thread that leaves no connection behind."""
    try:
        return crm.apply(update)
    finally:
        connections.close_all()


def test_storm_of_faults_leaves_one_of_each(fake: Account) -> None:
    """Whatever goes wrong at random, what is tried again until it works is there exactly once."""
    names = [f"c-{n}" for n in range(40)]
    crm = fake.make_crm()
    crm.client.http.limits = replace(crm.client.http.limits, read=0.5, total=1)
    faults: tuple[FaultName, ...] = (
        "rate_limit",
        "fail",
        "fail_after",
        "drop_before",
        "drop_after",
        "huge",
        "not_json",
    )
    fake.index_lag = 0.2
    # Whoever is waiting for a hold waits for all of it, so there are fewer of those.
    fake.policy = "SECONDLY"
    fake.faults.randomize(7, dict.fromkeys(faults, 0.04) | {"rate_limit": 0.01})

    def apply_until_done(name: str, version: int) -> None:
        number = f"+4930{names.index(name) % 7}"
        update = make_contact_update(conversation_uuid=name, version=version, phone_number=number)
        for _ in range(80):
            with suppress(TemporaryFailure):
                apply_and_close(crm, update)
                return
            let_pass(timedelta(seconds=10))  # so that a hold is over
            connections.close_all()
        raise AssertionError("It never worked.")

    with ThreadPoolExecutor(4) as threads:
        for version in (2, 1, 3):  # a conversation's updates run in turn, as the engine has it
            list(threads.map(apply_until_done, names, [version] * len(names)))
    assert len({entry.status for entry in fake.log} & {0, 429, 500}) == 3
    contacts = {contact["id"]: contact["switchboard_phone"] for contact in fake.get_contacts()}
    assert sorted(contacts.values()) == [f"+4930{n}" for n in range(7)]
    calls = {call["switchboard_conversation"]: call for call in fake.get_calls()}
    assert len(fake.get_calls()) == len(calls) == len(names)
    for place, name in enumerate(names):
        assert calls[name]["switchboard_version"] == "3"
        assert [contacts[c] for c in calls[name]["contacts"]] == [f"+4930{place % 7}"]


@pytest.mark.parametrize(
    ("policy", "wait"),
    [
        ("TEN_SECONDLY_ROLLING", timedelta(seconds=10)),
        ("SECONDLY", timedelta(seconds=1)),
        ("DAILY", timedelta(hours=1)),
    ],
)
def test_limit_is_waited_for_as_long_as_it_lasts(
    fake: Account, policy: str, wait: timedelta
) -> None:
    """A 429 names the limit, which says how long nobody should ask."""
    fake.policy = policy
    fake.rate_limit()
    with pytest.raises(RateLimited) as caught:
        fake.make_crm().apply(make_contact_update())
    assert caught.value.retry_after == wait
    held_until = Budget.objects.get(pk="crm").held_until
    assert held_until is not None
    assert abs(held_until - datetime.now(UTC) - wait) < timedelta(seconds=5)


@pytest.mark.parametrize("rate", ["900/s", ""], ids=["rate", "no rate"])
def test_searches_keep_to_a_limit_of_their_own(fake: Account, rate: str) -> None:
    """New numbers, each of which needs a search, are searched for at four a second and no faster.

    What is told is how long all of them took at least: how close together two requests arrive
    depends on how busy the machine is.
    """
    crm = fake.make_crm(RATE=rate)
    updates = [
        make_contact_update(conversation_uuid=f"c-{n}", phone_number=f"+4930{n}") for n in range(7)
    ]
    started = monotonic()
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda update: apply_and_close(crm, update), updates))
    assert monotonic() - started >= 6 * SEARCH_RATE.spacing.total_seconds()
    assert len(fake.get_calls()) == 7


@pytest.mark.parametrize(
    ("status", "wait"), [(423, timedelta(seconds=2)), (477, None)], ids=["locked", "moving"]
)
def test_account_that_is_busy_is_asked_again(
    fake: Account, status: int, wait: timedelta | None
) -> None:
    """A locked record and an account on the move are no verdict on the request."""
    fake.fail(status)
    crm = fake.make_crm()
    with pytest.raises(TemporaryFailure) as caught:
        crm.apply(make_contact_update())
    assert caught.value.retry_after == wait
    crm.apply(make_contact_update())
    assert len(fake.get_calls()) == 1


@pytest.mark.parametrize("in_part", [False, True])
def test_unknown_property_is_final_and_named_by_its_code(
    fake: Account,
    in_part: bool,  # noqa: FBT001 -- pytest's parameter
) -> None:
    """A field that the account does not have can only be mended by people."""
    fake.refuses_in_part = in_part
    crm = fake.make_crm(CALL_FIELDS={"no_such_field": "x"})
    with pytest.raises(PermanentFailure, match="PROPERTY_DOESNT_EXIST"):
        crm.apply(make_contact_update())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"BASE_URL": "http://hubspot.example"}, "BASE_URL is not an https:// address"),
        ({"PORTAL_ID": "4711/../secret"}, "PORTAL_ID is the account's number"),
        ({"PORTAL_ID": -4711}, "PORTAL_ID is the account's number"),
        ({"PORTAL_ID": "\u0664\u0667"}, "PORTAL_ID is the account's number"),
    ],
)
def test_wrong_option_stops_the_start(fake: Account, options: dict[str, object], said: str) -> None:
    """An address that no key may go to, and a number that is none, are refused without a quote."""
    for make in (fake.make_crm, fake.make_tasks):
        with pytest.raises(ImproperlyConfigured, match=said) as caught:
            make(**options)
        assert not any(str(value) in str(caught.value) for value in options.values())


@pytest.mark.parametrize("portal_id", [4711, "4711"])
def test_account_may_be_named_by_digits_of_either_type(fake: Account, portal_id: int | str) -> None:
    """An environment variable has texts alone."""
    result = fake.make_crm(PORTAL_ID=portal_id).apply(make_contact_update())
    assert result.url.startswith("https://app.hubspot.com/contacts/4711/record/")


def test_wrong_template_is_found_by_the_check(fake: Account) -> None:
    """A template that asks for what is not there is an error with its option's name."""
    crm = fake.make_crm(
        CALL_FIELDS={"hs_call_title": "{{ conversation.nmae }}"},
        CONTACT_FIELDS={"lastname": "{{ request.nobody }}"},
    )
    assert [message.id for message in crm.check()] == ["integrations.E011"] * 2
    assert "CALL_FIELDS" in crm.check()[0].msg
    assert "CONTACT_FIELDS" in crm.check()[1].msg
    assert fake.make_crm().check() == []


def test_diagnosis_names_the_missing_scope(fake: Account) -> None:
    """A key that may only read is told apart before the first effect."""
    fake.scopes -= {WRITE}
    said = list(fake.make_crm().diagnose())
    assert len(said) == 2
    assert all("crm.objects.contacts.write" in sentence for sentence in said)
    assert "write contacts" in said[0]
    assert "write calls" in said[1]


def test_diagnosis_of_a_rejected_key_is_one_sentence(fake: Account) -> None:
    """Where nothing can be asked, only that is said."""
    (said,) = fake.make_crm(ACCESS_TOKEN="pat-na1-wrong").diagnose()
    assert "ACCESS_TOKEN" in said
    assert "pat-na1" not in said


def test_diagnosis_says_that_the_setup_is_missing(fake: Account) -> None:
    """Each property of ours that is not there is named, with what to do."""
    fake.forget_setup()
    said = list(fake.make_crm().diagnose())
    assert [re.findall(r"switchboard_\w+", sentence) for sentence in said] == [
        ["switchboard_phone"],
        ["switchboard_conversation"],
        ["switchboard_version"],
    ]
    assert all("manage.py setup_hubspot" in sentence for sentence in said)


def test_diagnosis_names_a_field_that_the_account_lacks(fake: Account) -> None:
    """A field of the setting that HubSpot does not know is found without writing anything."""
    crm = fake.make_crm(CALL_FIELDS={"no_such_field": "x", "hs_call_title": ""})
    (said,) = crm.diagnose()
    assert "no_such_field of calls" in said
    assert fake.get_calls() == []
