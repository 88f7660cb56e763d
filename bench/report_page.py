"""The review page over 20,000 rows: how long until assets are seen, and what a filter, a search and a sort cost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, sync_playwright

from bench.figures import Figure, main
from bench.pictures import CHROMIUM, FLAGS
from tasks.report import ReportOptions, RunInfo, write_report

ROWS = 20_000
SUBJECTS = ("chair", "lamp", "sword", "barrel", "vase", "truck", "mug", "bench")


def row(number: int) -> dict[str, Any]:
    """A ledger row like a finished one of the quickstart: 30 metrics, five files, nine stages."""
    refused = number % 9 == 0
    uri = f"assets/{number}/{number}"
    names = ("triangles", "vertices", "score", "size.width_m", "uv.stretch", *(f"measure.{i}" for i in range(25)))
    outputs = [("glb", 0), ("glb", 1), ("glb", 2), ("obj", 0), ("poster", 0)]
    return {
        "id": f"asset-{number:05d}", "key": f"{number:032x}", "row": number, "recipe": "game-ready",
        "outcome": "rejected" if refused else "passed", "reasons": ["gate.triangles"] if refused else [],
        "message": "", "generator": ("procedural", "inflate")[number % 2], "seed": number, "attempts": 1,
        "metrics": {name: (number * 7919 % 10_000) / (1 + i) for i, name in enumerate(names)},
        "outputs": [{"format": kind, "lod": lod, "uri": f"{uri}_{lod}.{kind}", "bytes": 100_000, "sha256": "ab" * 32}
                    for kind, lod in outputs if not refused or kind == "poster"],
        "timings": dict.fromkeys(("generate", "clean", "unwrap", "bake", "lods", "gate", "poster", "write"), 0.1),
        "prompt_understood": {"subject": SUBJECTS[number % 8]},
        "meta": {"prompt": f"a {SUBJECTS[number % 8]} number {number} with brass legs and a red cushion"},
    }  # fmt: skip


def write(folder: Path) -> float:
    """Write the report; the CPU seconds it took, the rows' own making left out."""
    rows = [row(number) for number in range(ROWS)]

    def put(path: str, content: bytes) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    info = RunInfo("Large", "large.csv", "game-ready", "2026-11-25T12:00:00+00:00", 1.0, "inline", {})
    started = time.process_time()
    write_report(rows, put, lambda uri: b"", info, ReportOptions(embed_assets=0))
    return time.process_time() - started


def thread_time(session: CDPSession) -> float:
    """CPU seconds of the page's main thread so far (Chrome's Performance.getMetrics)."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ThreadTime"])


CLEAR = "await meshmill.address.go(Object.fromEntries(meshmill.address.FILTERS.map((name) => [name, ''])))"
ACTIONS = {
    "filter by reason": "await meshmill.address.go({ reason: 'gate.triangles' })",
    "filter by category and a range": "await meshmill.address.go({ category: 'lamp', triangles: '100..2000' })",
    "search for a text": "await meshmill.address.go({ q: 'number 19999' })",
    "sort by score": "await meshmill.address.go({ sort: '-score' })",
    "approve one asset": "await meshmill.grid.choose(9); meshmill.review.set('asset-00010', 'approve')",
    "scroll to the end": "scrollTo(0, document.documentElement.scrollHeight); "
    "await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))",
}


def measure() -> Iterator[Figure]:
    """Main-thread CPU of each step, the second time it is done: its data files are then in memory."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        yield Figure(f"report of {ROWS:,} rows written", write(Path(folder)), "CPU-s")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto((Path(folder) / "report/index.html").as_uri(), wait_until="commit")
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        yield Figure(
            f"{ROWS:,} rows: opened from disk, until the first assets are drawn", 1000 * thread_time(session), "CPU-ms"
        )
        for name, script in ACTIONS.items():
            for _ in range(2):
                page.evaluate(f"async () => {{ {CLEAR} }}")
                before = thread_time(session)
                page.evaluate(f"async () => {{ {script}; }}")
                spent = thread_time(session) - before
            yield Figure(f"{ROWS:,} rows: {name}", 1000 * spent, "CPU-ms")
        yield Figure(f"{ROWS:,} rows: cells in the page", page.locator("#grid li").count(), "cells")
        browser.close()


if __name__ == "__main__":
    main(measure, __doc__ or "")
