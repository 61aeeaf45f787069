"""HubSpot's CRM API of 2026-09, as far as contacts, calls, tasks and their properties go.

As strict as the original where it matters: names, types and lengths of properties, unique values,
scopes, upserts that succeed in part (207), a search whose index lags, limits of their own for
searches, and 429s that name the limit and no time to wait.
"""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from integrations.rates import Rate
from tests.fakes.hubspot_definitions import Definition
from tests.fakes.hubspot_records import Record, Records, Refused
from tests.fakes.server import Call, FakeServer, Reply

ACCESS_TOKEN = "pat-na1-hubspot-token-7c1e"
READ = "crm.objects.contacts.read"
WRITE = "crm.objects.contacts.write"
SCHEMAS = "crm.schemas.contacts.write"

TYPE = "(?P<object_type>contacts|calls|tasks)"
OBJECTS = f"/crm/objects/2026-09/{TYPE}"
PROPERTIES = f"/crm/properties/2026-09/{TYPE}"
CATEGORIES = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    403: "MISSING_SCOPES",
    409: "CONFLICT",
    423: "LOCKED",
}
OURS = {
    "contacts": [Definition("switchboard_phone", group="contactinformation", is_unique=True)],
    "calls": [
        Definition("switchboard_conversation", group="call_information", is_unique=True),
        Definition("switchboard_version", "number", group="call_information"),
    ],
    "tasks": [Definition("switchboard_key", group="task_information", is_unique=True)],
}


