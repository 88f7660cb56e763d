"""Who watches a run: what stages of rows took goes to the log of stages and to traces as rows end."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.stage_log import StageLog, stage_log
from flows.tracing import Tracer, tracer
from manifests.ledger_row import LedgerRow
from manifests.stage_run import StageRun
from manifests.store import Store

if TYPE_CHECKING:
    from opentelemetry.trace import Span


@dataclass
class Watch:
    """Of a whole run; without log and tracer it does nothing."""

    log: StageLog | None = None
    tracer: Tracer | None = None

    def chunk(self, name: str, rows: int) -> ChunkWatch:
        """Of one of its chunks, to be used in a with block."""
        return ChunkWatch(self, name, rows)

    def close(self) -> None:
        """After the last chunk."""
        if self.log is not None:
            self.log.close()
        if self.tracer is not None:
            self.tracer.close()


@dataclass
class ChunkWatch:
    """Of one chunk, in its thread."""

    watch: Watch
    name: str
    rows: int
    runs: dict[str, list[StageRun]] = field(default_factory=dict)  # of rows that are not done, by key
    spans: dict[str, Span] = field(default_factory=dict)
    span: Span | None = None

    def __enter__(self) -> ChunkWatch:
        if found := self.watch.tracer:
            about = {"meshmill.chunk": self.name, "meshmill.rows": self.rows}
            self.span = found.begin("chunk", found.root, about)
        return self

    def __exit__(self, *_: object) -> None:
        for span in (*self.spans.values(), self.span):
            if span is not None:
                span.end()
        self.spans, self.span, self.runs = {}, None, {}  # Prefect may run the chunk again

    def parent(self, key: str, row: int, id: str) -> str:
        """The traceparent of a row's span, for what works on it elsewhere; "" where nothing is traced."""
        if self.watch.tracer is None or self.span is None:
            return ""
        if key not in self.spans:
            about = {"meshmill.row": row, "meshmill.id": id}
            self.spans[key] = self.watch.tracer.begin("row", self.span, about)
        return self.watch.tracer.parent(self.spans[key])

    def saw(self, key: str, runs: Sequence[StageRun]) -> None:
        """Stages of a row that came to an end."""
        self.runs.setdefault(key, []).extend(runs)

    def done(self, key: str, row: LedgerRow) -> None:
        """The row has its outcome."""
        runs = self.runs.pop(key, [])
        if self.watch.log is not None:
            self.watch.log.write(self.name, row, runs)
        if self.watch.tracer is not None:
            self.parent(key, row.row, row.id)
            self.watch.tracer.end(self.spans.pop(key), row, runs)


def watch_run(store: Store) -> Watch:
    """The watch of a run into that store, as the environment asks for it."""
    run = run_id()
    return Watch(stage_log(store, run), tracer(run))


def run_id() -> str:
    """Prefect's id of the flow run inside one, else a name that no other run has."""
    if "prefect.context" in sys.modules:
        from prefect.context import FlowRunContext

        with suppress(AttributeError):
            context = FlowRunContext.get()
            if context is not None and context.flow_run is not None:
                return str(context.flow_run.id)
    return secrets.token_hex(8)
