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


@dataclass(frozen=True)
class Prepared:
    """What a caller in this process has ready for the flow: an engine that is already booting, a progress to watch."""

    engine: Engine
    progress: Progress


prepared: ContextVar[Prepared | None] = ContextVar("prepared", default=None)


def execute(config: RunConfig, engine: str, submit: Callable[[ChunkWork], Waitable]) -> Summary:
    """Make what is missing and write the report; a finished manifest starts no engine."""
    done = already_done(config)
    if done is not None:
        return done
    given = prepared.get()
    if given is not None:
        return drive(Run(config, given.progress), given.engine, submit)
    with engine_for(engine) as running:
        return drive(Run(config), running, submit)


def drive(run: Run, engine: Engine, submit: Callable[[ChunkWork], Waitable]) -> Summary:
    """Every chunk, then the report."""
    summary = run.drive(engine, submit)
    run.progress.note = "writing the report"
    summary.report = write_run_report(run, engine.name)
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
