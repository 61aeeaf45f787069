"""HubSpot's CRM API, as much of it as the backends use.

HubSpot's own packages speak versions that end in September 2027, or are unfinished; the dated API
is five calls (HubSpot, "CRM", https://developers.hubspot.com/docs/api-reference/latest/overview).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from integrations import budget
from integrations.base import Alias
from integrations.clients.hubspot.options import HubSpotOptions
from integrations.clients.hubspot.properties import ObjectType, Property
from integrations.clients.hubspot.refusals import (
    BUSY,
    build_busy_failure,
    build_refusal,
    find_code,
    find_wait,
)
from integrations.exceptions import TemporaryFailure
from integrations.http.answer import Answer
from integrations.http.client import VendorClient
from integrations.rates import Rate

VERSION = "2026-09"
"""Of every path; supported for 18 months from the month that it names."""

SEARCH_RATE = Rate.parse("4/s")
"""Searches have a limit of their own, 5 per second, and their answers say nothing of it (HubSpot,
"Search the CRM", https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm)."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as far as it was asked for. `contacts` are the ids of those associated with it."""

    id: str
    properties: Mapping[str, str | None]
    contacts: tuple[str, ...] = ()


class HubSpotClient:
    """Reads and writes records. Beside what `VendorClient.send` raises, see each method."""

    def __init__(self, alias: Alias, options: HubSpotOptions) -> None:
        self.alias = alias
        self.options = options
        self.http = VendorClient(
            "HubSpot",
            alias,
            options.base_url,
            headers={"Authorization": f"Bearer {options.access_token}"},
            options=options,
            find_code=find_code,
            find_wait=find_wait,
        )

    def find(
        self,
        key: Property,
        value: str,
        *,
        properties: Collection[str] = (),
        with_contacts: bool = False,
    ) -> Record | None:
        """Return the record whose unique property `key` is `value`, or None.

        `value` can stand in a URL (`make_unique_value`). Asks the record itself, not the search
        index, so what was written before is seen.
        """
        params = {"idProperty": key.name, "properties": ",".join((key.name, *properties))}
        if with_contacts:
            params["associations"] = "contacts"
        answer = self.send(
            "GET",
            f"/crm/objects/{VERSION}/{key.object_type}/{value.replace('+', '%2B')}",
            params=params,
            accept={HTTPStatus.NOT_FOUND},
        )
        return None if answer.status == HTTPStatus.NOT_FOUND else read_record(answer.read_json())

    def upsert(self, key: Property, value: str, properties: Mapping[str, str]) -> Record:
        """Write `properties` to the record whose unique property `key` is `value`; make it if new.

        Raises `Conflict` where another request is making it at this moment.
        """
        answer = self.send(
            "POST",
            f"/crm/objects/{VERSION}/{key.object_type}/batch/upsert",
            json={
                "inputs": [
                    {
                        "id": value,
                        "idProperty": key.name,
                        "properties": {**properties, key.name: value},
                    }
                ]
            },
            accept={HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT},
        )
        results = read_results(answer) if answer.status < HTTPStatus.BAD_REQUEST else []
        if not results:
            # A 200 with no record at all counts as a 207 with none.
            raise build_refusal(answer)
        return results[0]

    def update(
        self, object_type: ObjectType, record_id: str, properties: Mapping[str, str]
    ) -> bool:
        """Write `properties` to one record; return whether it is there.

        Raises `Conflict` where another record has a value that must be unique.
        """
        answer = self.send(
            "PATCH",
            f"/crm/objects/{VERSION}/{object_type}/{record_id}",
            json={"properties": properties},
            accept={HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND},
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise build_refusal(answer)
        return True

    def search(self, object_type: ObjectType, query: Mapping[str, Any]) -> list[Record]:
        """Return the first page of what matches `query`; the index lags by seconds."""
        # The budget spaces what follows a slot, so this keeps the next search away. HubSpot has
        # this limit whether or not the setting names one for all requests.
        budget.take_slot(self.alias, SEARCH_RATE)
        return read_results(
            self.send("POST", f"/crm/objects/{VERSION}/{object_type}/search", json=query)
        )

    def associate(self, object_type: ObjectType, record_id: str, contact_id: str) -> None:
        """Put a record on a contact; nothing changes where it is there already."""
        answer = self.send(
            "PUT",
            f"/crm/objects/{VERSION}/{object_type}/{record_id}/associations/default"
            f"/contacts/{contact_id}",
            accept={HTTPStatus.NOT_FOUND},
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise TemporaryFailure("HubSpot has lost one of two records that belong together.")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send one request. HubSpot's own ways to say "later" raise `TemporaryFailure`."""
        answer = self.http.send(method, path, params=params, json=json, accept={*BUSY, *accept})
        if answer.status in BUSY:
            raise build_busy_failure(answer)
        return answer


def read_results(answer: Answer) -> list[Record]:
    """Return the records in a list. Raises `TemporaryFailure` where the answer has no list."""
    body = answer.read_json()
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise TemporaryFailure("HubSpot answered with something that is no list of records.")
    return [read_record(result) for result in results]


def read_record(value: Any) -> Record:
    """Return the record in an answer. Raises `TemporaryFailure` where there is none."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise TemporaryFailure("HubSpot answered with something that is no record.")
    properties = value.get("properties")
    return Record(
        value["id"],
        properties if isinstance(properties, dict) else {},
        tuple(dict.fromkeys(read_contacts(value.get("associations")))),
    )


def read_contacts(associations: Any) -> list[str]:
    """Return the ids of the contacts that a record is on."""
    contacts = associations.get("contacts") if isinstance(associations, dict) else None
    results = contacts.get("results") if isinstance(contacts, dict) else None
    return [
        str(result["id"])
        for result in (results if isinstance(results, list) else [])
        if isinstance(result, dict) and "id" in result
    ]
