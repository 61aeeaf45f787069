"""HubSpot as the CRM."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.base import Backend, Result
from integrations.clients.hubspot.properties import make_unique_value
from integrations.crm.base import ContactUpdate
from integrations.crm.hubspot import HubSpotCRM
from integrations.exceptions import TemporaryFailure
from integrations.facts import Goal
from integrations.http.client import VendorClient
from tests.contracts.backend_contract import apply_together
from tests.contracts.kind_contracts import CRMContract
from tests.contracts.requests import make_contact_update
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.faults import FaultName
from tests.fakes.hubspot import ACCESS_TOKEN, FakeHubSpot
from tests.fakes.server import FakeServer
from tests.integrations.hubspot_account import Account, open_account
from tests.integrations.hubspot_html import read_text

pytestmark = pytest.mark.django_db(transaction=True)

STARTED_AT = datetime(2026, 3, 4, 9, 28, 59, tzinfo=UTC)
MILLISECONDS = "1772616539000"
UPSERT = "/crm/objects/2026-09/calls/batch/upsert"


class TestHubSpotCRM(VendorContract[ContactUpdate], CRMContract):
    """HubSpot keeps a CRM's promises."""

    SECRETS = (ACCESS_TOKEN,)
    fake: FakeHubSpot

    def make_fake(self) -> FakeServer:
        """Return an account."""
        return FakeHubSpot()

    def make_vendor_backend(self, url: str) -> HubSpotCRM:
        """Return the backend."""
        return HubSpotCRM("crm", {"ACCESS_TOKEN": ACCESS_TOKEN, "BASE_URL": url, "RATE": ""})

    def find_clients(self, backend: Backend[Any]) -> list[VendorClient]:
        """Return the client below HubSpot's own."""
        assert isinstance(backend, HubSpotCRM)
        return [backend.client.http]

    def count_records(self, backend: Backend[Any]) -> int:  # noqa: ARG002 -- the fake holds them
        """Count the calls, each on its contact, and see that no contact has doubled."""
        numbers = [contact["switchboard_phone"] for contact in self.fake.get_contacts()]
        assert len(numbers) == len(set(numbers))
        assert all(len(call["contacts"]) == min(1, len(numbers)) for call in self.fake.get_calls())
        return len(self.fake.get_calls())

    def read_record(self, backend: Backend[Any], request: ContactUpdate) -> dict[str, Any]:  # noqa: ARG002
        """Read a call back; what its body holds as HTML counts as held where it is there."""
        call = find_call(self.fake, request)
        known = request.conversation
        body = call.get("hs_call_body", "")
        duration = call.get("hs_call_duration")
        texts = {
            "summary": known.summary,
            "status": known.status,
            "answer_status": known.answer_status,
        }
        said = read_text(body)
        held: dict[str, Any] = {
            name: text if "".join(text.split()) in said else None for name, text in texts.items()
        }
        goals = re.findall(r"<li>(.*?)</li>", body, re.DOTALL)
        return held | {
            "version": int(call["switchboard_version"]),
            "duration_seconds": None if duration is None else int(duration) // 1000,
            "goals": known.goals
            if [read_text(goal) for goal in goals] == [show_goal(goal) for goal in known.goals]
            else goals,
        }


def show_goal(goal: Goal) -> str:
    """Return what a body shows of a goal, without white space."""
    sign = {True: "✓", False: "✗", None: "?"}[goal.achieved]
    reason = f":{goal.reason}" if goal.reason else ""
    return "".join(f"{sign}{goal.name}{reason}".split())


def find_call(fake: FakeHubSpot, request: ContactUpdate) -> dict[str, Any]:
    """Return the call of the request's conversation; there must be one."""
    name = make_unique_value(request.conversation.conversation_uuid)
    (call,) = (c for c in fake.get_calls() if c["switchboard_conversation"] == name)
    return call


@pytest.fixture
def fake() -> Iterator[Account]:
    """Start an account."""
    with open_account() as account:
        yield account


def test_call_says_what_became_of_the_conversation(fake: Account) -> None:
    """Title, outcome, duration, direction, numbers, insights and the link are in their fields."""
    result = fake.make_crm().apply(make_contact_update(started_at=STARTED_AT))
    (call,) = fake.get_calls()
    assert call | {"hs_call_body": ""} == {
        "id": call["id"],
        "hs_object_id": call["id"],
        "createdate": call["createdate"],
        "switchboard_conversation": "c-1",
        "switchboard_version": "2",
        "hs_timestamp": MILLISECONDS,
        "hs_call_title": "Inbound call with Front desk",
        "hs_call_body": "",
        "hs_call_direction": "INBOUND",
        "hs_call_status": "COMPLETED",
        "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
        "hs_call_duration": "61000",
        "hs_call_from_number": "+49301234",
        "hs_call_to_number": "+49307654321",
        "contacts": [fake.get_contacts()[0]["id"]],
    }
    body = call["hs_call_body"]
    assert "<p>Wants a call back.</p>" in body
    assert read_text(body) == (
        "Wantsacallback.✗Appointmentmade:NoslotScore:0.5Status:completedConversation"
    )
    assert '<a href="https://voice.example.com/conversations/c-1">' in body
    assert result == Result(
        external_id=call["id"],
        url=f"https://app.hubspot.com/contacts/4711/record/0-48/{call['id']}",
    )


