"""100,000 rows through the no-op generator and recipe: memory, orchestration CPU a row, and the cost of skipping."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from accounting import Account, run_accounted
from figures import Figure, main

ROWS = int(os.environ.get("ROWS", "100000"))
MESHMILL = str(Path(sys.executable).parent / "meshmill")


def write_manifest(path: Path, rows: int) -> None:
    """A prompts-only CSV."""
    with path.open("w") as stream:
        stream.write("id,prompt,category\n")
        stream.writelines(f"asset-{i:07},a red oak chair number {i} with four legs,chair\n" for i in range(rows))


def growth(account: Account, out: Path) -> float:
    """MB the driver grew between its first finished chunk (engines up, all code loaded) and its peak."""
    first = min(marker.stat().st_mtime for marker in (out / "ledger" / "_done").iterdir())
    settled = [rss for at, rss in account.rss if account.began + at >= first]
    return (max(settled) - settled[0]) / 1e6


def measure() -> Iterator[Figure]:
    """Run it, then run it again."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = Path(scratch) / "rows.csv"
        write_manifest(manifest, ROWS)
        command = [MESHMILL, "run", str(manifest), "--recipe", "noop", "--out", f"{scratch}/out", "--json"]
        small = Path(scratch) / "small.csv"
        write_manifest(small, 10)
        start = run_accounted([*command[:2], str(small), *command[3:5], "--out", f"{scratch}/small", "--json"])
        assert start.code == 0, start.output
        yield Figure("start and stop of the engines, 10 rows", start.wall, "s wall")
        first = run_accounted(command)
        assert first.code == 0, first.output
        yield Figure("driver memory growth over the run", growth(first, Path(scratch) / "out"), "MB", bar=150)
        yield Figure("orchestration CPU a row, all processes", first.cpu / ROWS * 1e3, "ms", bar=5)
        yield Figure("rows a second, no-op", ROWS / first.wall, "rows/s", better="higher")
        again = run_accounted(command)
        assert again.code == 0, again.output
        assert f'"skipped": {ROWS}' in again.output, again.output
        yield Figure("skipping a finished row, start included", again.cpu / ROWS * 1e6, "µs CPU", bar=50)


if __name__ == "__main__":
    main(measure, __doc__ or "")
