"""A whole run: manifest in, chunks out to the engine, ledger and report behind them; Prefect only wraps this."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

from flows.alignment import check_alignment
from flows.binding import maker_of, makers
from flows.budget import Budget
from flows.catalogue import catalogue
from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed, cut
from flows.engine import Engine, Spending, TakingTurns
from flows.jobs import Failure
from flows.live_metrics import served
from flows.models import check_models
from flows.progress import Progress
from flows.readiness import Readiness, named_generators
from flows.turns import Turns
from flows.watch import watch_run
from manifests.admission import Admission
from manifests.errors import nearest
from manifests.index import KeyIndex
from manifests.inputs import is_remote
from manifests.journal import forget_finished
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.licences import plain_licences
from manifests.priorities import COLUMN, by_priority
from manifests.readers import may_name, read_manifest
from manifests.recipe import LicenceOptions, Recipe, load_recipe
from manifests.recipe_shelf import keep_recipe
from manifests.remakes import load_remakes
from manifests.row import InvalidRow, Row, postponed_key, row_key
from manifests.space import check_space
from manifests.store import Store

CHUNK_ROWS = 256  # 22 µs of Prefect a row at this size (measured); 30-300 s of work for a small asset recipe
FACTS = "run.json"  # written behind the report's last file, deleted before a chunk begins: tells a stale report


class TooManyInvalid(RuntimeError):
    """The share of invalid rows passed --max-invalid; what was finished is in the ledger."""


@dataclass(frozen=True)
class RunConfig:
    """What a user asks for."""

    manifest: str
    recipe: str = "game-ready"
    out: str = "out"
    max_invalid: float = 1.0
    limit: int | None = None
    seed: int = 0
    input_roots: tuple[str, ...] = ()
    chunk_rows: int = CHUNK_ROWS
    auto_fix: int | None = None  # rounds, in place of the recipe's
    columns: tuple[tuple[str, str], ...] = ()  # known columns and what the manifest calls them
    max_gpu_hours: float | None = None  # of all runs into `out` together, as is `max_cost`
    max_cost: float | None = None

    def prepare(self, progress: Progress | None = None) -> Run:
        """The run that was asked for; raises RecipeError."""
        return Run(self, progress)


@dataclass
class Summary:
    """How a run ended."""

    rows: int = 0
    skipped: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    report: str = ""
    gpu_hours: float = 0.0  # of this run
    cost: float = 0.0
    currency: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and Prefect."""
        return {**asdict(self), "outcomes": dict(self.outcomes)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Summary:
        """The summary that `to_dict` wrote."""
        return Summary(**{**values, "outcomes": Counter(values["outcomes"])})


class Waitable(Protocol):
    """A future of a chunk: Prefect's or the standard library's."""

    def result(self) -> Any:
        """The chunk's counts; raises what the chunk raised."""
        ...


class Run:
    """A run prepared: recipe checked, nothing started or written yet."""

    def __init__(self, config: RunConfig, progress: Progress | None = None) -> None:
        self.config = config
        self.catalogue = catalogue()
        self.store = Store(config.out)
        self.recipe: Recipe = self._recipe()
        check_alignment(self.recipe)
        self.ledger = Ledger(self.store)
        self.progress = progress or Progress()
        self.readiness = Readiness()
        self.summary = Summary()
        self.invalid = 0
        self.started = datetime.now(UTC)

    def _recipe(self) -> Recipe:
        return load_recipe(self.config.recipe, self.catalogue, self.config.auto_fix)

    @cached_property
    def budget(self) -> Budget:
        """What may be spent, with what the ledger says was spent before where there is a cap; raises UsageError."""
        budget = Budget(self.recipe.prices, self.config.max_gpu_hours, self.config.max_cost)
        if budget.capped:
            budget.add(self.ledger.rows(columns=["gpu_seconds", "cost"]))
        return budget

    @cached_property
    def index(self) -> KeyIndex:
        """What is finished. Read on first need, with the lease held: it puts right what a kill left half written."""
        return self.ledger.index()

    def check_manifest(self) -> None:
        """Raises ManifestError for a manifest that cannot be read, before anything is written."""
        next(self._keyed(), None)

    def chunks(self) -> Iterator[Chunk]:
        """Chunks with at least one row that the ledger does not hold; raises TooManyInvalid, ManifestError."""
        for rows in cut(self._keyed(), self.config.chunk_rows):
            pending = [keyed for keyed in rows if not self._finished(keyed)]
            self.summary.rows += len(rows)
            self.summary.skipped += len(rows) - len(pending)
            self.progress.skip(len(rows) - len(pending))
            self._count_invalid(rows)
            if pending:
                yield Chunk(pending)

    def _finished(self, keyed: Keyed) -> bool:
        """Whether the ledger holds the row, or that there was no money or no model for it, and there still is none."""
        if keyed.key in self.index:
            return True
        waits = self.budget.refusal() or (isinstance(keyed.row, Row) and self._refusal(keyed))
        return bool(waits) and postponed_key(keyed.key) in self.index

    def _refusal(self, keyed: Keyed) -> Failure | None:
        """How a row ends whose model cannot run here."""
        assert isinstance(keyed.row, Row)
        return self.readiness.refusal(*maker_of(keyed.row, self.recipe))

    def models(self) -> Iterator[tuple[str, object]]:
        """Models that rows name, each once, with their options."""
        config, known = self.config, self.recipe.generator_options
        for name in sorted(named_generators(config.manifest, dict(config.columns), config.limit, known)):
            yield name, known[name]

    def _count_invalid(self, rows: list[Keyed]) -> None:
        self.invalid += sum(isinstance(keyed.row, InvalidRow) and keyed.row.outcome == "invalid" for keyed in rows)
        if self.invalid > self.config.max_invalid * self.summary.rows:
            raise TooManyInvalid(f"{self.invalid} of the first {self.summary.rows} rows are invalid")

    def _keyed(self) -> Iterator[Keyed]:
        remakes = load_remakes(self.store)
        manifest, columns = self.config.manifest, dict(self.config.columns)
        for row in by_priority(self._admitted, may_name(manifest, COLUMN, columns)):
            if isinstance(row, Row):
                if row.id in remakes:
                    row = replace(row, remake=remakes[row.id].times)
                yield Keyed(row_key(row, self.recipe.digest, makers(row, self.recipe), self.config.seed), row)
            else:
                yield Keyed(row.key, row)

    def _admitted(self) -> Iterator[Row | InvalidRow]:
        rows = read_manifest(self.config.manifest, self.config.input_roots, dict(self.config.columns))
        admission = self._admission()
        for row in map(self._check_names, islice(rows, self.config.limit)):
            yield admission.judged(row) if isinstance(row, Row) else row

    def _admission(self) -> Admission:
        """What the recipe keeps out before any work."""
        named = self.recipe.licences
        allowed = plain_licences(named.allow) if isinstance(named, LicenceOptions) else None
        return Admission(allowed, self.recipe.unique)

    def _check_names(self, row: Row | InvalidRow) -> Row | InvalidRow:
        """The row, or what is wrong with the generator or profile it names."""
        if isinstance(row, Row):
            for column, known in (("generator", self.catalogue.generators), ("profile", self.catalogue.profiles)):
                name = getattr(row, column)
                if name and name != "auto" and name not in known:
                    message = f"unknown {column} {name!r}{nearest(name, known)}"
                    return InvalidRow(row.number, row.line, row.id, column, "row.bad-value", message, row.meta)
        return row

    def tidy(self) -> None:
        """Remove what killed runs left behind: old temporary files, and journals of chunks that are finished."""
        self.store.sweep()
        forget_finished(self.store, self.ledger.chunks)

    def drive(
        self, engine: Engine, submit: Callable[[ChunkWork], Waitable], check: Callable[[], None] = lambda: None
    ) -> Summary:
        """Push every pending chunk through `submit`, as many at once as the engine asks for; raises what one raised.

        `check` is called before a chunk enters the ledger and raises when another driver has taken over.
        """
        remaking = len(self.index) > 0 or next(self.store.list("assets"), None) is not None
        spent = self.budget.gpu_seconds, self.budget.cost
        if isinstance(engine, Spending):
            engine.budget = self.budget
        if isinstance(engine, TakingTurns):
            engine.turns = Turns(self.recipe.concurrency)
        with served(self.progress), closing(watch_run(self.store)) as watch:
            common = (self.store, self.ledger, engine, self.recipe, self.config.seed, self.progress)
            self.begin()
            self._push(Line(*common, remaking, check, watch, budget=self.budget, readiness=self.readiness), submit)
        self.summary.gpu_hours = round((self.budget.gpu_seconds - spent[0]) / 3600, 6)
        self.summary.cost, self.summary.currency = round(self.budget.cost - spent[1], 6), self.recipe.prices.currency
        return self.finish()

    def _push(self, line: Line, submit: Callable[[ChunkWork], Waitable]) -> None:
        window: deque[Waitable] = deque()
        try:
            for chunk in self.chunks():
                self.progress.note = ""
                self._check_space()
                window.append(submit(self.work(line, chunk)))
                while len(window) >= line.engine.window():
                    self._collect(window.popleft())
            while window:
                self._collect(window.popleft())
        except KeyboardInterrupt:
            line.stop.set()
            raise
        finally:
            while window:
                self._collect(window.popleft())

    def _check_space(self) -> None:
        """Raises SpaceError before a chunk is begun that a nearly full disk might not take; buckets have room."""
        if not is_remote(self.store.uri):
            check_space(self.store.scratch(), 0)

    def work(self, line: Line, chunk: Chunk) -> ChunkWork:
        """What makes a chunk's rows."""
        return ChunkWork(line, chunk)

    def begin(self) -> None:
        """Before the first chunk: the report is stale from now on, and the recipe is kept for refinements."""
        self.store.delete(FACTS)
        keep_recipe(self.store, self.recipe)

    def reported(self) -> bool:
        """Whether the report shows what the ledger holds."""
        return self.store.exists(FACTS)

    def facts(self) -> dict[str, Any] | None:
        """The report's facts where they are another run's, whose assets this one refines; else None."""
        return None

    def close(self) -> None:
        """After the report."""

    def _collect(self, chunk: Waitable) -> None:
        self.summary.outcomes.update(chunk.result())

    def finish(self) -> Summary:
        self.summary.seconds = round(time.monotonic() - self.progress.started, 3)  # the engines' start included
        return self.summary


def tell_unready(run: Run) -> None:
    """A line for each model that rows name and that cannot run here; its rows are taken up again once it can."""
    for name, options in run.models():
        if refusal := run.readiness.refusal(name, options):
            print(f"{name}: {refusal.message}", file=sys.stderr, flush=True)


def already_done(config: RunConfig) -> Summary | None:
    """The summary when ledger and report hold every row, found without starting any engine; None when there is work.

    Raises RecipeError for work that the recipe's model cannot do here.
    """
    run = config.prepare()
    run.check_manifest()
    with Lease(run.store):
        run.tidy()
        if next(run.chunks(), None) is not None:
            check_models(run.recipe)
            tell_unready(run)
            return None
        if run.summary.rows and not run.reported():
            return None
    if run.summary.rows:
        run.summary.report = run.store.uri_of("report/index.html")
    return run.finish()