def test_started_conversation_is_a_call_in_progress(fake: Account) -> None:
    """The live session is there at once, and becomes the ended call."""
    crm = fake.make_crm()
    live = make_contact_update(
        version=1, status="in_progress", ended_at=None, duration_seconds=None, summary="", goals=()
    )
    first = crm.apply(live)
    (call,) = fake.get_calls()
    assert call["hs_call_status"] == "IN_PROGRESS"
    assert "hs_call_duration" not in call
    assert len(call["contacts"]) == 1
    assert crm.apply(make_contact_update(version=2)) == first
    (call,) = fake.get_calls()
    assert (call["hs_call_status"], call["hs_call_duration"]) == ("COMPLETED", "61000")


@pytest.mark.parametrize(
    ("facts", "status", "disposition"),
    [
        ({"status": "failed"}, "FAILED", None),
        ({"status": "failed", "answer_status": "busy"}, "FAILED", "9d9162e7"),
        ({"status": "transferred"}, "COMPLETED", "f240bbac"),
        ({"status": "", "answer_status": "no_answer"}, "COMPLETED", "73a0d17f"),
        ({"status": "", "ended_at": None}, "IN_PROGRESS", None),
    ],
)
def test_outcome_is_hubspots_own(
    fake: Account, facts: dict[str, Any], status: str, disposition: str | None
) -> None:
    """The sender's words become the values that HubSpot takes."""
    fake.make_crm().apply(make_contact_update(**facts))
    (call,) = fake.get_calls()
    assert call["hs_call_status"] == status
    assert (call.get("hs_call_disposition") or "")[:8] == (disposition or "")


def test_long_body_is_cut_where_html_stays_whole(fake: Account) -> None:
    """More than HubSpot holds is cut, not refused, and no markup is left open."""
    fake.make_crm().apply(make_contact_update(summary="<&> 🎧" * 20_000))
    body = fake.get_calls()[0]["hs_call_body"]
    assert len(body.encode("utf-16-le")) // 2 > 65_000
    assert body.endswith("…</p>")
    assert body.count("&amp;") == body.count("&") - body.count("&lt;") - body.count("&gt;")


def test_templates_of_the_setting_replace_and_add_fields(fake: Account) -> None:
    """An operator's templates win, an empty one leaves its field out."""
    crm = fake.make_crm(
        CALL_FIELDS={
            "hs_call_title": "{{ conversation.organization_name }}",
            "hs_call_disposition": "",
            "hubspot_owner_id": "7001",
        },
        CONTACT_FIELDS={"lastname": "Caller {{ request.phone_number }}"},
    )
    crm.apply(make_contact_update(phone_number="0049301234"))
    (call,) = fake.get_calls()
    assert call["hs_call_title"] == "Acme"
    assert call["hubspot_owner_id"] == "7001"
    assert "hs_call_disposition" not in call
    assert fake.get_contacts()[0]["lastname"] == "Caller +49301234"


def test_preview_is_what_is_sent(fake: Account) -> None:
    """A dry run shows the fields of the call and of the contact, those of our own among them."""
    crm = fake.make_crm()
    preview = crm.preview(make_contact_update())
    crm.apply(make_contact_update())
    assert preview["calls"].items() <= fake.get_calls()[0].items()
    assert preview["calls"].keys() >= {"switchboard_conversation", "switchboard_version"}
    assert preview["contacts"] == {"phone": "+49301234", "switchboard_phone": "+49301234"}
    assert list(crm.preview(make_contact_update(phone_number=""))) == ["calls"]


def test_crash_after_any_request_is_healed_by_the_next_run(fake: Account) -> None:
    """Wherever the connection breaks, one contact, one call and one association come of it."""
    crm = fake.make_crm()
    crm.apply(make_contact_update(conversation_uuid="whole", phone_number="+4930999"))
    requests = len(fake.log)
    assert requests == 6  # call, contact, search, contact made, call made, association
    for place in range(requests):
        number, name = f"+49301{place}", f"c-{place}"
        update = make_contact_update(conversation_uuid=name, phone_number=number)
        if place:
            fake.slow(0, times=place)
        fake.drop_after()
        with pytest.raises(TemporaryFailure):
            crm.apply(update)
        crm.apply(update)
        (contact,) = (c["id"] for c in fake.get_contacts() if c["switchboard_phone"] == number)
        (call,) = (c for c in fake.get_calls() if c["switchboard_conversation"] == name)
        assert call["contacts"] == [contact]
    assert len(fake.get_contacts()) == len(fake.get_calls()) == requests + 1


