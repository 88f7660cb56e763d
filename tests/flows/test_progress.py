"""Progress: right counts from many threads, a readable line, and silence where nobody watches."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows import progress as module
from flows.progress import Progress, ProgressLine, clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1:00"),
        (185, "3:05"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (7800, "2:10:00"),
        (360_000, "100:00:00"),
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.fixture
def at_40_seconds(monkeypatch: pytest.MonkeyPatch) -> Progress:
    """A run of 100 rows that is 40 seconds old, with 10 rows done before and 8 in it."""
    monkeypatch.setattr(module.time, "monotonic", lambda: 1000.0)
    progress = Progress(100)
    progress.note = ""
    progress.skip(10)
    for outcome in ("passed",) * 6 + ("rejected", "quarantined"):
        progress.done(outcome, {"unwrap": 2.0, "bake": 1.0, "clean": 0.25, "lods": 0.5})
    monkeypatch.setattr(module.time, "monotonic", lambda: 1040.0)
    return progress


def test_the_line_tells_counts_rate_time_left_and_the_slowest_stages(at_40_seconds: Progress) -> None:
    assert at_40_seconds.line().plain == (
        "18/100 rows  6 passed  1 rejected  1 quarantined  10 done before  12/min  6:50 left"
        "  unwrap 2.00s bake 1.00s lods 0.50s"
    )


def test_a_run_of_unknown_length_makes_no_promise(at_40_seconds: Progress) -> None:
    at_40_seconds.total = None
    assert at_40_seconds.line().plain.startswith("18 rows  6 passed")
    assert "left" not in at_40_seconds.line().plain


def test_an_estimate_that_was_too_low_leaves_no_negative_time(at_40_seconds: Progress) -> None:
    at_40_seconds.total = 12
    assert "0 s left" in at_40_seconds.line().plain


def test_the_line_before_the_first_row() -> None:
    progress = Progress(5)
    assert progress.line().plain == "0/5 rows  0/min  starting"
    assert progress.seconds_a_row == float("inf")


def test_seconds_a_row_is_the_mean_over_all_stages(at_40_seconds: Progress) -> None:
    assert at_40_seconds.seconds_a_row == pytest.approx(3.75)
    assert at_40_seconds.finished == 8


def test_no_count_is_lost_between_threads() -> None:
    progress = Progress()

    def work(_: int) -> None:
        for _ in range(500):
            progress.done("passed", {"clean": 0.5})
            progress.skip(2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert (progress.finished, progress.skipped, progress.stages["clean"]) == (4000, 8000, 2000.0)


class Screen(io.StringIO):
    """A stderr that says what it is told to be."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_it_draws_on_a_terminal_and_is_silent_elsewhere(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress(3)
    with ProgressLine(progress):
        progress.done("passed", {"clean": 0.5})
    assert ("1/3 rows" in screen.getvalue()) is terminal
    assert terminal or screen.getvalue() == ""
