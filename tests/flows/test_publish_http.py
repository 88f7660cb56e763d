"""One service's rate, pauses and tries, by a clock that stands still until somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from flows.publish_http import (
    LONGEST_WAIT,
    PATIENCE,
    TRIES,
    Bucket,
    Clock,
    Refused,
    Session,
    Unavailable,
    Unsure,
    retry_after,
)

Answers = list[httpx.Response | Exception]


class Still:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


@pytest.fixture
def still() -> Still:
    return Still()


def session(still: Still, answers: Answers, asked: list[float], rate: float = 1e9) -> Session:
    """A service that gives these answers, one a request."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(still.time)
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    made = Session("http://localhost:1", {}, Bucket(rate, 1.0, still.clock()))
    made._client = httpx.Client(transport=httpx.MockTransport(answer))
    return made


def test_requests_keep_the_rate_after_the_burst(still: Still) -> None:
    bucket, times = Bucket(2.0, 3.0, still.clock()), []
    for _ in range(7):
        bucket.take()
        times.append(still.time)
    assert times == pytest.approx([0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0])
    still.time += 60.0  # a rest saves up no more than a burst
    for _ in range(4):
        bucket.take()
    assert still.time == pytest.approx(62.5)


def test_the_longest_pause_holds_everyone(still: Still) -> None:
    bucket = Bucket(1e9, 1.0, still.clock())
    bucket.pause(7.0)
    bucket.pause(2.0)
    bucket.take()
    assert still.time == pytest.approx(7.0)


def test_what_retry_after_asks_for() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after("12") == 12.0
    assert retry_after(soon) == pytest.approx(90.0, abs=2.0)
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert [retry_after(text) for text in ("", "soon", "-3")] == [None] * 3


def test_a_pause_that_is_asked_for_is_kept_and_one_too_long_is_not(still: Still) -> None:
    asked: list[float] = []
    busy = httpx.Response(429, headers={"Retry-After": "40"})
    session(still, [busy, httpx.Response(200)], asked).repeat("GET", "/")
    assert asked == pytest.approx([0.0, 40.0])
    away = httpx.Response(503, headers={"Retry-After": f"{PATIENCE + 1:.0f}"})
    with pytest.raises(Unavailable, match="pause of 901 s"):
        session(still, [away], asked).repeat("GET", "/")
    assert still.time == pytest.approx(40.0)


@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.Response(429), httpx.ReadTimeout("slow")])
def test_tries_come_ever_later_and_end(still: Still, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    monkeypatch.setattr("flows.publish_http.FIRST_WAIT", 10.0)
    asked: list[float] = []
    with pytest.raises(Unavailable, match=f"after {TRIES} tries"):
        session(still, [fault] * TRIES, asked).repeat("GET", "/")
    assert still.waits == [10.0, 20.0, 40.0, LONGEST_WAIT, LONGEST_WAIT]  # and none after the last
    assert len(asked) == TRIES


LOST = (httpx.Response(500), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.DecodingError("gzip"))


@pytest.mark.parametrize("fault", LOST)
def test_what_makes_something_is_not_sent_again_where_it_may_have_been_made(still: Still, fault: Any) -> None:
    asked: list[float] = []
    with pytest.raises(Unsure):
        session(still, [fault, httpx.Response(200)], asked).once("POST", "/")
    assert len(asked) == 1


@pytest.mark.parametrize("fault", [httpx.Response(429), httpx.ConnectError("nobody"), httpx.ConnectTimeout("slow")])
def test_what_was_surely_not_made_is_sent_again(still: Still, fault: Any) -> None:
    asked: list[float] = []
    assert session(still, [fault, httpx.Response(201)], asked).once("POST", "/").status_code == 201
    assert len(asked) == 2


@pytest.mark.parametrize("way", [Session.once, Session.repeat])
@pytest.mark.parametrize("status", [302, 404])
def test_a_no_is_final_and_says_what(still: Still, way: Callable[..., httpx.Response], status: int) -> None:
    asked: list[float] = []
    with pytest.raises(Refused, match=f"GET localhost/a: {status} not  *here") as caught:
        way(session(still, [httpx.Response(status, text="not\n here")], asked), "GET", "/a?key=hidden")
    assert caught.value.status == status
    assert "hidden" not in str(caught.value)
    assert len(asked) == 1
