"""Linear as the task list."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.base import Backend
from integrations.clients.linear import Issue, find_wait
from integrations.exceptions import (
    AccessDenied,
    IntegrationError,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
)
from integrations.facts import Goal
from integrations.http.client import VendorClient
from integrations.models import Budget
from integrations.tasks.base import FollowUp
from integrations.tasks.linear import NO_TEAM, LinearTasks, shorten_url
from integrations.tasks.linear_fields import LONGEST_DESCRIPTION, LONGEST_TITLE
from integrations.tasks.linear_markdown import escape_markdown
from tests.contracts.kind_contracts import TasksContract
from tests.contracts.requests import make_follow_up
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.linear import API_KEY, LABEL_ID, TEAM_ID, TEAM_KEY, USER_ID, FakeLinear

pytestmark = pytest.mark.django_db(transaction=True)

SHOWN = re.compile(r"`([^`]*)`|\\([^\w\s]|_)")


def read_markdown(markdown: str) -> str:
    """Return what people read: code spans without their marks, and escaped signs."""
    return SHOWN.sub(lambda found: found[1] or found[2] or "", markdown)


def make_backend(url: str, **options: Any) -> LinearTasks:
    """Return a backend for the workspace at `url`."""
    known = {"API_KEY": API_KEY, "TEAM_ID": TEAM_ID, "BASE_URL": url, "RATE": ""}
    return LinearTasks("tasks", known | options)


class TestLinearTasks(VendorContract[FollowUp], TasksContract):
    """Linear keeps a task list's promises."""

    SECRETS = (API_KEY,)
    fake: FakeLinear

    def make_fake(self) -> FakeLinear:
        """Return the workspace."""
        return FakeLinear()

    def make_vendor_backend(self, url: str) -> LinearTasks:
        """Return the backend."""
        return make_backend(url)

    def find_clients(self, backend: Backend[FollowUp]) -> list[VendorClient]:
        """Return the only client."""
        assert isinstance(backend, LinearTasks)
        return [backend.client.http]

    def count_records(self, backend: Backend[FollowUp]) -> int:  # noqa: ARG002 -- the suite's
        """Count the issues."""
        return len(self.fake.issues)

    def read_record(self, backend: Backend[FollowUp], request: FollowUp) -> dict[str, Any]:
        """Return the issue; Linear's texts are trimmed and long titles begin the description."""
        issue = self.fake.issues[str(backend.preview(request)["id"])]
        description = read_markdown(issue.get("description", ""))
        held = {"title": issue["title"], "description": description}
        if request.description.strip() in description:
            held["description"] = request.description
        title = " ".join(request.title.split())
        if title in (issue["title"], description.partition("\n")[0]) or not title:
            held["title"] = request.title
        return held

    @pytest.mark.parametrize("fault", ["drop_after", "drop_before", "fail_after", "not_json"])
    @pytest.mark.parametrize("place", range(3))
    @pytest.mark.parametrize("team_id", [TEAM_ID, TEAM_KEY])
    def test_crash_at_any_call_of_a_repetition_leaves_one_issue(
        self, team_id: str, place: int, fault: Any
    ) -> None:
        """The team's look-up, the refusal of a known id and the issue's look-up may all fail."""
        backend = self.make_backend()
        keyed = make_backend(self.fake.url, TEAM_ID=team_id)
        self._clients.append(keyed.client.http)
        first = backend.apply(make_follow_up())
        self.strike_only(place, fault)
        try:
            assert keyed.apply(make_follow_up()) == first
        except TemporaryFailure:
            assert keyed.apply(make_follow_up()) == first
        assert len(self.fake.issues) == 1


@pytest.fixture
def fake() -> Iterator[FakeLinear]:
    """Run a workspace."""
    with FakeLinear() as running:
        yield running


@pytest.fixture
def connect(fake: FakeLinear) -> Iterator[Callable[..., LinearTasks]]:
    """Give a test backends for the workspace, with options of their own."""
    made = []

    def connect(**options: Any) -> LinearTasks:
        made.append(make_backend(fake.url, **options))
        return made[-1]

    yield connect
    for backend in made:
        backend.client.http.close()


