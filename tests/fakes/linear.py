"""Linear's GraphQL API: an issue's `id` may be chosen by whoever creates it, and is unique.

What Linear answers to a known id, to an unknown one and to too many requests was seen by others
and is not in its documentation: see `integrations/clients/linear.py`.
"""

import re
import time
from datetime import date
from typing import Any
from uuid import UUID

from tests.fakes.linear_schema import Invalid, Operation, find_mistake, read_operation
from tests.fakes.server import Call, FakeServer, Reply

API_KEY = "lin_api_fake5c2e91"
TEAM_ID = "7f9d2a44-1b7e-4c58-9a06-3d1f0e6b8c21"
TEAM_KEY = "ENG"
USER_ID = "0b6c8a1e-52d4-4f7a-8e3b-9c4d5f6a7b80"
LABEL_ID = "c1a2b3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d"
LONGEST_TITLE = 255
HTTP_CODES = {400: "INPUT_ERROR", 401: "AUTHENTICATION_ERROR", 403: "FORBIDDEN"}


class FakeLinear(FakeServer):
    """A Linear workspace with one team, on the loopback address."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.issues: dict[str, dict[str, Any]] = {}
        self.refusal_status = 400
        """The status of refusals: Linear uses 400, and 200 as GraphQL's specification has it."""
        self.refusal: tuple[str, str] | None = None
        """A code and a type with which everything is refused."""
        self.is_forgetful = False
        """Whether an issue that is there is neither found nor shown."""
        self.is_silent = False
        """Whether creating an issue does nothing and says so without a reason."""

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        if (call.method, call.path) != ("POST", "/graphql"):
            return Reply(status=404)
        key = call.headers.get("authorization", "")
        if key == f"Bearer {API_KEY}":
            return refuse(400, "AUTHENTICATION_ERROR", "authentication error")
        if key != API_KEY:
            return refuse(401, "AUTHENTICATION_ERROR", "authentication error")
        if self.refusal is not None:
            return refuse(self.refusal_status, *self.refusal)
        try:
            asked = call.read_json()
            operation = read_operation(asked["query"], asked["variables"])
        except (Invalid, KeyError, ValueError):
            return refuse(400, "GRAPHQL_VALIDATION_FAILED", "graphql error")
        return self._answer_operation(operation)

    def _answer_operation(self, operation: Operation) -> Reply:
        arguments = operation.arguments
        match operation.field:
            case "issueCreate":
                return self._create_issue(arguments["input"])
            case "issue":
                issue = None if self.is_forgetful else self.issues.get(arguments["id"])
                return self._refuse_input() if issue is None else answer("issue", show(issue))
            case "team":
                is_known = arguments["id"] == TEAM_ID
                return answer("team", TEAM) if is_known else self._refuse_input()
            case "teams":
                is_known = arguments["filter"] == {"key": {"eq": TEAM_KEY}}
                return answer("teams", {"nodes": [TEAM] if is_known else []})
            case _:
                return answer("viewer", {"id": USER_ID, "name": "Ada"})

    def _create_issue(self, given: dict[str, Any]) -> Reply:
        if self.is_silent:
            return answer("issueCreate", {"success": False, "issue": None, "lastSyncId": 1})
        if find_mistake(given):
            return refuse(400, "GRAPHQL_VALIDATION_FAILED", "graphql error")
        if not is_acceptable(given) or given["id"] in self.issues:
            return self._refuse_input()
        number = len(self.issues) + 1
        slug = re.sub(r"[^a-z0-9]+", "-", given["title"].lower()).strip("-")
        self.issues[given["id"]] = issue = {
            **given,
            "identifier": f"{TEAM_KEY}-{number}",
            "url": f"https://linear.app/acme/issue/{TEAM_KEY}-{number}/{slug}",
        }
        return answer("issueCreate", {"success": True, "issue": show(issue), "lastSyncId": number})

    def _refuse_input(self) -> Reply:
        return refuse(self.refusal_status, "INPUT_ERROR", "invalid input")

    def make_limit_reply(self, retry_after: int | None) -> Reply:
        """Return Linear's way to say it: 400, and when there is more again in milliseconds."""
        reset = str(round((time.time() + 1800) * 1000))
        headers = {"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": reset}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        reply = refuse(400, "RATELIMITED", "ratelimited")
        return Reply(status=reply.status, json=reply.json, headers=headers)

    def make_error_reply(self, status: int) -> Reply:
        """Return an error as GraphQL has it."""
        return refuse(status, HTTP_CODES.get(status, "INTERNAL_SERVER_ERROR"), "other")

    def state(self) -> Any:
        """Return all issues."""
        return list(self.issues.values())


TEAM = {"id": TEAM_ID, "key": TEAM_KEY, "name": "Engineering", "archivedAt": None}


def is_acceptable(given: dict[str, Any]) -> bool:
    """Tell whether the values are ones that Linear takes; their types are known to fit."""
    try:
        due = given.get("dueDate")
        is_dated = due is None or date.fromisoformat(due).isoformat() == due
        is_fourth = UUID(given["id"]).version == 4 and str(UUID(given["id"])) == given["id"]
    except (KeyError, ValueError):
        return False
    return (
        is_dated
        and is_fourth
        and given["teamId"] == TEAM_ID
        and 0 < len(given.get("title", "").strip()) <= LONGEST_TITLE
        and given.get("priority", 0) in range(5)
        and given.get("assigneeId", USER_ID) == USER_ID
        and {LABEL_ID} >= set(given.get("labelIds", []))
    )


def show(issue: dict[str, Any]) -> dict[str, Any]:
    """Return what the API shows of an issue."""
    return {name: issue[name] for name in ("id", "identifier", "url")}


def answer(field: str, value: Any) -> Reply:
    """Return a success."""
    return Reply(json={"data": {field: value}})


def refuse(status: int, code: str, type_: str) -> Reply:
    """Return a refusal; its sentences quote what was sent, as Linear's do."""
    said = {"code": code, "type": type_, "userError": True, "statusCode": status}
    said["userPresentableMessage"] = f"Entity Issue with key {API_KEY} canary."
    return Reply(status=status, json={"errors": [{"message": "canary", "extensions": said}]})


if __name__ == "__main__":
    FakeLinear.main()
