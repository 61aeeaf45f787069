"""Linear's API, as far as an issue needs it: GraphQL, always by POST.

From Linear's own pages: a personal key stands in `Authorization` as it is, an OAuth token behind
`Bearer` ("Getting started", https://linear.app/developers/graphql); an issue's `id` may be chosen,
a UUID of version 4 (`IssueCreateInput`, packages/sdk/src/schema.graphql in
https://github.com/linear/linear); errors come with status 200 too, and too many requests are
`RATELIMITED` with status 400 and `X-RateLimit-…-Reset` in milliseconds
(https://linear.app/developers/rate-limiting); the types of errors are in packages/sdk/src/error.ts.

Not documented, but seen by several who published it: a known `id` is refused with `INPUT_ERROR`
("conflict on insert of Issue"), and so is a look-up of what is not there. That code stands for
every wrong input, so after a refusal the issue itself is asked for, and no sentence is read. Not
verified: whether an issue in the trash is still shown (if not, its effect ends as failed when it is
run again), how long a title may be, and the codes of a full plan.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from integrations import budget
from integrations.base import Alias
from integrations.exceptions import AccessDenied, PermanentFailure, RateLimited, TemporaryFailure
from integrations.http.answer import Answer
from integrations.http.client import VendorClient
from integrations.http.failures import CODE
from integrations.http.rate_limits import read_number, read_retry_after
from integrations.http.shapes import read_shape
from integrations.options import Options

CREATE = """mutation SwitchboardCreate($input: IssueCreateInput!) {
  issueCreate(input: $input) { success issue { id identifier url } }
}"""
FIND = "query SwitchboardIssue($id: String!) { issue(id: $id) { id identifier url } }"
FIND_TEAM = "query SwitchboardTeam($id: String!) { team(id: $id) { id } }"
FIND_TEAM_BY_KEY = """query SwitchboardTeams($filter: TeamFilter!) {
  teams(filter: $filter, first: 1) { nodes { id } }
}"""

LIMITED = frozenset({"ratelimited"})
DENIED = frozenset(
    {"authentication error", "forbidden", "feature not accessible", "usage limit exceeded"}
)
"""What no other issue would fare better with, the end of a free plan's issues included."""
REFUSED = frozenset({"invalid input", "input error", "user error", "graphql error"})

LIMITS = ("requests", "complexity", "endpoint-requests")
LONGEST_WAIT = 60
"""In seconds. Linear's limits refill at a constant rate, so there is more long before the reset."""


class Extensions(msgspec.Struct):
    """What an error says of itself beside its sentences."""

    code: str = ""
    type: str = ""


class Mistake(msgspec.Struct):
    """One of an answer's errors."""

    extensions: Extensions = msgspec.field(default_factory=Extensions)


class Answered(msgspec.Struct):
    """What every operation answers; a subclass adds its data."""

    errors: list[Mistake] = []


class Issue(msgspec.Struct):
    """An issue as Linear shows it."""

    id: str
    identifier: str
    url: str


class Payload(msgspec.Struct):
    """What became of a mutation."""

    success: bool
    issue: Issue | None = None


class CreatedData(msgspec.Struct, rename="camel"):
    """The data of `CREATE`."""

    issue_create: Payload | None = None


class Created(Answered):
    """The answer to `CREATE`."""

    data: CreatedData | None = None


class FoundData(msgspec.Struct):
    """The data of `FIND`."""

    issue: Issue | None = None


class Found(Answered):
    """The answer to `FIND`."""

    data: FoundData | None = None


class Team(msgspec.Struct):
    """A team as Linear shows it."""

    id: str


class Teams(msgspec.Struct):
    """A page of teams."""

    nodes: list[Team]


class TeamData(msgspec.Struct):
    """The data of `FIND_TEAM` and `FIND_TEAM_BY_KEY`."""

    team: Team | None = None
    teams: Teams | None = None


class FoundTeam(Answered):
    """The answer to either."""

    data: TeamData | None = None


AnsweredT = TypeVar("AnsweredT", bound=Answered)