@pytest.fixture
def backend(connect: Callable[..., LinearTasks]) -> LinearTasks:
    """Give each test a backend of its own."""
    return connect()


def read_only_issue(fake: FakeLinear) -> dict[str, Any]:
    """Return the workspace's issue, which must be the only one."""
    (issue,) = fake.issues.values()
    return issue


# ---------------------------------------------------------------- once


def test_first_try_is_one_request(fake: FakeLinear, backend: LinearTasks) -> None:
    """Nothing is looked up before the issue is created: its id says whether it is there."""
    backend.apply(make_follow_up())
    assert len(fake.log) == 1


@pytest.mark.parametrize("status", [200, 400])
def test_known_id_is_the_issue_that_has_it(
    fake: FakeLinear, backend: LinearTasks, status: int
) -> None:
    """Linear's refusal of a known id is a success, with whatever status it comes."""
    fake.refusal_status = status
    first = backend.apply(make_follow_up())
    assert backend.apply(make_follow_up(title="Another")) == first
    assert read_only_issue(fake)["title"] == "Call back"


def test_known_id_without_an_issue_is_for_people(fake: FakeLinear, backend: LinearTasks) -> None:
    """An issue that was deleted is not made again behind people's backs."""
    backend.apply(make_follow_up())
    fake.is_forgetful = True
    with pytest.raises(PermanentFailure, match=r"\(INPUT_ERROR\).* was deleted"):
        backend.apply(make_follow_up())


def test_issue_that_was_not_created_without_a_reason_is_tried_again(
    fake: FakeLinear, backend: LinearTasks
) -> None:
    """`success: false` says nothing of what a later try would do."""
    fake.is_silent = True
    with pytest.raises(TemporaryFailure, match="did not say why"):
        backend.apply(make_follow_up())


def test_result_leads_to_the_issue_without_its_title(
    fake: FakeLinear, backend: LinearTasks
) -> None:
    """Linear ends its addresses with the title, which is not for every list page."""
    result = backend.apply(make_follow_up(title="Call Ada"))
    assert read_only_issue(fake)["url"] == "https://linear.app/acme/issue/ENG-1/call-ada"
    assert result.url == "https://linear.app/acme/issue/ENG-1"
    assert result.external_id == read_only_issue(fake)["id"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)/issue/ENG-1", "https://linear.app/acme/issue/ENG-12/x", "call-ada", ""],
)
def test_address_of_another_form_is_left_out(url: str) -> None:
    """Staff follow these links."""
    assert shorten_url(Issue(id="1", identifier="ENG-1", url=url)) == ""


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("code", "type_", "expected"),
    [
        ("AUTHENTICATION_ERROR", "authentication error", AccessDenied),
        ("FORBIDDEN", "forbidden", AccessDenied),
        ("USAGE_LIMIT_EXCEEDED", "usage limit exceeded", AccessDenied),
        ("RATELIMITED", "ratelimited", RateLimited),
        ("INPUT_ERROR", "invalid input", PermanentFailure),
        ("GRAPHQL_VALIDATION_FAILED", "graphql error", PermanentFailure),
    ],
)
def test_error_is_told_by_its_kind_whatever_the_status(  # noqa: PLR0917 -- a table
    fake: FakeLinear,
    backend: LinearTasks,
    status: int,
    code: str,
    type_: str,
    expected: type[IntegrationError],
) -> None:
    """GraphQL's errors come with status 200 too."""
    fake.refusal, fake.refusal_status = (code, type_), status
    with pytest.raises(expected) as caught:
        backend.apply(make_follow_up())
    assert type(caught.value) is expected
    assert code in str(caught.value)


@pytest.mark.parametrize("refusal", [("INTERNAL_SERVER_ERROR", "internal error"), ("", "")])
def test_error_of_linears_own_is_tried_again(
    fake: FakeLinear, backend: LinearTasks, refusal: tuple[str, str]
) -> None:
    """What is not about the issue may be over at the next try."""
    fake.refusal, fake.refusal_status = refusal, 200
    with pytest.raises(TemporaryFailure, match="Linear failed"):
        backend.apply(make_follow_up())


