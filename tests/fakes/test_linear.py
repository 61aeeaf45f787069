"""The fake Linear is as strict as the original, where the original's strictness is known."""

from typing import Any

import httpx
import pytest

from tests.fakes.linear import API_KEY, TEAM_ID, FakeLinear
from tests.fakes.linear_schema import Invalid, find_mistake, read_operation

ISSUE_ID = "1c0c1f36-6d0e-4f6c-8f0a-3f9b8f1a2b3c"
CREATE = (
    "mutation Create($input: IssueCreateInput!) {"
    " issueCreate(input: $input) { success issue { id identifier url } } }"
)
FIND = "query Find($id: String!) { issue(id: $id) { id } }"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ issue }", {}),
        ("query { viewer { id } }", {}),
        ("query Find($id: String!) { issue(id: $id) { id }", {"id": "1"}),
        (f"{FIND} {FIND}", {"id": "1"}),
        ("query Find($id: String!) { issue(id: $id) }", {"id": "1"}),
        ("query Find($id: String!) { issue(id: $id) { id { x } } }", {"id": "1"}),
        ("query Find($id: String!) { issue(id: $id) { number } }", {"id": "1"}),
        ("query Find($id: String!) { issue(key: $id) { id } }", {"id": "1"}),
        ("query Find($id: Int!) { issue(id: $id) { id } }", {"id": 1}),
        ("query Find { issue(id: $id) { id } }", {}),
        ("query Find { issue { id } }", {}),
        ("mutation Find($id: String!) { issue(id: $id) { id } }", {"id": "1"}),
        ("query Find($id: String!) { issue(id: $id) { id } } ;", {"id": "1"}),
        (FIND, {}),
        (FIND, {"id": "1", "other": 2}),
    ],
)
def test_operation_that_does_not_fit_the_schema_is_refused(
    query: str, variables: dict[str, Any]
) -> None:
    """A slip in a query is found here, and not by Linear."""
    with pytest.raises(Invalid):
        read_operation(query, variables)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"teamId": TEAM_ID, "status": "x"},
        {"teamId": TEAM_ID, "priority": "1"},
        {"teamId": TEAM_ID, "priority": True},
        {"teamId": TEAM_ID, "title": None},
        {"teamId": TEAM_ID, "labelIds": [1]},
    ],
)
def test_input_with_another_field_or_type_is_refused(given: dict[str, Any]) -> None:
    """`IssueCreateInput` has these fields, in these types, and no others."""
    assert find_mistake(given)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, 200, ""),
        ({"title": ""}, 400, "INPUT_ERROR"),
        ({"title": "x" * 256}, 400, "INPUT_ERROR"),
        ({"teamId": ISSUE_ID}, 400, "INPUT_ERROR"),
        ({"teamId": "ENG"}, 400, "INPUT_ERROR"),
        ({"id": "ENG-1"}, 400, "INPUT_ERROR"),
        ({"id": ISSUE_ID.replace("-4f", "-1f")}, 400, "INPUT_ERROR"),
        ({"dueDate": "2026-03-04T10:00:00Z"}, 400, "INPUT_ERROR"),
        ({"priority": 5}, 400, "INPUT_ERROR"),
        ({"assigneeId": "Ada"}, 400, "INPUT_ERROR"),
        ({"labelIds": ["bug"]}, 400, "INPUT_ERROR"),
        ({"status": "x"}, 400, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_issue_is_created_only_of_what_linear_takes(
    changes: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal has its code, and nothing is kept."""
    with FakeLinear() as fake:
        given = {"id": ISSUE_ID, "teamId": TEAM_ID, "title": "Call back"} | changes
        answer = ask(fake, API_KEY, given)
        assert answer.status_code == status
        assert len(fake.issues) == (status == 200)
        if code:
            assert answer.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(("key", "status"), [("other", 401), ("", 401), (f"Bearer {API_KEY}", 400)])
def test_key_stands_alone(key: str, status: int) -> None:
    """A personal key is not a bearer token."""
    with FakeLinear() as fake:
        given = {"id": ISSUE_ID, "teamId": TEAM_ID, "title": "Call back"}
        assert ask(fake, key, given).status_code == status


def ask(fake: FakeLinear, key: str, given: dict[str, Any]) -> httpx.Response:
    """Create an issue."""
    sent = {"query": CREATE, "variables": {"input": given}}
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{fake.url}/graphql", json=sent, headers={"Authorization": key})
