"""A run with its engine around it: start, drive, stop, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from flows.chunk_work import ChunkWork
from flows.engine import Engine, InlineEngine, Policy
from flows.progress import Progress
from flows.reporting import write_run_report
from flows.run import Run, RunConfig, Summary, Waitable, already_done
from manifests.estimate import estimate_rows
from manifests.lease import Lease


@dataclass(frozen=True)
class Prepared:
    """What a caller in this process has ready for the flow: an engine that is already booting, a progress to watch."""

    engine: Engine
    progress: Progress


prepared: ContextVar[Prepared | None] = ContextVar("prepared", default=None)


def execute(config: RunConfig, engine: str, submit: Callable[[ChunkWork], Waitable]) -> Summary:
    """Make what is missing and write the report; a finished manifest starts no engine."""
    given = prepared.get()
    if given is not None:  # by a caller that has looked already
        return drive_alone(config, given, submit)
    done = already_done(config)
    if done is not None:
        return done
    with engine_for(engine) as running:
        return drive_alone(config, Prepared(running, Progress(rows_to_expect(config))), submit)


def rows_to_expect(config: RunConfig) -> int | None:
    """For the time left: about how many rows there are, at most `limit`."""
    rows = estimate_rows(config.manifest)
    return rows if rows is None or config.limit is None else min(rows, config.limit)


def drive_alone(config: RunConfig, given: Prepared, submit: Callable[[ChunkWork], Waitable]) -> Summary:
    """Drive with the run's folder held, so that a second driver is refused."""
    run = config.prepare(given.progress)
    with Lease(run.store) as lease:
        run.tidy()
        return drive(run, given.engine, submit, lease.check)


def drive(
    run: Run, engine: Engine, submit: Callable[[ChunkWork], Waitable], check: Callable[[], None] = lambda: None
) -> Summary:
    """Every chunk, then the report."""
    summary = run.drive(engine, submit, check)
    run.progress.note = "writing the report"
    summary.report = write_run_report(run, engine.name)
    run.close()
    return summary


@contextmanager
def engine_for(name: str) -> Iterator[Engine]:
    """`inline`: children of this process. `auto`: Ray and Dask, attached by address or started here. Always stopped."""
    engine = make_engine(name)
    try:
        yield engine
    finally:
        engine.close()


def make_engine(name: str) -> Engine:
    """The engine by name, its start under way."""
    if name == "inline":
        return InlineEngine(Policy())
    from flows.cluster import ClusterEngine  # Ray and Dask cost 2 CPU-s to import: only for those who use them

    return ClusterEngine(Policy())
