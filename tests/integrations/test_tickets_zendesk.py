"""Zendesk as a help desk, against a fake that is held against Zendesk's own document."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.base import Backend
from integrations.clients.zendesk import find_code
from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.http.client import VendorClient
from integrations.tickets.base import TicketRequest
from integrations.tickets.zendesk import ZendeskTickets, make_external_id
from tests.contracts.kind_contracts import TicketsContract
from tests.contracts.requests import make_ticket_request
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.zendesk import AGENT_ID, API_TOKEN, EMAIL, SPEC, FakeZendesk

pytestmark = pytest.mark.django_db(transaction=True)


def make_backend(url: str, **options: Any) -> ZendeskTickets:
    """Return a backend for the account at `url`."""
    known = {"BASE_URL": url, "EMAIL": EMAIL, "API_TOKEN": API_TOKEN, "RATE": ""}
    return ZendeskTickets("tickets", known | options)


class TestZendeskTickets(VendorContract[TicketRequest], TicketsContract):
    """Zendesk keeps a help desk's promises."""

    SECRETS = (API_TOKEN, EMAIL)
    fake: FakeZendesk

    def make_fake(self) -> FakeZendesk:
        """Return the account."""
        return FakeZendesk()

    def make_vendor_backend(self, url: str) -> ZendeskTickets:
        """Return the backend."""
        return make_backend(url)

    def find_clients(self, backend: Backend[TicketRequest]) -> list[VendorClient]:
        """Return the only client."""
        assert isinstance(backend, ZendeskTickets)
        return [backend.client.http]

    def count_records(self, backend: Backend[TicketRequest]) -> int:  # noqa: ARG002 -- the suite's
        """Count the tickets."""
        return len(self.fake.tickets)

    def read_record(
        self,
        backend: Backend[TicketRequest],  # noqa: ARG002 -- the suite's
        request: TicketRequest,
    ) -> dict[str, Any]:
        """Return the ticket; Zendesk's texts are trimmed and long subjects begin the comment."""
        external_id = make_external_id(request.idempotency_key)
        (ticket,) = (t for t in self.fake.tickets.values() if t["external_id"] == external_id)
        subject, comment = ticket["subject"], ticket["description"]
        held = {"priority": ticket["priority"], "subject": subject, "description": comment}
        if request.description.strip() in comment:
            held["description"] = request.description
        if " ".join(request.subject.split()) in (subject, comment.partition("\n")[0]):
            held["subject"] = request.subject
        return held

    @pytest.fixture(autouse=True)
    def _document(self) -> Iterator[None]:
        yield
        assert self.fake.mismatches == []

    @pytest.mark.parametrize("fault", ["drop_after", "drop_before", "fail_after", "not_json"])
    @pytest.mark.parametrize("place", range(5))
    def test_crash_at_any_call_leaves_one_requester(
        self, backend: Backend[TicketRequest], place: int, fault: Any
    ) -> None:
        """All five calls can go wrong, and there is one ticket of one new user afterwards."""
        self.strike_only(place, fault)
        with pytest.raises(TemporaryFailure):
            backend.apply(make_ticket_request())
        backend.apply(make_ticket_request())
        assert len(self.fake.tickets) == 1
        assert len(self.fake.users) == 2


@pytest.fixture
def fake() -> Iterator[FakeZendesk]:
    """Run an account whose requests and answers must fit Zendesk's document."""
    with FakeZendesk() as running:
        yield running
    assert running.mismatches == []


@pytest.fixture
def connect(fake: FakeZendesk) -> Iterator[Callable[..., ZendeskTickets]]:
    """Give a test backends for the account, with options of their own."""
    made = []

    def connect(**options: Any) -> ZendeskTickets:
        made.append(make_backend(fake.url, **options))
        return made[-1]

    yield connect
    for backend in made:
        backend.client.http.close()


@pytest.fixture
def backend(connect: Callable[..., ZendeskTickets]) -> ZendeskTickets:
    """Give each test a backend of its own."""
    return connect()


def read_only_ticket(fake: FakeZendesk) -> dict[str, Any]:
    """Return the account's ticket, which must be the only one."""
    (ticket,) = fake.tickets.values()
    return ticket


