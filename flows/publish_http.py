"""HTTP as publishing needs it: a rate that is kept, retries only of what may be repeated, doubt told from failure."""

from __future__ import annotations

import contextlib
import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from flows.publish_secrets import masked
from manifests.errors import UsageError

TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds; doubled from try to try, with full jitter
PATIENCE = 900.0  # a service that asks for a longer pause is left for the next call
TIMEOUT = httpx.Timeout(60.0, connect=15.0, write=600.0, read=300.0)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unsure(Exception):
    """The answer was lost: the request may have been carried out or not."""


class Refused(Exception):
    """The service said no; trying the same again would not help. `status` is HTTP's, 0 for what an answer says."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(Exception):
    """The service is away, or asks for a pause longer than PATIENCE; nothing was carried out."""


@dataclass
class Clock:
    """Time, so that tests need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Bucket:
    """A token bucket that threads share: `rate` requests a second, `burst` at once; a pause holds all of them."""

    rate: float
    burst: float = 1.0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens, self._then = self.burst, self.clock.now()
        self._closed_until = 0.0

    def take(self) -> None:
        """Wait for the right to send one request."""
        while (wait := self._wait()) > 0.0:
            self.clock.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        with self._lock:
            self._closed_until = max(self._closed_until, self.clock.now() + seconds)

    def _wait(self) -> float:
        with self._lock:
            now = self.clock.now()
            self._tokens = min(self.burst, self._tokens + (now - self._then) * self.rate)
            self._then = now
            if now < self._closed_until:
                return self._closed_until - now
            if self._tokens >= 1.0:
                self._tokens -= 1.0
                return 0.0
            return (1.0 - self._tokens) / self.rate


class Session:
    """One service: its address, its credentials, its rate."""

    def __init__(self, base: str, headers: Mapping[str, str], bucket: Bucket) -> None:
        """Raises UsageError for an address that is not https (http is for this machine alone)."""
        secure = check_address(base)  # reading the certificates of authorities costs 0.1 s
        self.base = base.rstrip("/")
        self.bucket, self.clock = bucket, bucket.clock
        self._client = httpx.Client(headers=dict(headers), timeout=TIMEOUT, follow_redirects=False, verify=secure)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def repeat(self, method: str, path: str, **content: Any) -> httpx.Response:
        """A request that may be sent twice: lost answers, 429 and 5xx are tried again.

        Raises Refused for any other error of the service, Unavailable when no try succeeded.
        """
        return self._tried(method, partial(self._send, method, path, **content))

    def once(self, method: str, path: str, **content: Any) -> httpx.Response:
        """A request that makes something: sent again only where it surely was not carried out.

        That is after a 429 or a connection that never came about. Raises Unsure where the answer was lost or is a
        5xx, Refused and Unavailable as `repeat` does.
        """
        return self._tried(method, partial(self._send_once, method, path, **content))

    def _tried(self, method: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        reason = ""
        for attempt in range(TRIES):
            try:
                answer = send()
            except httpx.RequestError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code != 429 and answer.status_code < 500:
                    return self._accepted(answer)
                reason = _told(answer)
                if self._asked_to_wait(answer):
                    continue
            if attempt + 1 < TRIES:
                self._back_off(attempt)
        raise Unavailable(masked(f"{method} {self._host} after {TRIES} tries: {reason}"))

    def _send_once(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Raises Unsure where it may have been carried out and the answer does not tell."""
        try:
            answer = self._send(method, path, **content)
        except NEVER_SENT:
            raise
        except httpx.RequestError as error:
            raise Unsure(masked(f"{method} {self._host}: {type(error).__name__}: {error}")) from error
        if answer.status_code >= 500:
            with contextlib.suppress(Unavailable):
                self._asked_to_wait(answer)
            raise Unsure(_told(answer))
        return answer

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        self.bucket.take()
        return self._client.request(method, path if "://" in path else self.base + path, **content)

    @property
    def _host(self) -> str:
        return urlsplit(self.base).netloc

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 300:
            raise Refused(_told(answer), answer.status_code)
        return answer

    def _back_off(self, attempt: int) -> None:
        """Wait before the try behind this one."""
        self.clock.sleep(random.uniform(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt)))

    def _asked_to_wait(self, answer: httpx.Response) -> bool:
        """Pause everyone as Retry-After says (RFC 9110, 10.2.3); False where it says nothing. Raises Unavailable."""
        seconds = retry_after(answer.headers.get("Retry-After", ""))
        if seconds is None:
            return False
        if seconds > PATIENCE:
            raise Unavailable(f"{self._host} asks for a pause of {seconds:.0f} s; the next call goes on")
        self.bucket.pause(seconds)
        return True


def check_address(base: str) -> bool:
    """Whether the address is https; raises UsageError where it is neither that nor http of this machine."""
    address = urlsplit(base)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOOPBACK):
        raise UsageError(f"{base!r} is no https address; credentials are sent over https alone")
    return address.scheme == "https"


def retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None where it is neither."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, moment.timestamp() - time.time())


def _told(answer: httpx.Response) -> str:
    """Status and the beginning of what the service said."""
    request = answer.request
    said = " ".join(answer.text.split())[:300]
    return masked(f"{request.method} {request.url.host}{request.url.path}: {answer.status_code} {said}".rstrip())