def test_limit_without_retry_after_is_a_minute_at_most(
    fake: FakeLinear, backend: LinearTasks
) -> None:
    """The reset is an hour away, but the limit refills all the time."""
    fake.rate_limit()
    with pytest.raises(RateLimited) as caught:
        backend.apply(make_follow_up())
    assert caught.value.retry_after == timedelta(minutes=1)
    held = Budget.objects.get(pk="tasks")
    assert held.held_reason == "Linear has had enough requests for now (RATELIMITED)."


def test_limit_with_its_own_status_is_one_too(fake: FakeLinear, backend: LinearTasks) -> None:
    """Linear uses 400; 429 is what a proxy in front of it would use."""
    fake.fail(429)
    with pytest.raises(RateLimited):
        backend.apply(make_follow_up())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"retry-after": "7"}, 7),
        ({"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "1005000"}, 5),
        ({"x-ratelimit-requests-remaining": "9", "x-ratelimit-requests-reset": "1005000"}, 60),
        (
            {
                "x-ratelimit-requests-remaining": "9",
                "x-ratelimit-requests-reset": "1009000",
                "x-ratelimit-endpoint-requests-remaining": "0",
                "x-ratelimit-endpoint-requests-reset": "1005000",
            },
            5,
        ),
        ({"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "9000000"}, 60),
        ({"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "900000"}, 1),
        ({"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "soon"}, 60),
    ],
)
def test_wait_is_what_the_exhausted_limit_says(headers: dict[str, str], seconds: int) -> None:
    """Resets are Unix times in milliseconds; those of limits with room left do not count."""
    assert find_wait(headers, datetime.fromtimestamp(1000, UTC)) == timedelta(seconds=seconds)


# ---------------------------------------------------------------- content


def test_issue_has_what_the_follow_up_says(fake: FakeLinear, connect: Any) -> None:
    """Every field by default, the assignee by the settings."""
    connect(ASSIGNEES={"Billing": USER_ID}, TEAM_ID=TEAM_KEY).apply(
        make_follow_up(due_at=datetime(2026, 3, 4, 23, 30, tzinfo=UTC))
    )
    issue = read_only_issue(fake)
    assert UUID(issue.pop("id")).version == 4
    for name in ("identifier", "url"):
        issue.pop(name)
    assert issue == {
        "title": "Call back",
        "description": "About the invoice.\n\nPhone: +49301234\n\nFor: Billing\n\n"
        "https://voice.example.com/conversations/c-1",
        "dueDate": "2026-03-04",
        "assigneeId": USER_ID,
        "teamId": TEAM_ID,
    }


def test_fields_are_written_in_linears_types(fake: FakeLinear, connect: Any) -> None:
    """Numbers are numbers and lists are lists; an assignee of FIELDS comes before ASSIGNEES."""
    connect(
        FIELDS={
            "title": "{{ conversation.agent_name }}: {{ request.title }}",
            "description": "**{{ conversation.status }}**",
            "dueDate": "",
            "priority": "{% if conversation.score < 0.6 %}1{% else %}3{% endif %}",
            "labelIds": f"{LABEL_ID}, {LABEL_ID},",
            "assigneeId": USER_ID,
        },
        ASSIGNEES={"Billing": "11111111-1111-4111-8111-111111111111"},
    ).apply(make_follow_up(status="in_progress"))
    issue = read_only_issue(fake)
    assert issue["title"] == "Front desk: Call back"
    assert issue["description"] == "**in_progress**"
    assert "dueDate" not in issue
    assert issue["priority"] == 1
    assert issue["labelIds"] == [LABEL_ID]
    assert issue["assigneeId"] == USER_ID


@pytest.mark.parametrize("sign", ["a", "é", "€", "😀", "ש"])
@pytest.mark.parametrize("length", [LONGEST_TITLE, LONGEST_TITLE + 1])
def test_title_of_any_length_is_whole_somewhere(
    fake: FakeLinear, backend: LinearTasks, sign: str, length: int
) -> None:
    """A title that is too long, by whatever count, ends in an ellipsis and begins the issue."""
    title = "x" * (length - len(sign.encode("utf-16-le")) // 2) + sign
    backend.apply(make_follow_up(title=title))
    issue = read_only_issue(fake)
    assert len(issue["title"].encode("utf-16-le")) <= 2 * LONGEST_TITLE
    if length <= LONGEST_TITLE:
        assert issue["title"] == title
    else:
        assert issue["title"].endswith("…")
        assert issue["description"].startswith(f"{title}\n\n")


def test_issue_without_a_text_has_a_title(fake: FakeLinear, backend: LinearTasks) -> None:
    """Linear wants a title; a description of nothing is left out."""
    backend.apply(make_follow_up(title=" ", description="", phone_number="", assignee="", url=""))
    issue = read_only_issue(fake)
    assert issue["title"] == "Follow-up"
    assert "description" not in issue


def test_endless_description_says_that_it_was_cut_off(
    fake: FakeLinear, backend: LinearTasks
) -> None:
    """It ends between two words, so that no half of a code span lets go of an address."""
    backend.apply(make_follow_up(description="see https://evil.example/path " * 5000))
    description = read_only_issue(fake)["description"]
    assert len(description) <= LONGEST_DESCRIPTION
    assert description.endswith("…\n\n[cut off]")
    assert description.count("`") % 2 == 0


@pytest.mark.parametrize("number", ["", "anonymous", "030 1234", "+49 30 1234"])
def test_number_of_any_form_is_shown_as_it_is(
    fake: FakeLinear, backend: LinearTasks, number: str
) -> None:
    """Whoever calls back sees what there is."""
    backend.apply(make_follow_up(phone_number=number))
    assert (f"Phone: {number}" in read_only_issue(fake)["description"]) == bool(number)


def test_same_follow_up_makes_the_same_bytes(backend: LinearTasks) -> None:
    """Linear refuses nothing for it, but a preview must be what is sent."""
    request = make_follow_up()
    assert backend.preview(request) == backend.preview(FollowUp.from_json(request.to_json()))


# ---------------------------------------------------------------- Markdown


@pytest.mark.parametrize(
    ("said", "markdown"),
    [
        ("https://linear.app/acme/profiles/ada", "`https://linear.app/acme/profiles/ada`"),
        ("[pay](https://evil.example)", "`[pay](https://evil.example)`"),
        ("[pay](/here)", r"\[pay\](/here)"),
        ("![](//evil.example/x)", "`![](//evil.example/x)`"),
        ("evil.example", "`evil.example`"),
        ("WWW.evil", "`WWW.evil`"),
        ("@ada and ada@acme.org", "`@ada` and `ada@acme.org`"),
        ("`https://evil.example`", r"\``https://evil.example`\`"),
        ("<b>&lt;</b>", r"\<b\>\&lt;\</b\>"),
        ("**bold** _it_ in_progress", r"\*\*bold\*\* \_it\_ in_progress"),
        (
            "# Title\n- one\n+ two\n1. three\n===\n> four",
            "\\# Title\n\\- one\n\\+ two\n1\\. three\n\\===\n\\> four",
        ),
        ("+49301234 at 10:30, 3.50 - 4", "+49301234 at 10:30, 3.50 - 4"),
        ("a|b ~~c~~ \\*", r"a\|b \~\~c\~\~ \\\*"),
        ("About the invoice, e.g. today. And more", "About the invoice, e.g. today. And more"),
        ("", ""),
    ],
)
def test_what_was_said_is_shown_and_does_nothing(said: str, markdown: str) -> None:
    """No link, no mention, no heading, no mark-up: only the words, all of them."""
    assert escape_markdown(said) == markdown
    assert read_markdown(markdown) == said


def test_templates_are_markdown_and_what_they_insert_is_not(fake: FakeLinear, connect: Any) -> None:
    """Operators may write mark-up; callers may not, in any field of request or conversation."""
    description = (
        "**{{ request.title }}** {{ conversation.summary }} {{ conversation.from_number }}"
        "{% for goal in conversation.goals %} _{{ goal.name }}_ {{ goal.reason }}{% endfor %}"
    )
    connect(FIELDS={"description": description}).apply(
        make_follow_up(
            title="*a*",
            summary="@ada",
            from_number="sip:x@evil.example",
            goals=(Goal("_b_", achieved=False, reason="evil.example"),),
        )
    )
    assert read_only_issue(fake)["description"] == (
        r"**\*a\*** `@ada` `sip:x@evil.example` _\_b\__ `evil.example`"
    )
    assert read_only_issue(fake)["title"] == "*a*"


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"API_KEY": ""}, "api_key|API_KEY"),
        ({"API_KEY": f"Bearer {API_KEY}"}, "API_KEY is a personal key"),
        ({"TEAM_ID": "eng"}, "TEAM_ID is neither"),
        ({"TEAM_ID": f"{TEAM_ID}\n"}, "TEAM_ID is neither"),
        ({"ASSIGNEES": {"Billing": "ada@acme.org"}}, "ASSIGNEES has a user"),
        ({"FIELDS": {"status": "x"}}, "FIELDS names 'status'; issues have assigneeId, "),
        ({"FIELDS": {"title": "{% if %}"}}, "the template of 'title' cannot be parsed"),
        ({"TEAM": "ENG"}, "unknown field `TEAM`"),
        ({"BASE_URL": "http://linear.example"}, "BASE_URL is not an https:// address"),
    ],
)
def test_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    """A setting that cannot be meant is refused at the start, without its value."""
    with pytest.raises(ImproperlyConfigured, match=said) as caught:
        make_backend("http://127.0.0.1", **options)
    assert API_KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"description": "{{ request.subject }}"}, "asks for 'request.subject'"),
        ({"estimate": "{{ request.seconds }}"}, "asks for 'request.seconds'"),
        ({"priority": "high"}, "'priority' gives something other than 0 to 4"),
        ({"priority": "5"}, "'priority' gives something other than 0 to 4"),
        ({"dueDate": "{{ request.due_at }}"}, "'dueDate' gives something other than 2026-12-31"),
        ({"assigneeId": "ada@acme.org"}, "'assigneeId' gives something other than a UUID"),
        ({"labelIds": f"{LABEL_ID}, billing"}, "'labelIds' gives something other than a UUID"),
        (
            {"stateId": "{% if conversation.channel == 'phone' %}Todo{% endif %}"},
            "'stateId' gives something other than a UUID",
        ),
    ],
)
def test_wrong_template_is_found_by_the_check(fields: dict[str, str], said: str) -> None:
    """What a field cannot hold is found before an effect meets it."""
    (message,) = make_backend("http://127.0.0.1", FIELDS=fields).check()
    assert message.id == "integrations.E011"
    assert said in message.msg