def test_version_that_was_written_without_its_contact_gets_it(fake: Account) -> None:
    """That the call is new enough does not hide that its association is missing."""
    crm = fake.make_crm()
    fake.drop_before(method="PUT")
    with pytest.raises(TemporaryFailure):
        crm.apply(make_contact_update())
    assert fake.get_calls()[0]["contacts"] == []
    writes = len([entry for entry in fake.log if entry.method == "POST"])
    crm.apply(make_contact_update())
    assert len(fake.get_calls()[0]["contacts"]) == 1
    assert len([entry for entry in fake.log if entry.method == "POST"]) == writes


def test_older_version_that_comes_late_writes_nothing(fake: Account) -> None:
    """The look at what is there is all that it costs."""
    crm = fake.make_crm()
    crm.apply(make_contact_update(version=2))
    before = len(fake.log)
    crm.apply(make_contact_update(version=1, summary="Old"))
    assert [entry.method for entry in fake.log[before:]] == ["GET"]


def test_two_versions_that_race_are_mended_by_the_higher_one(fake: Account) -> None:
    """What HubSpot cannot rule out, an update that lost, the next run of the newer one undoes."""
    crm = fake.make_crm()
    low, high = make_contact_update(version=1), make_contact_update(version=2)
    first, second = apply_together(crm, [low, high])
    assert first == second
    crm.apply(high)
    (call,) = fake.get_calls()
    assert call["switchboard_version"] == "2"
    assert len(fake.get_contacts()) == 1


def test_older_write_that_lands_late_is_mended_when_its_effect_runs_again(fake: Account) -> None:
    """A write without an answer may land on a newer version; whoever looks afterwards sees it."""
    crm = fake.make_crm()
    crm.apply(make_contact_update(version=1))
    fake.late(1, method="POST", path=UPSERT)
    with pytest.raises(TemporaryFailure) as caught:
        crm.apply(make_contact_update(version=2, summary="Second"))
    assert caught.value.retry_after == timedelta(minutes=1)
    newest = make_contact_update(version=3, summary="Third")
    crm.apply(newest)
    assert fake.get_calls()[0]["switchboard_version"] == "3"
    fake.wait_for_late()
    assert fake.get_calls()[0]["switchboard_version"] == "2"
    crm.apply(newest)  # the engine renders what is known when the older event's effect runs again
    (call,) = fake.get_calls()
    assert call["switchboard_version"] == "3"
    assert "Third" in call["hs_call_body"]


@pytest.mark.parametrize(
    ("fault", "details", "is_unknown"),
    [
        ("slow", {"seconds": 1}, True),
        ("drop_before", {}, True),
        ("drop_after", {}, True),
        ("fail", {"status": 500}, True),
        ("html_error", {}, True),
        ("not_json", {}, True),
        ("huge", {}, True),
        ("fail", {"status": 401}, False),
        ("fail", {"status": 409}, False),
        ("fail", {"status": 423}, False),
        ("rate_limit", {"retry_after": 7}, False),
    ],
)
def test_call_is_left_alone_only_after_a_write_of_unknown_fate(
    fake: Account,
    fault: FaultName,
    details: dict[str, Any],
    is_unknown: bool,  # noqa: FBT001 -- pytest's parameter
) -> None:
    """Where HubSpot has certainly not written, the next try need not wait."""
    fake.order(fault, method="POST", path=UPSERT, **details)
    crm = fake.make_crm()
    crm.client.http.limits = replace(crm.client.http.limits, read=0.5)
    with pytest.raises(TemporaryFailure) as caught:
        crm.apply(make_contact_update())
    assert (caught.value.retry_after == timedelta(minutes=1)) is is_unknown


def test_look_that_failed_is_repeated_at_once(fake: Account) -> None:
    """A time-out of what only reads leaves nothing behind that could land late."""
    fake.drop_before(method="GET")
    with pytest.raises(TemporaryFailure) as caught:
        fake.make_crm().apply(make_contact_update())
    assert caught.value.retry_after is None


def test_emptied_version_is_written_over(fake: Account) -> None:
    """A person who clears our property does not stop the updates."""
    crm = fake.make_crm()
    crm.apply(make_contact_update(version=2))
    record = next(iter(fake.records.by_type["calls"].values()))
    fake.records.update(record, {"switchboard_version": ""})
    crm.apply(make_contact_update(version=2, summary="Again"))
    assert "Again" in fake.get_calls()[0]["hs_call_body"]


@pytest.mark.parametrize(
    "name", ["..", "a/b", "a?b=c#d", "50%", "ü ü", "", "sha256:abc", "n" * 101], ids=repr
)
def test_any_name_of_a_conversation_finds_its_call_again(fake: Account, name: str) -> None:
    """What cannot stand in an address is digested, and never another conversation's."""
    crm = fake.make_crm()
    other = crm.apply(make_contact_update(conversation_uuid=make_unique_value(name) + "x"))
    update = make_contact_update(conversation_uuid=name)
    first = crm.apply(update)
    assert crm.apply(update) == first != other
    assert len(fake.get_calls()) == 2
