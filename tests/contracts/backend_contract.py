"""What every backend promises, whatever its kind and vendor.

A vendor's tests subclass the suite of its kind (`kind_contracts`) and say how to reach what the
vendor holds:

    class TestLedgerTickets(TicketsContract):
        def make_backend(self): ...
        def count_records(self, backend): ...
        def read_record(self, backend, request): ...

A backend that writes to the database marks its class `django_db(transaction=True)`, since its
threads have to see each other's commits.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from threading import Barrier
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from django.db import connections

from integrations.base import Backend, Request, RequestT, Result
from integrations.facts import ConversationFacts

DataclassT = TypeVar("DataclassT", bound=Request | ConversationFacts)

ODD_TEXTS = {
    "empty": "",
    "long": "Ünd so weiter. " * 2000,
    "emoji": "👩‍👩‍👧 🎧 👍🏽",
    "right to left": "שלום مرحبا \u202eback\u202c",
    "lines": "one\r\n\ttwo\n",
    "markup": "<script>alert(1)</script> {{ x }} %s ' \" \\",
    "NUL": "before\x00after",
    "half a surrogate pair": "before\ud83dafter",
}


class BackendContract(ABC, Generic[RequestT]):
    """The promises that do not hang on the kind."""

    IDENTIFYING: ClassVar[tuple[str, ...]] = ("conversation_uuid",)
    """What every request says of its conversation in earnest: it says whose the record is."""

    @abstractmethod
    def make_backend(self) -> Backend[RequestT]:
        """Return a backend that holds nothing yet."""

    @abstractmethod
    def count_records(self, backend: Backend[RequestT]) -> int:
        """Return how many records there are on the vendor's side."""

    @abstractmethod
    def read_record(self, backend: Backend[RequestT], request: RequestT) -> dict[str, Any]:
        """Return what the vendor holds for `request`, by the names of its and its facts' fields.

        A field that the vendor keeps in another form is left out.
        """

    @abstractmethod
    def make_request(self, **changes: Any) -> RequestT:
        """Return an ordinary request with `changes`; each kind's suite supplies it."""

    @pytest.fixture
    def backend(self) -> Backend[RequestT]:
        """Give each test a backend of its own."""
        return self.make_backend()

    def identify(self, request: RequestT) -> dict[str, Any]:
        """Return what `IDENTIFYING` names of the request's conversation."""
        return {name: getattr(request.conversation, name) for name in self.IDENTIFYING}

    def assert_held(self, backend: Backend[RequestT], request: RequestT) -> None:
        """Assert that the vendor holds what `request` says."""
        held = self.read_record(backend, request)
        assert held
        assert held == {name: read_said(request, name) for name in held}

    def test_applied_request_is_held(self, backend: Backend[RequestT]) -> None:
        """The vendor holds what the request says, in one record that the result names."""
        request = self.make_request()
        result = backend.apply(request)
        assert result.external_id
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    def test_same_request_twice_is_one_record_with_one_result(
        self, backend: Backend[RequestT]
    ) -> None:
        """A repetition adds nothing and answers as the first time."""
        request = self.make_request()
        first = backend.apply(request)
        assert backend.apply(request) == first
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    def test_different_requests_are_different_records(self, backend: Backend[RequestT]) -> None:
        """Another key of another conversation is another record with another id."""
        other = self.make_request(idempotency_key="other", conversation_uuid="c-2")
        results = {backend.apply(self.make_request()), backend.apply(other)}
        assert len(results) == 2
        assert self.count_records(backend) == 2

    def test_longest_key_is_taken_whole(self, backend: Backend[RequestT]) -> None:
        """Two keys of 255 characters that differ in the last are two records."""
        for last in "ab":
            backend.apply(
                self.make_request(
                    idempotency_key="k" * 254 + last, conversation_uuid="c" * 254 + last
                )
            )
        assert self.count_records(backend) == 2

    @pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
    def test_odd_text_arrives(self, backend: Backend[RequestT], text: str) -> None:
        """Whatever text a sender gives, the request is applied, once, and nothing is cut off."""
        ordinary = self.make_request()
        request = replace(
            fill_texts(ordinary, text),
            idempotency_key=ordinary.idempotency_key,
            conversation=replace(
                fill_texts(ordinary.conversation, text), **self.identify(ordinary)
            ),
        )
        assert backend.apply(request) == backend.apply(request)
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    def test_what_is_not_known_may_be_missing(self, backend: Backend[RequestT]) -> None:
        """A request with nothing in its optional fields is applied."""
        ordinary = self.make_request()
        request = replace(
            leave_out_optional(ordinary), conversation=ConversationFacts(**self.identify(ordinary))
        )
        backend.apply(request)
        self.assert_held(backend, request)

    def test_two_threads_with_one_key_are_one_record(self, backend: Backend[RequestT]) -> None:
        """Two workers that apply one key at the same moment get one record and one result."""
        for turn in range(10):
            request = self.make_request(
                idempotency_key=f"key {turn}", conversation_uuid=f"conversation {turn}"
            )
            first, second = apply_together(backend, [request, request])
            assert first == second
            assert self.count_records(backend) == turn + 1
            self.assert_held(backend, request)


def read_said(request: Request, name: str) -> Any:
    """Return what the request, or its conversation, says under `name`."""
    return getattr(request if hasattr(request, name) else request.conversation, name)


def fill_texts(value: DataclassT, text: str) -> DataclassT:
    """Return `value` with `text` in each of its texts."""
    texts: dict[str, Any] = {f.name: text for f in fields(value) if f.type is str}
    return replace(value, **texts)


def leave_out_optional(value: DataclassT) -> DataclassT:
    """Return `value` with nothing in each field that may be missing."""
    missing: dict[str, Any] = {f.name: None for f in fields(value) if f.default is None}
    return replace(value, **missing)


def apply_together(backend: Backend[RequestT], requests: Sequence[RequestT]) -> list[Result]:
    """Apply each request in a thread of its own, all starting at once; return their results."""
    barrier = Barrier(len(requests), timeout=10)

    def apply(request: RequestT) -> Result:
        barrier.wait()
        try:
            return backend.apply(request)
        finally:
            # A thread's connections are its own, and the test database waits for their end.
            connections.close_all()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(apply, requests, timeout=30))


class CreateOnceContract(BackendContract[RequestT]):
    """The promises of the kinds whose records are created once."""

    @abstractmethod
    def make_different(self, request: RequestT) -> RequestT:
        """Return a request under the same key that says something else."""

    def test_known_key_with_another_body_changes_nothing(self, backend: Backend[RequestT]) -> None:
        """The first body stays, and the second request is answered as the first was."""
        request = self.make_request()
        first = backend.apply(request)
        assert backend.apply(self.make_different(request)) == first
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    def test_two_keys_of_one_conversation_are_two_records(self, backend: Backend[RequestT]) -> None:
        """A conversation may owe several records of a kind."""
        backend.apply(self.make_request(idempotency_key="first"))
        backend.apply(self.make_request(idempotency_key="second"))
        assert self.count_records(backend) == 2
