"""What a backend promises whose vendor is called over HTTP, on top of its kind's suite.

    class TestZendeskTickets(VendorContract[TicketRequest], TicketsContract):
        SECRETS = (TOKEN,)
        def make_fake(self): return FakeZendesk()
        def make_vendor_backend(self, url): return ZendeskTickets("tickets", {…, "URL": url})
        def count_records(self, backend): return len(self.fake.tickets)
        def read_record(self, backend, request): ...

The mixin stands before the kind's suite. The tests need the database, for the budget.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from integrations.base import Backend, RequestT
from integrations.exceptions import (
    AccessDenied,
    IntegrationError,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
)
from integrations.http.client import VendorClient
from integrations.models import Budget
from tests.contracts.backend_contract import BackendContract
from tests.fakes.server import FakeServer

CANARIES = {
    "summary": "canary-summary",
    "from_number": "+49151canary",
    "to_number": "+49152canary",
    "agent_name": "canary-agent",
    "organization_name": "canary-organization",
}
OF_REQUESTS = {
    "phone_number": "+49153canary",
    "requester_phone": "+49154canary",
    "title": "canary-title",
    "subject": "canary-subject",
    "description": "canary-description",
}
Order = Callable[[FakeServer], None]

STRUCK: dict[str, tuple[Order, type[IntegrationError]]] = {
    "connection closed, not applied": (lambda fake: fake.drop_before(times=9), TemporaryFailure),
    "connection closed, applied": (lambda fake: fake.drop_after(times=9), TemporaryFailure),
    "time-out": (lambda fake: fake.slow(20, times=9), TemporaryFailure),
    "500": (lambda fake: fake.fail(500, times=9), TemporaryFailure),
    "500, applied": (lambda fake: fake.fail_after(500, times=9), TemporaryFailure),
    "503": (lambda fake: fake.fail(503, times=9), TemporaryFailure),
    "page of HTML": (lambda fake: fake.html_error(times=9), TemporaryFailure),
    "huge answer": (lambda fake: fake.huge(times=9), TemporaryFailure),
    "not JSON": (lambda fake: fake.not_json(times=9), TemporaryFailure),
    "redirect": (lambda fake: fake.redirect(times=9), TemporaryFailure),
    "429": (lambda fake: fake.rate_limit(times=9), RateLimited),
    "429 with Retry-After": (lambda fake: fake.rate_limit(7, times=9), RateLimited),
    "401": (lambda fake: fake.fail(401, times=9), AccessDenied),
    "403": (lambda fake: fake.fail(403, times=9), AccessDenied),
    "400": (lambda fake: fake.fail(400, times=9), PermanentFailure),
    "422": (lambda fake: fake.fail(422, times=9), PermanentFailure),
}
"""What the vendor does to every request of an `apply`, and what that has to raise."""


class VendorContract(BackendContract[RequestT]):
    """The promises of a backend that calls a vendor over HTTP."""

    SECRETS: ClassVar[tuple[str, ...]] = ()
    """What the options hold that nobody may see."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset()
    """The names in `STRUCK` that this backend takes for a success, each with a reason given in
    its tests: one that needs nothing of the answer does not mind that it is not JSON."""

    fake: FakeServer
    """The vendor of the backend that was made last."""

    @abstractmethod
    def make_fake(self) -> FakeServer:
        """Return the vendor, not started yet."""

    @abstractmethod
    def make_vendor_backend(self, url: str) -> Backend[RequestT]:
        """Return a backend that takes the vendor to be at `url`, with no limit of its rate."""

    def find_clients(self, backend: Backend[RequestT]) -> list[VendorClient]:
        """Return the clients whose time-outs the tests shorten."""
        return [value for value in vars(backend).values() if isinstance(value, VendorClient)]

    def make_backend(self) -> Backend[RequestT]:
        """Start a vendor that holds nothing yet, and return a backend for it."""
        self.fake = self._stack.enter_context(self.make_fake())
        backend = self.make_vendor_backend(self.fake.url)
        clients = self.find_clients(backend)
        assert clients, "find_clients finds no client"
        self._clients += clients
        return backend

    @pytest.fixture(autouse=True)
    def _vendors(self) -> Iterator[None]:
        self._clients: list[VendorClient] = []
        with ExitStack() as self._stack:
            yield
            for client in self._clients:
                client.close()

    def shorten_time_outs(self, backend: Backend[RequestT]) -> None:
        """Let the backend give up soon."""
        for client in self.find_clients(backend):
            client.limits = replace(client.limits, connect=5, read=0.8, total=5)

    def forget_holds(self) -> None:
        """Let time pass for the budget, so that a 429 of this test is over."""
        Budget.objects.all().delete()

    def make_canaries(self) -> RequestT:
        """Return a request whose every personal text can be told from any other."""
        ordinary = self.make_request(**CANARIES)
        texts = {name: text for name, text in OF_REQUESTS.items() if hasattr(ordinary, name)}
        return self.make_request(**CANARIES, **texts)

    @pytest.mark.parametrize("name", STRUCK)
    def test_failure_is_of_its_kind_and_the_next_try_makes_one_record(
        self, backend: Backend[RequestT], name: str
    ) -> None:
        """Whatever the vendor did to the first try, the second leaves exactly one record."""
        order, expected = STRUCK[name]
        request = self.make_request()
        self.shorten_time_outs(backend)
        order(self.fake)
        if name in self.ACCEPTED:
            backend.apply(request)
        else:
            with pytest.raises(expected) as caught:
                backend.apply(request)
            assert isinstance(caught.value, TemporaryFailure | PermanentFailure)
        self.fake.faults.clear()
        self.forget_holds()
        result = backend.apply(request)
        assert result.external_id
        assert backend.apply(request) == result
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    @pytest.mark.parametrize("place", range(6))
    @pytest.mark.parametrize("fault", ["drop_after", "drop_before", "fail_after", "not_json"])
    def test_crash_between_any_two_calls_leaves_one_record(
        self, backend: Backend[RequestT], fault: Any, place: int
    ) -> None:
        """A backend that calls the vendor several times may be stopped at each of them."""
        request = self.make_request()
        self.strike_only(place, fault)
        try:
            backend.apply(request)
        except IntegrationError:
            backend.apply(request)
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)

    def strike_only(self, place: int, fault: Any) -> None:
        """Let the fault strike the request at `place`, counted from 0, and no other."""
        if place:
            self.fake.order("slow", seconds=0, times=place)
        self.fake.order(fault)

    def test_retry_after_is_told(self, backend: Backend[RequestT]) -> None:
        """How long the vendor wants to be left alone is in the failure."""
        self.fake.rate_limit(7, times=9)
        with pytest.raises(RateLimited) as caught:
            backend.apply(self.make_request())
        assert caught.value.retry_after == timedelta(seconds=7)

    def test_rate_limit_holds_everybody(self, backend: Backend[RequestT]) -> None:
        """After a 429 the budget lets nobody call for a while, with or without Retry-After."""
        for seconds in (7, None):
            self.forget_holds()
            self.fake.rate_limit(seconds, times=9)
            with pytest.raises(RateLimited):
                backend.apply(self.make_request())
            assert Budget.objects.get(pk=backend.alias).held_until is not None
            self.fake.faults.clear()

    @pytest.mark.parametrize("name", STRUCK)
    def test_failure_says_nothing_of_what_was_sent(
        self, backend: Backend[RequestT], name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No key, number, name or text is in an error, in what caused it, or in a log."""
        caplog.set_level(logging.DEBUG)
        self.shorten_time_outs(backend)
        STRUCK[name][0](self.fake)
        said = []
        try:
            backend.apply(self.make_canaries())
        except IntegrationError as error:
            said = list(describe(error))
        said += [record.getMessage() + str(record.args) for record in caplog.records]
        self.assert_silent(said)

    def test_success_says_nothing_of_what_was_sent(
        self, backend: Backend[RequestT], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nor is any of it in a log, or in the result, when all goes well."""
        caplog.set_level(logging.DEBUG)
        result = backend.apply(self.make_canaries())
        said = [record.getMessage() + str(record.args) for record in caplog.records]
        self.assert_silent([*said, repr(result), repr(backend), repr(backend.options)])

    def test_preview_shows_no_secret(self, backend: Backend[RequestT]) -> None:
        """A dry run's record holds what would be sent, without the keys, and sends nothing."""
        preview = backend.preview(self.make_request())
        assert preview
        for secret in self.SECRETS:
            assert secret not in repr(preview)
        assert self.fake.log == []

    def test_diagnosis_changes_nothing(self, backend: Backend[RequestT]) -> None:
        """The vendor that works is found to work, and holds nothing more afterwards."""
        assert list(backend.diagnose()) == []
        assert self.count_records(backend) == 0

    @pytest.mark.parametrize("status", [401, 403])
    def test_diagnosis_of_a_rejected_key_says_so(
        self, backend: Backend[RequestT], status: int
    ) -> None:
        """A key that the vendor rejects is a sentence or a failure, and never shown."""
        self.fake.fail(status, times=99)
        try:
            said = list(backend.diagnose())
        except IntegrationError as error:
            said = list(describe(error))
        assert said
        self.assert_silent(said)

    def assert_silent(self, said: list[str]) -> None:
        """Assert that no secret and no canary is in any of the texts."""
        for text in said:
            assert "canary" not in text
            for secret in self.SECRETS:
                assert secret not in text


def describe(error: BaseException) -> Iterator[str]:
    """Yield all that could be shown of an error and of those it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield f"{current!r} {current} {current.args!r} {vars(current)!r}"
        waiting += [current.__cause__, current.__context__]