class FakeHubSpot(FakeServer):
    """An account at HubSpot, on the loopback address; it has been set up already."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.access_token = ACCESS_TOKEN
        self.scopes = {READ, WRITE, SCHEMAS}
        self.records = Records()
        self.index_lag = 0.0
        """How many seconds it takes until a search finds what was written."""
        self.search_limit: Rate | None = None
        """How many searches are answered, beside what `limit` says of all requests."""
        self.policy = "TEN_SECONDLY_ROLLING"
        """Which limit a 429 names that a test orders."""
        self.refuses_in_part = False
        """Whether an upsert of one record that is refused is answered with 207."""
        self.before_write: Callable[[], None] | None = None
        """What happens once between a client's last look and its next POST that writes."""
        self._searches: list[float] = []
        for object_type, definitions in OURS.items():
            for definition in definitions:
                self.records.define(object_type, definition)
        self._routes: list[tuple[str, re.Pattern[str], str, Callable[..., Reply]]] = [
            (method, re.compile(pattern), scope, answer)
            for method, pattern, scope, answer in (
                ("GET", OBJECTS, READ, self._list_records),
                ("GET", OBJECTS + "/(?P<key>[^/]+)", READ, self._show_record),
                ("PATCH", OBJECTS + "/(?P<key>[^/]+)", WRITE, self._update_record),
                ("POST", OBJECTS + "/batch/upsert", WRITE, self._upsert),
                ("POST", OBJECTS + "/search", READ, self._search),
                (
                    "PUT",
                    OBJECTS + "/(?P<key>[^/]+)/associations/default/(?P<other_type>contacts)"
                    "/(?P<other_id>[0-9]+)",
                    WRITE,
                    self._associate,
                ),
                ("GET", PROPERTIES + "/(?P<name>[a-z0-9_]+)", READ, self._show_property),
                ("POST", PROPERTIES, SCHEMAS, self._create_property),
            )
        ]

    # ------------------------------------------------------------ what tests arrange and look at

    def forget_setup(self) -> None:
        """Be an account that was not set up."""
        for object_type, definitions in OURS.items():
            for definition in definitions:
                self.records.definitions[object_type].pop(definition.name, None)

    def add_contact(self, **properties: str) -> str:
        """Have a contact and return its id."""
        return self.records.create("contacts", properties).id

    def add_old_contact(self, phone: str) -> str:
        """Have a contact that people wrote down long ago, and return its id."""
        record = self.records.create("contacts", {"phone": phone})
        record.versions = [(0, values) for _, values in record.versions]
        return record.id

    def arrange(self, order: dict[str, Any]) -> bool:
        """Take `{"index_lag": 3}`, `{"search_limit": "5/s"}` or `{"contacts": ["0044 20 …"]}`."""
        match order:
            case {"index_lag": int() | float() as seconds}:
                self.index_lag = seconds
            case {"search_limit": str(rate)}:
                self.search_limit = Rate.parse(rate)
            case {"contacts": list(phones)}:
                for phone in phones:
                    self.add_old_contact(phone)
            case _:
                return False
        return True

    def get_contacts(self) -> list[dict[str, Any]]:
        """Return all contacts."""
        return self._dump("contacts")

    def get_calls(self) -> list[dict[str, Any]]:
        """Return all calls, each with its contacts."""
        return self._dump("calls")

    def get_tasks(self) -> list[dict[str, Any]]:
        """Return all tasks, each with its contacts."""
        return self._dump("tasks")

    def state(self) -> Any:
        """Return all records."""
        return {name: self._dump(name) for name in self.records.by_type}

    def _dump(self, object_type: str) -> list[dict[str, Any]]:
        return [
            {
                "id": record.id,
                **record.properties,
                "contacts": self.records.list_associated(record, "contacts"),
            }
            for record in self.records.by_type[object_type].values()
        ]

    # ------------------------------------------------------------ answering

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        try:
            return self._answer_or_refuse(call)
        except Refused as refused:
            return Reply(status=refused.status, json=refused.to_json())

    def _answer_or_refuse(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {self.access_token}":
            raise Refused(401, "INVALID_AUTHENTICATION")
        for method, pattern, scope, answer in self._routes:
            match = pattern.fullmatch(call.path)
            if method == call.method and match is not None:
                if scope not in self.scopes:
                    needed = {"requiredGranularScopes": [scope]}
                    raise Refused(403, "MISSING_SCOPES", context=needed)
                return answer(call, **match.groupdict())
        raise Refused(404, "OBJECT_NOT_FOUND")

    def make_limit_reply(self, retry_after: int | None) -> Reply:
        """Name the limit; HubSpot rarely says how long to wait."""
        return build_limit_reply(self.policy, super().make_limit_reply(retry_after))

    def make_error_reply(self, status: int) -> Reply:
        """Put an error into HubSpot's form."""
        return Reply(status=status, json=Refused(status, CATEGORIES.get(status, "ERROR")).to_json())

    def _list_records(self, _: Call, object_type: str) -> Reply:
        records = list(self.records.by_type[object_type].values())[:1]
        return Reply(json={"results": [self._show(record) for record in records]})

    def _show_record(self, call: Call, object_type: str, key: str) -> Reply:
        record = self._get(call, object_type, key)
        shown = self._show(record, call.query.get("properties", "").split(","))
        if call.query.get("associations") == "contacts":
            contacts = self.records.list_associated(record, "contacts")
            kind = f"{object_type.removesuffix('s')}_to_contact"
            results = [{"id": contact, "type": kind} for contact in contacts]
            shown["associations"] = {"contacts": {"results": results}} if results else {}
        return Reply(json=shown)

    def _update_record(self, call: Call, object_type: str, key: str) -> Reply:
        record = self._get(call, object_type, key)
        self.records.update(record, call.read_json()["properties"])
        return Reply(json=self._show(record))

    def _upsert(self, call: Call, object_type: str) -> Reply:
        inputs = call.read_json()["inputs"]
        if not 1 <= len(inputs) <= 100:
            raise Refused(400, "VALIDATION_ERROR")
        self._let_happen()
        results, errors = [], []
        for single in inputs:
            try:
                record, is_new = self._upsert_one(object_type, single)
                results.append(self._show(record, single["properties"]) | {"new": is_new})
            except Refused as refused:
                if len(inputs) == 1 and not self.refuses_in_part:
                    raise
                errors.append(refused.to_json())
        batch = {"status": "COMPLETE", "results": results}
        if errors:
            return Reply(status=207, json=batch | {"errors": errors, "numErrors": len(errors)})
        return Reply(json=batch)

    def _upsert_one(self, object_type: str, single: Any) -> tuple[Record, bool]:
        key, value, properties = single["idProperty"], single["id"], single["properties"]
        record = self.records.find(object_type, key, value)
        if record is None:
            return self.records.create(object_type, {**properties, key: value}), True
        self.records.update(record, properties)
        return record, False

    def _search(self, call: Call, object_type: str) -> Reply:
        now = time.monotonic()
        if self.search_limit is not None:
            start = now - self.search_limit.window.total_seconds()
            self._searches = [at for at in self._searches if at > start]
            if len(self._searches) >= self.search_limit.requests:
                return build_limit_reply("SECONDLY", Reply(status=429))
        self._searches.append(now)
        query = call.read_json()
        groups = query["filterGroups"]
        if len(groups) > 5 or any(len(group["filters"]) > 6 for group in groups):
            raise Refused(400, "VALIDATION_ERROR")
        if query.get("limit", 10) > 200 or len(query.get("sorts", [])) > 1:
            raise Refused(400, "VALIDATION_ERROR")
        found = self.records.search(object_type, groups, self.index_lag)
        shown = [self._show(record, query.get("properties", [])) for record in found]
        return Reply(json={"total": len(shown), "results": shown[: query.get("limit", 10)]})

    def _associate(
        self, call: Call, object_type: str, key: str, other_type: str, other_id: str
    ) -> Reply:
        other = self.records.find(other_type, "", other_id)
        if other is None:
            raise Refused(404, "OBJECT_NOT_FOUND")
        self.records.associate(self._get(call, object_type, key), other)
        return Reply(json={"status": "COMPLETE", "results": []})

    def _show_property(self, _: Call, object_type: str, name: str) -> Reply:
        definition = self.records.definitions[object_type].get(name)
        if definition is None:
            raise Refused(404, "OBJECT_NOT_FOUND")
        return Reply(json=definition.to_json())

    def _create_property(self, call: Call, object_type: str) -> Reply:
        self._let_happen()
        asked = call.read_json()
        definition = Definition(
            asked["name"],
            asked["type"],
            asked["groupName"],
            is_unique=asked.get("hasUniqueValue", False),
        )
        if not asked["label"] or asked["fieldType"] not in {"text", "number"}:
            raise Refused(400, "VALIDATION_ERROR")
        self.records.define(object_type, definition)
        return Reply(status=201, json=definition.to_json())

    def _let_happen(self) -> None:
        if self.before_write is not None:
            meanwhile, self.before_write = self.before_write, None
            meanwhile()

    def _get(self, call: Call, object_type: str, key: str) -> Record:
        record = self.records.find(object_type, call.query.get("idProperty", ""), unquote(key))
        if record is None:
            raise Refused(404, "OBJECT_NOT_FOUND")
        return record

    def _show(self, record: Record, names: Any = ()) -> dict[str, Any]:
        wanted = {"hs_object_id", "createdate", *names} - {""}
        return {
            "id": record.id,
            "properties": {name: record.properties.get(name) for name in sorted(wanted)},
            "archived": False,
        }


def build_limit_reply(policy: str, reply: Reply) -> Reply:
    """Return a 429 as HubSpot words it, with the headers of `reply`."""
    said = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": "00000000-0000-4000-8000-000000000000",
        "policyName": policy,
    }
    return Reply(status=429, json=said, headers=reply.headers)


if __name__ == "__main__":
    FakeHubSpot.main()