class LinearClient:
    """Calls one workspace; every method raises what `VendorClient.send` may."""

    def __init__(self, alias: Alias, base_url: str, api_key: str, options: Options) -> None:
        self.alias = alias
        self.http = VendorClient(
            "Linear",
            alias,
            base_url,
            headers={"Authorization": api_key},
            options=options,
            find_code=lambda refusal: str(refusal["errors"][0]["extensions"]["code"]),
        )

    def create_issue(self, given: Mapping[str, Any]) -> Issue:
        """Return the issue of `given`'s id, after creating it where there is none.

        Raises `PermanentFailure` for what Linear does not accept as an issue.
        """
        created = self._ask(CREATE, {"input": given}, Created)
        payload = created.data.issue_create if created.data is not None else None
        if payload is not None and payload.success and payload.issue is not None:
            return payload.issue
        known = self.find_issue(given["id"])
        if known is not None:
            return known
        if created.errors:
            raise PermanentFailure(
                f"Linear refused the issue{quote_code(created.errors)}: the team, or something"
                " that FIELDS or ASSIGNEES names, is not there, or the issue was deleted."
            )
        raise TemporaryFailure("Linear created no issue, and did not say why.")

    def find_issue(self, issue_id: str) -> Issue | None:
        """Return the issue with this id, archived or not, or None."""
        data = self._ask(FIND, {"id": issue_id}, Found).data
        return data.issue if data is not None else None

    def find_team(self, team_id: str) -> str | None:
        """Return the id of the team with this id, or None where the key does not see any."""
        data = self._ask(FIND_TEAM, {"id": team_id}, FoundTeam).data
        return data.team.id if data is not None and data.team is not None else None

    def find_team_by_key(self, key: str) -> str | None:
        """Return the id of the team whose issues are called `<key>-1` and so on, or None."""
        given = {"filter": {"key": {"eq": key}}}
        data = self._ask(FIND_TEAM_BY_KEY, given, FoundTeam).data
        teams = data.teams.nodes if data is not None and data.teams is not None else []
        return teams[0].id if teams else None

    def _ask(self, query: str, variables: Mapping[str, Any], shape: type[AnsweredT]) -> AnsweredT:
        """Return a success, or a refusal of what was asked for, which its `errors` tell apart."""
        sent = {"query": query, "variables": variables}
        answer = self.http.send("POST", "/graphql", json=sent, accept={HTTPStatus.BAD_REQUEST})
        answered = read_shape(answer, shape)
        if answered.errors:
            self._raise_unless_refused(answer, answered.errors)
        elif answer.status == HTTPStatus.BAD_REQUEST:
            raise PermanentFailure("Linear refused the request with status 400.")
        return answered

    def _raise_unless_refused(self, answer: Answer, errors: list[Mistake]) -> None:
        kinds = {kind for error in errors for kind in read_kinds(error.extensions)}
        code = quote_code(errors)
        if kinds & LIMITED:
            reason = f"Linear has had enough requests for now{code}."
            wait = find_wait(answer.headers, datetime.now(UTC))
            # The shared client knows a limit by status 429 alone.
            budget.hold(self.alias, wait, reason)
            raise RateLimited(reason, retry_after=wait)
        if kinds & DENIED:
            raise AccessDenied(f"Linear denied access{code}.")
        if not kinds & REFUSED and answer.status != HTTPStatus.BAD_REQUEST:
            raise TemporaryFailure(f"Linear failed{code}.")


def read_kinds(extensions: Extensions) -> set[str]:
    """Return the code and the type in one spelling: `INPUT_ERROR` is `input error`."""
    return {text.lower().replace("_", " ") for text in (extensions.code, extensions.type)}


def quote_code(errors: list[Mistake]) -> str:
    """Return the first error's code, in parentheses where it looks like one, or nothing."""
    code = errors[0].extensions.code
    return f" ({code})" if CODE.fullmatch(code) else ""


def find_wait(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Return how long to leave Linear alone after `RATELIMITED`."""
    said = read_retry_after(headers, now)
    if said is not None:
        return said
    resets = (
        read_number(headers.get(f"x-ratelimit-{limit}-reset", ""))
        for limit in LIMITS
        if read_number(headers.get(f"x-ratelimit-{limit}-remaining", "")) == 0
    )
    waits = [reset / 1000 - now.timestamp() for reset in resets if reset is not None]
    seconds = max(waits, default=LONGEST_WAIT)
    return timedelta(seconds=min(max(seconds, 1), LONGEST_WAIT))
