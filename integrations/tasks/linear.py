"""Linear as the task list: one issue for each follow-up.

An issue's id is ours to choose and unique for ever, and is made from the effect's key; a known one
is refused, and the issue that has it is the result. What is documented of that and what was only
seen: `integrations.clients.linear`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from django.core.checks import CheckMessage, Error
from msgspec import Meta

from integrations.base import Alias, Result
from integrations.clients.linear import Issue, LinearClient
from integrations.exceptions import AccessDenied, PermanentFailure
from integrations.fields import FieldMapping, check_fields
from integrations.http.base_urls import check_base_url
from integrations.http.keys import make_uuid
from integrations.options import Options
from integrations.tasks.base import FollowUp, Tasks
from integrations.tasks.linear_fields import (
    DEFAULTS,
    DESCRIPTION,
    UUID,
    build_issue,
    check_names,
    find_inserted_ids,
)
from integrations.tasks.linear_markdown import escape_request

TEAM_KEY = re.compile(r"[A-Z][A-Z0-9]{0,15}")
NO_TEAM = (
    "Linear shows no team with the TEAM_ID in the settings: take the letters in front of its"
    " issues' numbers, and let the key and its owner see the team."
)


class LinearOptions(Options, frozen=True, kw_only=True):
    """What `OPTIONS` holds for Linear."""

    # "Rate limiting", https://linear.app/developers/rate-limiting, allows all of a user's keys
    # together 2,500 requests an hour: this leaves their others some.
    default_rate: ClassVar[str] = "1500/h"
    default_concurrency: ClassVar[int | None] = 4

    api_key: Annotated[str, Meta(min_length=1)]
    """A personal key as it is; an OAuth token with `Bearer ` in front."""
    team_id: str
    """The team's key, such as `ENG`, or its UUID."""
    assignees: dict[str, str] = {}
    """The user's UUID by what the analysis calls whoever is to do it."""
    fields: dict[str, str] = {}
    """Templates by the issue's fields, in the place of the defaults or beside them."""
    base_url: str = "https://api.linear.app"

    def __post_init__(self) -> None:
        """Raise `ValueError` where an option cannot be meant."""
        check_base_url(self.base_url)
        if not (TEAM_KEY.fullmatch(self.team_id) or UUID.fullmatch(self.team_id)):
            raise ValueError("TEAM_ID is neither a team's key in capitals, such as ENG, nor a UUID")
        if not all(UUID.fullmatch(user) for user in self.assignees.values()):
            raise ValueError("ASSIGNEES has a user who is not named by a UUID")
        if self.api_key.startswith("Bearer lin_api_"):
            raise ValueError("API_KEY is a personal key, which Linear wants without Bearer")


class LinearTasks(Tasks):
    """Creates one issue per idempotency key."""

    options_class = LinearOptions
    options: LinearOptions

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        """Read the options; raises `ImproperlyConfigured` where they do not fit."""
        super().__init__(alias, options)
        check_names(self.options.fields)
        plain = dict(self.options.fields)
        markdown = plain.pop("description", DESCRIPTION)
        self.mapping = FieldMapping(DEFAULTS, plain)
        self.markdown = FieldMapping({"description": markdown})
        self.client = LinearClient(alias, self.options.base_url, self.options.api_key, self.options)

    def apply(self, request: FollowUp) -> Result:
        """Return the issue of the request's key, after creating it where there is none."""
        issue = self.build_issue(request)
        if not UUID.fullmatch(self.options.team_id):
            issue["teamId"] = self.find_team_id()
        created = self.client.create_issue(issue)
        return Result(external_id=created.id, url=shorten_url(created))

    def preview(self, request: FollowUp) -> Mapping[str, Any]:
        """Return the issue; `teamId` is as in the settings."""
        return self.build_issue(request)

    def check(self) -> Sequence[CheckMessage]:
        """Try the templates, and what they give.

        UUIDs only where a template has them: in what it inserts, a sample has none.
        """
        mistakes = [
            *check_fields(self, "FIELDS", self.mapping),
            *check_fields(self, "FIELDS", self.markdown),
        ]
        if mistakes:
            return mistakes
        said = {}
        inserted = find_inserted_ids(self.options.fields)
        for sample in self.samples:
            try:
                texts = self.render_texts(sample)
                build_issue({name: text for name, text in texts.items() if name not in inserted})
            except PermanentFailure as failure:
                said[str(failure)] = Error(
                    f"INTEGRATIONS[{self.alias!r}]['OPTIONS']['FIELDS']: {failure}",
                    hint="docs/integrations/linear.md lists what each field may hold.",
                    id="integrations.E011",
                )
        return list(said.values())

    def diagnose(self) -> Sequence[str]:
        """Look at the team."""
        try:
            self.find_team_id()
        except AccessDenied as error:
            if str(error) == NO_TEAM:
                return [NO_TEAM]
            return [f"{error} Make a key in Linear that may read and create issues, for API_KEY."]
        return []

    def build_issue(self, request: FollowUp) -> dict[str, Any]:
        """Return what is sent for `request`; the same at every try."""
        issue = build_issue(self.render_texts(request))
        assignee = self.options.assignees.get(request.assignee)
        if assignee is not None:
            issue.setdefault("assigneeId", assignee)
        return {
            **issue,
            "id": str(make_uuid(request.idempotency_key)),
            "teamId": self.options.team_id,
        }

    def render_texts(self, request: FollowUp) -> dict[str, str]:
        """Return the fields' texts, with the description in Markdown."""
        return self.mapping.render(request) | self.markdown.render(escape_request(request))

    def find_team_id(self) -> str:
        """Return the team's UUID. Raises `AccessDenied` where the key does not see the team."""
        team_id = self.options.team_id
        is_id = UUID.fullmatch(team_id)
        found = self.client.find_team(team_id) if is_id else self.client.find_team_by_key(team_id)
        if found is None:
            # No other issue would fare better, so effects wait until somebody has mended it.
            raise AccessDenied(NO_TEAM)
        return found


def shorten_url(issue: Issue) -> str:
    """Return the issue's address without the title, which Linear writes at its end."""
    found = re.match(rf"https://\S*?/issue/{re.escape(issue.identifier)}(?![^/])", issue.url)
    return found[0] if found else ""