@pytest.mark.parametrize(
    ("field", "known", "sent"),
    [("assigneeId", USER_ID, USER_ID), ("labelIds", LABEL_ID, [LABEL_ID])],
)
def test_inserted_uuid_is_looked_at_with_the_follow_up(
    fake: FakeLinear, connect: Any, field: str, known: str, sent: object
) -> None:
    """The check cannot know it; of an effect, one that is none is refused by the field's name."""
    backend = connect(FIELDS={field: "{{ request.assignee }}"})
    assert list(backend.check()) == []
    with pytest.raises(PermanentFailure, match=f"'{field}' gives something other than a UUID"):
        backend.apply(make_follow_up(assignee="Ada"))
    assert fake.issues == {}
    backend.apply(make_follow_up(assignee=known))
    assert read_only_issue(fake)[field] == sent


def test_templates_by_default_are_right() -> None:
    """There is nothing to be found in what we ship."""
    assert list(make_backend("http://127.0.0.1").check()) == []


@pytest.mark.parametrize("team_id", ["OPS", "11111111-1111-4111-8111-111111111111"])
def test_unknown_team_is_diagnosed(connect: Any, team_id: str) -> None:
    """Whether by key or by id."""
    assert list(connect(TEAM_ID=team_id).diagnose()) == [NO_TEAM]


def test_unknown_team_lets_effects_wait(fake: FakeLinear, connect: Any) -> None:
    """No other effect would fare better, so none loses its attempts by it."""
    with pytest.raises(AccessDenied, match="no team"):
        connect(TEAM_ID="OPS").apply(make_follow_up())
    assert fake.issues == {}


def test_rejected_key_is_diagnosed(connect: Any) -> None:
    """The sentence says what to do."""
    (said,) = connect(API_KEY="lin_api_other").diagnose()
    assert said == (
        "Linear denied access with status 401 (AUTHENTICATION_ERROR)."
        " Make a key in Linear that may read and create issues, for API_KEY."
    )
