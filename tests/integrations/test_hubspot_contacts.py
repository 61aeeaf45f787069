"""Which contact of HubSpot's a call is put on."""

from collections.abc import Iterator

import pytest

from integrations.exceptions import TemporaryFailure
from tests.contracts.backend_contract import apply_together
from tests.contracts.requests import make_contact_update
from tests.integrations.hubspot_account import Account, open_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fake() -> Iterator[Account]:
    """Start an account."""
    with open_account() as account:
        yield account


def test_contact_is_known_by_its_number_in_e164(fake: Account) -> None:
    """A contact that is made has the number in HubSpot's own field too."""
    fake.make_crm().apply(make_contact_update(phone_number="0049 30 1234"))
    (contact,) = fake.get_contacts()
    assert contact["switchboard_phone"] == contact["phone"] == "+49301234"


def test_outbound_call_is_on_the_contact_that_was_called(fake: Account) -> None:
    """The other party of an outbound call is who it went to."""
    update = make_contact_update(direction="outbound", phone_number="+49307654321")
    fake.make_crm().apply(update)
    assert fake.get_calls()[0]["hs_call_direction"] == "OUTBOUND"
    assert fake.get_contacts()[0]["switchboard_phone"] == "+49307654321"


@pytest.mark.parametrize("number", ["", "anonymous", "030 1234", "2001"])
def test_number_without_its_country_makes_no_contact(fake: Account, number: str) -> None:
    """Who cannot be told apart from others all over the world is kept on the call only."""
    fake.make_crm().apply(make_contact_update(phone_number=number, from_number=number))
    assert fake.get_contacts() == []
    assert fake.get_calls()[0].get("hs_call_from_number", "") == number


def test_number_that_becomes_known_later_brings_the_contact(fake: Account) -> None:
    """A newer version that knows the number puts the call on its contact."""
    crm = fake.make_crm()
    crm.apply(make_contact_update(version=1, phone_number=""))
    crm.apply(make_contact_update(version=2))
    assert fake.get_calls()[0]["contacts"] == [fake.get_contacts()[0]["id"]]


@pytest.mark.parametrize("lag", [0.0, 60.0])
def test_conversations_of_one_new_number_meet_in_one_contact(fake: Account, lag: float) -> None:
    """Ten at once, whatever the search index knows yet, are ten calls on one contact."""
    crm = fake.make_crm()
    fake.index_lag = lag
    updates = [make_contact_update(conversation_uuid=f"c-{n}") for n in range(10)]
    apply_together(crm, updates)
    (contact,) = fake.get_contacts()
    assert [call["contacts"] for call in fake.get_calls()] == [[contact["id"]]] * 10


@pytest.mark.parametrize("in_part", [False, True])
def test_number_that_another_worker_was_faster_with_is_looked_up_again(
    fake: Account,
    in_part: bool,  # noqa: FBT001 -- pytest's parameter
) -> None:
    """A refusal over the unique number leads to the contact that has it by now."""
    rivals: list[str] = []

    def add_rival() -> None:
        rivals.append(fake.add_contact(switchboard_phone="+49301234", email="caller@example.com"))

    fake.before_write = add_rival
    fake.refuses_in_part = in_part
    # The e-mail address makes the upsert that overtook us one that is refused.
    owner = fake.add_contact(email="taken@example.com")
    crm = fake.make_crm(CONTACT_FIELDS={"email": "taken@example.com"})
    crm.apply(make_contact_update())
    assert fake.get_calls()[0]["contacts"] == rivals
    assert owner not in rivals


def test_conflict_that_leads_nowhere_is_tried_again_later(fake: Account) -> None:
    """A value that is taken, with no contact of the number to be found, is no final verdict."""
    fake.add_contact(email="taken@example.com")
    crm = fake.make_crm(CONTACT_FIELDS={"email": "taken@example.com"})
    with pytest.raises(TemporaryFailure, match="another record"):
        crm.apply(make_contact_update())
    assert fake.get_calls() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": "+49301234"},
        {"phone": "0049301234"},
        {"phone": "+49 (30) 12-34"},
        {"mobilephone": "+49 30 1234"},
    ],
)
def test_contact_with_the_number_is_adopted(fake: Account, fields: dict[str, str]) -> None:
    """However people wrote the number, their contact is taken and marked."""
    known = fake.add_contact(firstname="Ada", **fields)
    fake.make_crm().apply(make_contact_update())
    (contact,) = fake.get_contacts()
    assert contact["id"] == known
    assert contact["firstname"] == "Ada"
    assert contact["switchboard_phone"] == "+49301234"
    assert contact.get("phone") == fields.get("phone")


def test_oldest_of_several_is_adopted_and_found_without_a_search_later(fake: Account) -> None:
    """A number that HubSpot has twice leads to one contact, every time."""
    oldest = fake.add_contact(phone="+49301234")
    fake.add_contact(phone="+49301234")
    crm = fake.make_crm()
    crm.apply(make_contact_update(conversation_uuid="c-1"))
    before = len(fake.log)
    crm.apply(make_contact_update(conversation_uuid="c-2"))
    assert [call["contacts"] for call in fake.get_calls()] == [[oldest], [oldest]]
    assert not any(entry.path.endswith("/search") for entry in fake.log[before:])


@pytest.mark.parametrize("phone", ["+1 30 1234", "030 1234", "+493012345"])
def test_contact_with_another_number_is_not_adopted(fake: Account, phone: str) -> None:
    """HubSpot's search leaves the country out; a number of another country is another person's."""
    other = fake.add_contact(phone=phone)
    fake.make_crm().apply(make_contact_update())
    assert len(fake.get_contacts()) == 2
    assert other not in fake.get_calls()[0]["contacts"]


def test_second_number_of_a_marked_contact_does_not_take_its_first(fake: Account) -> None:
    """A person with two numbers gets the calls of both, and stays known by the first."""
    person = fake.add_contact(phone="+49301234", mobilephone="+491701234")
    crm = fake.make_crm()
    for turn, number in enumerate(["+49301234", "+491701234", "+49301234"]):
        crm.apply(make_contact_update(conversation_uuid=f"c-{turn}", phone_number=number))
    (contact,) = fake.get_contacts()
    assert contact["switchboard_phone"] == "+49301234"
    assert [call["contacts"] for call in fake.get_calls()] == [[person]] * 3
    assert [entry.method for entry in fake.log].count("PATCH") == 1


def test_contacts_are_left_alone_where_the_setting_says_so(fake: Account) -> None:
    """Without adoption there is no search, and a contact of our own."""
    known = fake.add_contact(phone="+49301234")
    fake.make_crm(ADOPT_CONTACTS=False).apply(make_contact_update())
    assert known not in fake.get_calls()[0]["contacts"]
    assert not any(entry.path.endswith("/search") for entry in fake.log)


def test_contact_that_was_deleted_since_it_was_indexed_is_passed_over(fake: Account) -> None:
    """A search result that is gone is no reason to fail."""
    fake.add_contact(phone="+49301234")
    fake.fail(404, method="PATCH")
    fake.make_crm().apply(make_contact_update())
    assert len(fake.get_contacts()) == 2
    assert len(fake.get_calls()[0]["contacts"]) == 1
