"""What a person sees while a run goes on: rows by outcome, rate, time left and where the time goes."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.text import Text

ORDER = ("passed", "rejected", "failed", "quarantined", "invalid")
STYLE = {"passed": "green", "rejected": "yellow", "failed": "red", "quarantined": "magenta", "invalid": "cyan"}


class Progress:
    """Counts of a run, safe from any thread; drawn on a terminal, silent elsewhere."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total  # rows in the manifest, when a first pass has counted them
        self.outcomes: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()  # seconds over all assets
        self.queues: dict[str, tuple[int, int]] = {}  # of chunks under way: rows at a generator, rows in a chain
        self.skipped = 0
        self.started = time.monotonic()
        self.note = "starting"
        self.lock = threading.Lock()

    def skip(self, rows: int) -> None:
        """Rows the ledger already holds."""
        with self.lock:
            self.skipped += rows

    def done(self, outcome: str, timings: Mapping[str, float]) -> None:
        """One row has its outcome."""
        with self.lock:
            self.outcomes[outcome] += 1
            self.stages.update(timings)

    def queue(self, chunk: str, generating: int, processing: int) -> None:
        """So many rows of a chunk are at a generator and in a chain; none of either: it is done."""
        with self.lock:
            if generating or processing:
                self.queues[chunk] = generating, processing
            else:
                self.queues.pop(chunk, None)

    def withdraw(self, outcome: str) -> None:
        """A row with that outcome is made anew."""
        with self.lock:
            self.outcomes[outcome] -= 1

    @property
    def finished(self) -> int:
        """Rows that got an outcome in this run."""
        return sum(self.outcomes.values())

    @property
    def share(self) -> float | None:
        """Of the manifest's rows, those with an outcome, 0 to 1; None where nobody counted them."""
        return min(1.0, (self.finished + self.skipped) / self.total) if self.total else None

    @property
    def seconds_a_row(self) -> float:
        """Mean time a row spent in its stages so far; endless before the first."""
        with self.lock:
            return sum(self.stages.values()) / self.finished if self.finished else float("inf")

    def line(self) -> Text:
        """The one line a terminal shows."""
        with self.lock:
            seconds = max(time.monotonic() - self.started, 1e-6)
            text = Text(f"{self.finished + self.skipped}")
            text.append(f"/{self.total} rows" if self.total else " rows")
            for outcome in ORDER:
                if self.outcomes[outcome]:
                    text.append(f"  {self.outcomes[outcome]} {outcome}", STYLE[outcome])
            if self.skipped:
                text.append(f"  {self.skipped} done before", "dim")
            rate = self.finished / seconds
            text.append(f"  {rate * 60:.0f}/min")
            if self.total and rate:
                text.append(f"  {clock((self.total - self.finished - self.skipped) / rate)} left")
            slow = self.stages.most_common(3)
            if slow:
                text.append("  " + " ".join(f"{name} {total / self.finished:.2f}s" for name, total in slow), "dim")
            if self.note:
                text.append(f"  {self.note}", "dim")
            return text


def clock(seconds: float) -> str:
    """Seconds as 12 s, 3:05 or 2:10:00."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressLine:
    """Draws a Progress on stderr while inside a with block; nothing when stderr is not a terminal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.live: Live | None = None
        if sys.stderr.isatty():
            self.live = Live(
                get_renderable=progress.line, console=Console(stderr=True), refresh_per_second=4, transient=True
            )

    def __enter__(self) -> ProgressLine:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
