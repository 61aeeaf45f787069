"""The one way to a vendor: bounded, budgeted, and silent about what was sent."""

import os
import re
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from integrations import budget
from integrations.base import Alias
from integrations.exceptions import TemporaryFailure
from integrations.http.answer import Answer, read_body
from integrations.http.failures import UNANSWERED, explain_refusal, explain_silence, name_within
from integrations.http.network import Network, limit_time
from integrations.http.rate_limits import read_exhaustion, read_retry_after
from integrations.http.transport import Transport
from integrations.options import Options

USER_AGENT = "Switchboard/0.1.0"
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
HOST = re.compile(rb"[A-Za-z0-9.:_-]+")
ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Statuses whose `Retry-After` is meant for all our requests, not for this one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take, in seconds and bytes."""

    connect: float = field(default_factory=lambda: settings.VENDOR_CONNECT_TIMEOUT)
    read: float = field(default_factory=lambda: settings.VENDOR_READ_TIMEOUT)
    total: float = field(default_factory=lambda: settings.VENDOR_TOTAL_TIMEOUT)
    """From the name's resolution to the answer's last byte."""
    answer: int = 1024 * 1024
    """The body's size, as sent and unpacked."""
    unsaid_wait: timedelta = timedelta(seconds=10)
    """How long nobody calls after a 429 that does not say."""


class VendorClient:
    """Sends requests to one vendor for one integration. Threads may share it, forks too.

    `find_code` picks the vendor's error code out of a refusal's JSON, and `find_wait` how long a
    429 without `Retry-After` asks for; both may fail on an odd shape. With `public_only`,
    addresses outside the public internet are refused.

    Raises `ImproperlyConfigured` where the address or a header cannot be used at all.
    """

    def __init__(
        self,
        vendor: str,
        alias: Alias,
        base_url: str,
        *,
        headers: Mapping[str, str],
        options: Options,
        public_only: bool = False,
        find_code: Callable[[Any], str] | None = None,
        find_wait: Callable[[Any], timedelta | None] | None = None,
    ) -> None:
        if not is_usable_address(base_url):
            raise ImproperlyConfigured(
                f"The address of {name_within(vendor)} is not http:// or https:// with a host and"
                " no user name."
            )
        unusable = find_unusable_header(headers)
        if unusable:
            raise ImproperlyConfigured(
                f"The header {unusable} for {name_within(vendor)} has characters that no header may"
                " have: look for a space or a line's end around the key."
            )
        self.vendor = vendor
        self.alias = alias
        self.limits = Limits()
        self.network = Network(public_only=public_only)
        self._base_url = base_url
        self._place = name_place(base_url)
        self._headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers}
        self._options = options
        self._find_code = find_code
        self._find_wait = find_wait
        self._clients: dict[int, httpx.Client] = {}
        weakref.finalize(self, close_own, self._clients)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send one request and return the answer, if it is a 2xx or one of `accept`.

        `path` is empty or begins with a slash. Never retried here: that is the engine's. Raises

        - `RateLimited`: 429, or the budget has no slot soon;
        - `AccessDenied`: 401 and 403, and an address that may not be called;
        - `TemporaryFailure`: 408, 425, 5xx, time-outs, connections that break, answers too large
          or unreadable, and redirects. Those are not followed, not even on the same host, since
          what we send is not for everybody; they are temporary since a moved address or a page
          on maintenance strikes every effect alike, and people can mend it while effects wait;
        - `PermanentFailure`: every other 4xx.
        """
        sent = dict(headers or {})
        if (path and not path.startswith("/")) or find_unusable_header(sent):
            raise ValueError("A path begins with a slash, and a header is visible ASCII.")
        if json is not None:
            content = msgspec.json.encode(json)
            sent.setdefault("Content-Type", "application/json")
        url = self._base_url.rstrip("/") + path if path else self._base_url
        budget.take_slot(self.alias, self._options.read_rate())
        try:
            answer = self._exchange(method, url, params, content, sent)
        except UNANSWERED as error:
            failure = explain_silence(self.vendor, self._place, error)
        else:
            wait = self._find_wait_for(answer)
            self._tell_budget(answer, wait)
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return answer
            if answer.status in accept:
                return answer
            code = pick(self._find_code, answer)
            failure = explain_refusal(self.vendor, answer.status, code, wait)
        # Outside of the except block: a context would carry httpx's words along.
        raise failure

    def close(self) -> None:
        """Close this process's connections; the next request opens new ones."""
        close_own(self._clients)

    def _exchange(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        timeout = httpx.Timeout(
            connect=self.limits.connect,
            read=self.limits.read,
            write=self.limits.read,
            pool=self.limits.connect,
        )
        with (
            limit_time(self.limits.total),
            self._open().stream(
                method, url, params=params, content=content, headers=headers, timeout=timeout
            ) as response,
        ):
            body = read_body(response, self.limits.answer)
            return Answer(response.status_code, response.headers, body, self.vendor)

    def _open(self) -> httpx.Client:
        """Return this process's client.

        One that a parent process made would share its connections and locks. Nothing is locked
        here, since a fork copies a lock as it stands: of two threads that come first, one makes
        a client in vain.
        """
        client = self._clients.get(os.getpid())
        if client is None:
            made = httpx.Client(
                transport=Transport(self.network),
                headers=self._headers,
                # Neither proxies nor netrc: where a key goes is for the settings alone to say.
                trust_env=False,
                follow_redirects=False,
                # What one effect was told has no place in the next one's request.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
            client = self._clients.setdefault(os.getpid(), made)
        return client

    def _find_wait_for(self, answer: Answer) -> timedelta | None:
        """Return how long an answer asks to wait, None where it does not say."""
        now = datetime.now(UTC)
        wait = read_retry_after(answer.headers, now)
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS or wait is not None:
            return wait
        found = pick(self._find_wait, answer)
        return found if isinstance(found, timedelta) else read_exhaustion(answer.headers, now)

    def _tell_budget(self, answer: Answer, wait: timedelta | None) -> None:
        reason = f"{self.vendor} answered with status {answer.status}."
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS and wait is None:
            wait = self.limits.unsaid_wait
        elif answer.status not in ASKS_TO_WAIT:
            wait = read_exhaustion(answer.headers, datetime.now(UTC))
            reason = f"{self.vendor} says that our requests are used up for now."
        if wait is not None:
            budget.hold(self.alias, wait, reason)


def close_own(clients: dict[int, httpx.Client]) -> None:
    """Close this process's connections; what a parent process opened is not ours to close."""
    client = clients.pop(os.getpid(), None)
    if client is not None:
        client.close()


def is_usable_address(url: str) -> bool:
    """Return whether requests can be sent below `url`; a user name in it would go out as a key."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return (
        parsed.scheme in {"http", "https"}
        and HOST.fullmatch(parsed.raw_host) is not None
        and not parsed.userinfo
    )


def name_place(url: str) -> str:
    """Return the host and port of `url`, and nothing else of it."""
    parsed = httpx.URL(url)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return f"{host}:{parsed.port or (443 if parsed.scheme == 'https' else 80)}"


def find_unusable_header(headers: Mapping[str, str]) -> str:
    """Return the name of a header whose value cannot be sent, or an empty text."""
    unusable = (name for name, value in headers.items() if not HEADER_VALUE.fullmatch(value))
    return next(unusable, "")


def pick(find: Callable[[Any], Any] | None, answer: Answer) -> Any:
    """Return what `find` finds in the answer's JSON, or None where that has another shape."""
    if find is None:
        return None
    try:
        return find(answer.read_json())
    except (TemporaryFailure, LookupError, TypeError, ValueError, AttributeError):
        return None
