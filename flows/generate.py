"""The generate flow: what a schedule, a worker or the command line runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.alarms import tell
from flows.artifacts import funnel, link, progress, table
from flows.chunk_work import ChunkWork
from flows.engine import LARGEST_WINDOW
from flows.execute import execute
from flows.run import RunConfig

Share = Annotated[float, Field(ge=0.0, le=1.0)]
RUNNER: Any = ThreadPoolTaskRunner(max_workers=LARGEST_WINDOW)


@task(name="chunk", retries=2, retry_delay_seconds=5, cache_policy=NO_CACHE)
def chunk(work: ChunkWork) -> dict[str, int]:
    """One chunk. A lost engine is retried here, and the journal keeps what was finished."""
    counts = work.run()
    done = work.line.progress.share
    if done is not None:
        progress(f"progress-{work.line.store.uri}", done)
    return counts


@flow(name="generate", task_runner=RUNNER)
def generate(
    manifest: str,
    recipe: str = "game-ready",
    out: str = "out",
    engine: Literal["auto", "inline"] = "auto",
    max_invalid: float = 1.0,
    limit: int | None = None,
    seed: int = 0,
    input_roots: list[str] | None = None,
    auto_fix: int | None = None,
    columns: dict[str, str] | None = None,
    max_gpu_hours: float | None = None,
    max_cost: float | None = None,
    alarm_above: Share = 0.1,
) -> dict[str, Any]:
    """Make every row of a manifest that the ledger in `out` does not hold yet; returns the run's summary.

    When more than the share `alarm_above` of the rows failed, an event tells Prefect's automations.
    """
    config = RunConfig(
        manifest,
        recipe,
        out,
        max_invalid,
        limit,
        seed,
        tuple(input_roots or ()),
        auto_fix=auto_fix,
        columns=tuple((columns or {}).items()),
        max_gpu_hours=max_gpu_hours,
        max_cost=max_cost,
    )
    summary = execute(config, engine, chunk.submit)
    rows = funnel(summary.rows, summary.skipped, summary.outcomes)
    table(f"run-{Path(manifest).stem}", rows, f"Rows of {manifest} on their way to {out}")
    link(f"report-{Path(manifest).stem}", summary.report, "The report")
    tell(out, summary.outcomes, alarm_above)
    return summary.to_dict()