def count_posts(fake: FakeZendesk, path: str) -> int:
    """Count the requests that would have created something at `path`."""
    return sum((entry.method, entry.path) == ("POST", path) for entry in fake.log)


def test_document_is_at_hand(fake: FakeZendesk) -> None:
    """Zendesk's document is where `VENDOR_SPECS_DIR` says, so that the fake is held against it."""
    if fake.spec is None:
        pytest.skip(f"VENDOR_SPECS_DIR names no folder with {SPEC}")
    assert fake.spec.document["info"]["title"] == "Support API"


# ---------------------------------------------------------------- once


def test_result_leads_to_the_ticket(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """People are led to the ticket in the agents' view."""
    result = backend.apply(make_ticket_request())
    assert result.external_id == str(read_only_ticket(fake)["id"])
    assert result.url == f"{fake.url}/agent/tickets/{result.external_id}"


def test_ticket_is_found_when_zendesk_has_forgotten_the_key(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """After two hours the `Idempotency-Key` is worth nothing, and the ticket is found by its id."""
    fake.key_lifetime = 0
    fake.order("drop_after", method="POST", path="/api/v2/tickets")
    with pytest.raises(TemporaryFailure):
        backend.apply(make_ticket_request())
    result = backend.apply(make_ticket_request())
    assert result.external_id == str(read_only_ticket(fake)["id"])
    assert count_posts(fake, "/api/v2/tickets") == 1


def test_repetition_that_finds_nothing_yet_gets_the_first_ticket(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """Between the ticket and its appearance in lists, the `Idempotency-Key` holds."""
    first = backend.apply(make_ticket_request())
    fake.blind_lists = 1
    assert backend.apply(make_ticket_request()) == first
    assert count_posts(fake, "/api/v2/tickets") == 2
    assert len(fake.tickets) == 1


def test_known_key_with_another_content_is_the_first_ticket(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """Whoever was second learns of the ticket of whoever was first, whatever both had to say."""
    first = backend.apply(make_ticket_request())
    fake.blind_lists = 1
    assert backend.apply(make_ticket_request(subject="Another")) == first
    assert read_only_ticket(fake)["subject"] == "Call failed"


def test_known_key_whose_ticket_is_not_shown_yet_is_looked_up_again(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """That the list lags behind the key is no verdict on the ticket, which is found later."""
    first = backend.apply(make_ticket_request())
    fake.blind_lists = 2
    with pytest.raises(TemporaryFailure, match="looked for again"):
        backend.apply(make_ticket_request(subject="Another"))
    assert backend.apply(make_ticket_request(subject="Another")) == first
    assert read_only_ticket(fake)["subject"] == "Call failed"


def test_deleted_ticket_whose_key_is_forgotten_is_opened_anew(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """While Zendesk knows the key nothing is opened; an effect that still runs then opens one."""
    result = backend.apply(make_ticket_request())
    fake.delete_ticket(int(result.external_id))
    with pytest.raises(TemporaryFailure):
        backend.apply(make_ticket_request(subject="Another"))
    assert fake.tickets == {}
    fake.key_lifetime = 0
    backend.apply(make_ticket_request(subject="Another"))
    assert read_only_ticket(fake)["subject"] == "Another"


def test_oldest_of_several_is_the_result(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """Zendesk allows several tickets with one `external_id`; the answer is always the same one."""
    first = backend.apply(make_ticket_request())
    copy = read_only_ticket(fake) | {"id": 0}
    fake.tickets = {int(first.external_id): read_only_ticket(fake), 0: copy}
    assert backend.apply(make_ticket_request()).external_id == "0"


@pytest.mark.parametrize(
    ("one", "other"), [("tickets:a", "tickets:A"), ("tickets:a,b", "tickets:b,a"), ("é", "è")]
)
def test_keys_that_zendesk_takes_for_one_are_two_tickets(
    fake: FakeZendesk, backend: ZendeskTickets, one: str, other: str
) -> None:
    """Zendesk ignores case and splits at commas; a key that this concerns is sent as a digest."""
    fake.key_lifetime = 0
    results = {backend.apply(make_ticket_request(idempotency_key=key)) for key in (one, other, one)}
    assert len(results) == len(fake.tickets) == 2


def test_ticket_of_another_system_is_not_taken_for_ours(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """Only the very `external_id` counts, not one that Zendesk finds alike."""
    backend.apply(make_ticket_request())
    read_only_ticket(fake)["external_id"] = "TICKETS:C-1:FAILED"
    fake.key_lifetime = 0
    backend.apply(make_ticket_request())
    assert len(fake.tickets) == 2


# ---------------------------------------------------------------- requester


def test_new_caller_becomes_a_user_with_the_number(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """The number is written in one way, and is the name until somebody knows a better one."""
    backend.apply(make_ticket_request(requester_phone="0049 30 1234"))
    user = fake.users[read_only_ticket(fake)["requester_id"]]
    assert user["phone"] == "+49301234"
    assert user["name"] == "Caller +49301234"
    assert user["role"] == "end-user"


def test_caller_with_two_tickets_is_one_user(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """A user who exists is not written again, so the name that staff gave them stays.

    That holds before the search knows of them too.
    """
    fake.index_lag = 60
    backend.apply(make_ticket_request(idempotency_key="first"))
    user_id = read_only_ticket(fake)["requester_id"]
    fake.users[user_id]["name"] = "Ada"
    backend.apply(make_ticket_request(idempotency_key="second"))
    assert {ticket["requester_id"] for ticket in fake.tickets.values()} == {user_id}
    assert fake.users[user_id]["name"] == "Ada"
    assert count_posts(fake, "/api/v2/users/create_or_update") == 1


def test_user_with_the_number_is_the_requester(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """Somebody who was there before us is not made a second time, however they wrote it."""
    ada = fake.add_user(name="Ada", phone="+49 (30) 12-34", email="ada@example.com")
    fake.add_user(name="Bob", phone="+1 49301234")
    backend.apply(make_ticket_request())
    assert read_only_ticket(fake)["requester_id"] == ada
    assert len(fake.users) == 3
    assert fake.users[ada]["name"] == "Ada"


@pytest.mark.parametrize(
    "others",
    [
        [{"phone": "+49301234"}, {"phone": "+49 30 1234"}],
        [{"phone": "+49301234", "suspended": True}],
        [{"phone": "+49301234", "role": "agent"}],
        [{"phone": "49301234"}],
    ],
    ids=["shared", "suspended", "agent", "without country"],
)
def test_user_who_may_not_be_meant_is_not_the_requester(
    fake: FakeZendesk, backend: ZendeskTickets, others: list[dict[str, Any]]
) -> None:
    """A ticket is shown to its requester: in doubt it is a user of our own."""
    theirs = {fake.add_user(name="Somebody", **other) for other in others}
    backend.apply(make_ticket_request())
    requester_id = read_only_ticket(fake)["requester_id"]
    assert requester_id not in theirs
    assert fake.users[requester_id]["name"] == "Caller +49301234"


@pytest.mark.parametrize("is_named", [True, False], ids=["REQUESTER_ID", "agent"])
@pytest.mark.parametrize("is_found", [True, False], ids=["found", "saved again"])
def test_caller_whom_staff_suspended_gets_a_ticket_all_the_same(
    fake: FakeZendesk,
    connect: Callable[..., ZendeskTickets],
    monkeypatch: pytest.MonkeyPatch,
    is_named: bool,  # noqa: FBT001 -- pytest's parameter
    is_found: bool,  # noqa: FBT001 -- pytest's parameter
) -> None:
    """Zendesk takes no ticket of theirs: another asks for it, and the comment says who called."""
    nobody = fake.add_user(name="Anonymous callers")
    backend = connect(REQUESTER_ID=nobody) if is_named else connect()
    backend.apply(make_ticket_request(idempotency_key="before"))
    caller = fake.users[read_only_ticket(fake)["requester_id"]]
    caller["suspended"] = True
    if not is_found:
        monkeypatch.setattr(backend.client, "find_caller", lambda _: None)
    backend.apply(make_ticket_request())
    ticket = fake.tickets[max(fake.tickets)]
    assert ticket["requester_id"] == (nobody if is_named else AGENT_ID)
    assert (
        ticket["description"]
        == "Caller +49301234\n\n"
        + make_backend(fake.url).preview(make_ticket_request())["ticket"]["comment"]["body"]
    )
    assert caller["suspended"]


def test_long_comment_with_the_callers_number_is_one_that_zendesk_takes(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """The number comes first, so that what is cut off is not the number."""
    backend.apply(make_ticket_request(idempotency_key="before"))
    fake.users[read_only_ticket(fake)["requester_id"]]["suspended"] = True
    backend.apply(make_ticket_request(description="é" * 60_000))
    comment = fake.tickets[max(fake.tickets)]["description"]
    assert comment.startswith("Caller +49301234\n\né")
    assert comment.count("[cut off]") == 1
    assert len(comment.encode()) <= 65_000


def test_account_that_refuses_the_number_gets_a_requester_without(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """The ticket is worth more than a field of its requester."""
    fake.numbers_are_unique = True
    fake.add_user(name="Agent", phone="+49301234", role="agent")
    backend.apply(make_ticket_request())
    user = fake.users[read_only_ticket(fake)["requester_id"]]
    assert user["name"] == "Caller +49301234"
    assert user["phone"] is None


@pytest.mark.parametrize("number", ["", "anonymous", "030 1234", "+" + "1" * 4000])
def test_caller_without_a_number_is_the_agent(
    fake: FakeZendesk, backend: ZendeskTickets, number: str
) -> None:
    """A number that is none, or that lacks its country, makes no user."""
    backend.apply(make_ticket_request(requester_phone=number))
    assert read_only_ticket(fake)["requester_id"] == AGENT_ID
    assert len(fake.users) == 1


def test_caller_without_a_number_is_whom_the_setting_names(
    fake: FakeZendesk, connect: Callable[..., ZendeskTickets]
) -> None:
    """`REQUESTER_ID` stands for them all."""
    nobody = fake.add_user(name="Anonymous callers")
    backend = connect(REQUESTER_ID=nobody)
    backend.apply(make_ticket_request(requester_phone=""))
    backend.apply(make_ticket_request(idempotency_key="other"))
    assert [ticket["requester_id"] == nobody for ticket in fake.tickets.values()] == [True, False]


# ---------------------------------------------------------------- content


def test_comment_is_internal_unless_the_setting_says_otherwise(
    fake: FakeZendesk, connect: Callable[..., ZendeskTickets]
) -> None:
    """What an analysis says of a caller is not mailed to them by accident."""
    connect().apply(make_ticket_request(idempotency_key="internal"))
    connect(PUBLIC=True).apply(make_ticket_request(idempotency_key="public"))
    assert [ticket["is_public"] for ticket in fake.tickets.values()] == [False, True]


def test_comment_ends_with_the_way_to_the_conversation(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """Below the description is where the conversation can be read, where that is known."""
    backend.apply(make_ticket_request(url="https://voice.example.com/c-1"))
    backend.apply(make_ticket_request(url="", idempotency_key="other"))
    first, second = (ticket["description"] for ticket in fake.tickets.values())
    assert first == "The line broke.\n\nhttps://voice.example.com/c-1"
    assert second == "The line broke."


@pytest.mark.parametrize("sign", ["x", "ü", "ש", "👑"])
@pytest.mark.parametrize("length", [30_000, 100_000])
def test_long_description_is_cut_only_where_zendesk_would_refuse_it(
    fake: FakeZendesk, backend: ZendeskTickets, sign: str, length: int
) -> None:
    """65,000 bytes arrive, and a longer text says that it was cut."""
    backend.apply(make_ticket_request(description=sign * length, url=""))
    held = read_only_ticket(fake)["description"]
    if len(sign.encode()) * length <= 65_000:
        assert held == sign * length
    else:
        assert re.fullmatch(f"{sign}{{16000,}}…\n\\[cut off\\]", held)


def test_long_subject_is_whole_in_the_comment(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """The subject's line holds its beginning, the comment all of it."""
    subject = "Goal not achieved: " + ", ".join(f"goal {n}" for n in range(40))
    backend.apply(make_ticket_request(subject=subject))
    ticket = read_only_ticket(fake)
    assert len(ticket["subject"]) <= 150
    assert subject.startswith(ticket["subject"].removesuffix("…"))
    assert ticket["description"].startswith(f"{subject}\n\nThe line broke.")


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_ticket_about_nothing_is_opened_all_the_same(
    fake: FakeZendesk, backend: ZendeskTickets, text: str
) -> None:
    """Zendesk wants a comment that says something."""
    backend.apply(make_ticket_request(subject=text, description=text, url=""))
    assert read_only_ticket(fake)["description"] == "(no description)"


def test_tags_keep_together_what_belongs_together(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """Zendesk's tags have no white space, so it becomes an underscore; each is there once."""
    backend.apply(make_ticket_request(tags=("failed", "call me  back", "vip 👑", "failed", "שלום")))
    assert set(read_only_ticket(fake)["tags"]) == {"failed", "call_me_back", "vip_👑", "שלום"}


def test_fields_of_every_type_are_filled_from_templates(
    fake: FakeZendesk, connect: Callable[..., ZendeskTickets]
) -> None:
    """Texts, words, numbers and custom fields have the form that Zendesk's document asks for."""
    fields = {
        "subject": "{{ conversation.agent_name }}: {{ request.subject }}",
        "priority": "",
        "type": "{% if conversation.status == 'failed' %}problem{% else %}incident{% endif %}",
        "group_id": "360001",
        "custom_fields.42": "{{ conversation.conversation_uuid }}",
        "custom_fields.43": "{{ conversation.campaign_uuid }}",
        "tags": "{{ request.tags|join:',' }}, {{ conversation.channel }} call",
    }
    connect(FIELDS=fields).apply(make_ticket_request())
    ticket = read_only_ticket(fake)
    assert ticket["subject"] == "Front desk: Call failed"
    assert "priority" not in ticket
    assert ticket["type"] == "incident"
    assert ticket["group_id"] == 360001
    assert ticket["custom_fields"] == [{"id": 42, "value": "c-1"}]
    assert ticket["tags"] == ["failed", "phone_call"]


def test_preview_is_the_ticket_and_its_requester(backend: ZendeskTickets) -> None:
    """A dry run shows what would be sent."""
    assert backend.preview(make_ticket_request(url="")) == {
        "ticket": {
            "external_id": "tickets:c-1:failed",
            "subject": "Call failed",
            "comment": {"body": "The line broke.", "public": False},
            "priority": "high",
            "tags": ["failed"],
        },
        "requester": {
            "name": "Caller +49301234",
            "phone": "+49301234",
            "external_id": "tel:+49301234",
        },
    }


# ---------------------------------------------------------------- failures


def test_refusal_is_told_by_its_code_and_field(
    connect: Callable[..., ZendeskTickets],
) -> None:
    """Staff learn what Zendesk does not like, and not from its own words, which quote."""
    backend = connect(REQUESTER_ID=1)
    with pytest.raises(PermanentFailure) as caught:
        backend.apply(make_ticket_request(requester_phone=""))
    assert str(caught.value) == (
        "Zendesk refused the request with status 422 (RecordInvalid.requester.InvalidValue)."
    )


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ({"error": "RecordInvalid"}, "RecordInvalid"),
        ({"error": {"title": "Forbidden", "message": "No, Ada"}}, "Forbidden"),
        (
            {
                "error": "RecordInvalid",
                "details": {
                    "base": [
                        {
                            "description": "Colour: cannot be blank",
                            "error": "BlankValue",
                            "ticket_field_id": 42,
                            "ticket_field_type": "FieldText",
                        }
                    ]
                },
            },
            "RecordInvalid.base.BlankValue.42",
        ),
        (
            {"error": "RecordInvalid", "details": {"phone": {"error": "InvalidFormat"}}},
            "RecordInvalid.phone.InvalidFormat",
        ),
    ],
)
def test_code_of_a_refusal(refusal: dict[str, Any], code: str) -> None:
    """Zendesk has several forms for what is wrong; its sentences stay out of ours."""
    assert find_code(refusal) == code


def test_conflict_is_worth_another_try(fake: FakeZendesk, backend: ZendeskTickets) -> None:
    """Zendesk's 409 means that two changes met."""
    fake.fail(409)
    with pytest.raises(TemporaryFailure):
        backend.apply(make_ticket_request())


def test_answer_of_another_shape_is_worth_another_try(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """JSON that is not Zendesk's comes from something in between."""
    fake.fail(200)
    with pytest.raises(TemporaryFailure, match="Zendesk answered in another shape"):
        backend.apply(make_ticket_request())


def test_text_that_no_field_can_hold_is_for_people(
    fake: FakeZendesk, connect: Callable[..., ZendeskTickets]
) -> None:
    """A template that gives no number for a number names itself, and not what it gave."""
    backend = connect(FIELDS={"group_id": "{{ conversation.agent_name }}"})
    with pytest.raises(PermanentFailure, match="'group_id'") as caught:
        backend.apply(make_ticket_request(agent_name="secret"))
    assert "secret" not in str(caught.value)
    assert fake.log == []


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"BASE_URL": ""}, "either SUBDOMAIN or BASE_URL"),
        ({"SUBDOMAIN": "acme"}, "either SUBDOMAIN or BASE_URL"),
        ({"BASE_URL": "", "SUBDOMAIN": "acme.zendesk.com"}, "no more"),
        ({"BASE_URL": "http://acme.example.com"}, "BASE_URL is not an https:// address"),
        ({"FIELDS": {"prio": "high"}}, "FIELDS names 'prio'"),
        ({"FIELDS": {"custom_fields.colour": "red"}}, "FIELDS names 'custom_fields.colour'"),
        ({"FIELDS": {"subject": "{% if %}"}}, "'subject'"),
        ({"API_TOKEN": ""}, "API_TOKEN"),
        ({"TOKEN": "secret"}, "TOKEN"),
    ],
)
def test_wrong_option_stops_the_start(changes: dict[str, Any], said: str) -> None:
    """The mistake is named by its option; what the option holds is not shown."""
    with pytest.raises(ImproperlyConfigured) as caught:
        make_backend("https://acme.example.com", **changes)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_subdomain_is_an_address() -> None:
    """Nobody has to know what Zendesk's addresses look like."""
    backend = make_backend("", SUBDOMAIN="Acme")
    assert backend.options.address == "https://acme.zendesk.com"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subject": "{{ request.sbject }}"}, "request.sbject"),
        ({"priority": "urgnt"}, "'priority' gives something other than low, normal, high, urgent"),
        ({"group_id": "Support"}, "'group_id' gives something that is not a number"),
        ({"type": "{% if conversation.url %}incident{% else %}?{% endif %}"}, "'type'"),
    ],
)
def test_check_finds_what_an_effect_would(fields: dict[str, str], said: str) -> None:
    """A wrong template is found at the start, in either branch, and not at night."""
    (message,) = make_backend("https://acme.example.com", FIELDS=fields).check()
    assert message.id == "integrations.E011"
    assert said in message.msg


def test_check_is_content_with_the_defaults() -> None:
    """What ships works."""
    assert list(make_backend("https://acme.example.com").check()) == []


# ---------------------------------------------------------------- diagnosis


@pytest.mark.parametrize(
    ("change", "said"),
    [({"role": "end-user"}, "end user"), ({"ticket_restriction": "groups"}, "all tickets")],
)
def test_diagnosis_looks_at_the_agent(
    fake: FakeZendesk, backend: ZendeskTickets, change: dict[str, str], said: str
) -> None:
    """An agent who cannot open tickets, or not see them again, is a sentence."""
    fake.users[AGENT_ID].update(change)
    (sentence,) = backend.diagnose()
    assert said in sentence


def test_diagnosis_looks_for_the_requester(
    connect: Callable[..., ZendeskTickets],
) -> None:
    """A `REQUESTER_ID` that is nobody's is found before a ticket fails on it."""
    (sentence,) = connect(REQUESTER_ID=1).diagnose()
    assert "REQUESTER_ID" in sentence
    assert list(connect(REQUESTER_ID=AGENT_ID).diagnose()) == []


def test_diagnosis_of_a_rejected_token_says_what_to_check(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """A token that was revoked is a sentence, with the options to look at."""
    fake.api_token = "another"
    (sentence,) = backend.diagnose()
    assert "API_TOKEN" in sentence


def test_diagnosis_of_an_account_that_is_not_there(
    fake: FakeZendesk, backend: ZendeskTickets
) -> None:
    """A wrong SUBDOMAIN answers 404 to everything, and no effect is given up over it."""
    fake.fail(404, times=2)
    (sentence,) = backend.diagnose()
    assert "SUBDOMAIN" in sentence
    with pytest.raises(TemporaryFailure):
        backend.apply(make_ticket_request())
