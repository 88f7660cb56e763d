"""A million rows through everything of a run but the work itself: the driver's memory, time, objects and restart.

Engines answer at once and the store lies in memory, so what is left is reader, keys, chunks, journal, ledger, index:
what one driver has to carry for every row. infra/scale.md multiplies these figures; ROWS=100000 is a shorter run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from scale import write_manifest

from flows.engine import WINDOW
from flows.jobs import Generated, GenerateJob, Processed, ProcessJob
from flows.run import RunConfig

ROWS = int(os.environ.get("ROWS", "1000000"))
A_LINE = 1_000_000
PAGE = os.sysconf("SC_PAGE_SIZE")
MEMORY = "/dev/shm"


class InstantEngine:
    """Every job is done before it is asked for; a line on stderr after each million."""

    name = "instant"
    ahead = 1  # batches of a chunk in generation

    def __init__(self) -> None:
        self.made = 0

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated]]:
        answer: Future[list[Generated]] = Future()
        answer.set_result([Generated("0" * 64, 0.0) for _ in jobs])
        return answer

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Processed]]:
        answer: Future[list[Processed]] = Future()
        answer.set_result([self.answer(self.made + number) for number in range(len(jobs))])
        self.made += len(jobs)
        if self.made // A_LINE > (self.made - len(jobs)) // A_LINE:
            spent = time.process_time() / self.made * 1e6
            print(f"{self.made:,} rows, {spent:.0f} µs each, {resident() / 1e6:.0f} MB", file=sys.stderr, flush=True)
        return answer

    def answer(self, number: int) -> Processed:
        """What became of a mesh."""
        return Processed("passed", (), "", {"faces": 1.0}, {}, (), {"write": 0.0})

    def window(self) -> int:
        return WINDOW

    def close(self) -> None:
        """Nothing was started."""


class Samples:
    """Resident memory while something runs."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, int]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.take, daemon=True)

    def take(self) -> None:
        """Every fifth of a second."""
        while not self.over.wait(0.2):
            self.taken.append((time.monotonic(), resident()))

    def __enter__(self) -> Samples:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def peak_between(self, first: float, last: float) -> int:
        """The most between two shares of the time."""
        begin, end = self.taken[0][0], self.taken[-1][0]
        shares = [((at - begin) / max(end - begin, 1e-9), rss) for at, rss in self.taken]
        return max(rss for share, rss in shares if first <= share <= last)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def run(manifest: Path, recipe: str, out: Path, engine: InstantEngine) -> tuple[float, Samples, int]:
    """CPU-seconds, memory, and rows that were skipped, of one run."""
    began = time.process_time()
    with Samples() as samples, ThreadPoolExecutor(WINDOW) as pool:
        prepared = RunConfig(str(manifest), recipe, str(out)).prepare()
        summary = prepared.drive(engine, lambda work: pool.submit(work.run))  # type: ignore[arg-type]
    assert summary.rows == ROWS
    return time.process_time() - began, samples, summary.skipped


def measure() -> Iterator[Figure]:
    """Rows with prompts."""
    with tempfile.TemporaryDirectory() as scratch:
        write_manifest(Path(scratch, "rows.csv"), ROWS)
        yield from driver(Path(scratch, "rows.csv"), "noop", InstantEngine)


def driver(manifest: Path, recipe: str, engine: Callable[[], InstantEngine]) -> Iterator[Figure]:
    """Once from nothing, once where everything is there."""
    out = Path(tempfile.mkdtemp(dir=MEMORY))
    try:
        cpu, samples, skipped = run(manifest, recipe, out, engine())
        assert skipped == 0
        yield Figure("rows of this run", ROWS, "")
        yield Figure("CPU of the driver a row, engines and store that cost nothing", cpu / ROWS * 1e6, "µs")
        early, late = samples.peak_between(0.1, 0.2), samples.peak_between(0.8, 1.0)
        yield Figure("memory of the driver at its peak", late / 1e6, "MB")
        yield Figure("memory that a row leaves behind in the driver", (late - early) / (0.75 * ROWS), "B")
        files = [path for path in (out / "ledger").rglob("*") if path.is_file()]
        parts = [path for path in files if path.suffix == ".parquet"]
        markers = [path for path in files if path.suffix == ".json"]
        assert len(parts) == len(markers)
        yield Figure("ledger parts a million rows", len(parts) / ROWS * 1e6, "")
        yield Figure("ledger part, a row", sum(path.stat().st_size for path in parts) / ROWS, "B")
        yield Figure("marker, a row", sum(path.stat().st_size for path in markers) / ROWS, "B")
        left = [path for path in out.rglob("*") if path.is_file() and path not in files]
        yield Figure("other files that are left, of a million rows", len(left) / ROWS * 1e6, "")
        cpu, samples, skipped = run(manifest, recipe, out, engine())
        assert skipped == ROWS
        yield Figure("CPU of skipping a finished row", cpu / ROWS * 1e6, "µs")
        yield Figure("memory of a run that skips all, at its peak", samples.peak_between(0.0, 1.0) / 1e6, "MB")
    finally:
        shutil.rmtree(out)


if __name__ == "__main__":
    main(measure, __doc__ or "")
