"""One chunk from rows to ledger part: the unit a Prefect task runs and a restart resumes."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flows.binding import Bound, bind, fallen_back, maker_of
from flows.budget import Budget, RowSpent, postponed
from flows.candidates import Candidates
from flows.chunks import Chunk, Keyed
from flows.engine import Engine
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob
from flows.otherwise import cannot_make
from flows.outcomes import blank_row, drawn_pictures, drop_other_files, failure_row, invalid_row, made_from, repeat_row
from flows.placement import GENERATE_BATCH, batch_of, gpu_step
from flows.progress import Progress
from flows.readiness import Readiness, unready
from flows.variations import CODE, another_seed, repeats
from flows.watch import Watch
from manifests.journal import Journal
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.recipe import Recipe
from manifests.row import InvalidRow, Row, asset_folder, postponed_key, row_seed
from manifests.store import Store

BACKLOG = 64  # meshes waiting for their chain before generation pauses: bounds what a kill can waste
CHEAP_SECONDS = 0.02  # a Dask future costs 3 ms of CPU: at most 15 % of what it carries
STOP_SECONDS = 0.5  # Ctrl-C is noticed within


@dataclass(frozen=True)
class Line:
    """What every chunk of a run shares."""

    store: Store
    ledger: Ledger
    engine: Engine
    recipe: Recipe
    seed: int
    progress: Progress
    remaking: bool = False  # assets are there already: those of changed rows lie under the same names
    check: Callable[[], None] = lambda: None  # raises when another driver has taken over
    watch: Watch = field(default_factory=Watch)
    stop: threading.Event = field(default_factory=threading.Event)  # set by Ctrl-C: leave the rest to the next run
    budget: Budget = field(default_factory=Budget)
    readiness: Readiness = field(default_factory=Readiness)


Job = TypeVar("Job", GenerateJob, ProcessJob)
# Rows being generated (no meshes yet), or meshes in their chains.
Waiting = dict[Future[Any], tuple[list[Keyed], list[Generated]]]


class ChunkWork:
    """Runs one chunk. A plain class: Prefect looks into dataclasses that are passed to its tasks."""

    def __init__(self, line: Line, chunk: Chunk) -> None:
        self.line = line
        self.chunk = chunk
        self.journal = Journal(line.store, chunk.id)
        self.bound: dict[str, Bound] = {}
        self.candidates: dict[str, Candidates] = {}  # of rows that may have several
        self.refused: list[Keyed] = []  # rows that wait for the generator that stands in for theirs
        self.tries: dict[str, int] = {}  # seeds that variations which repeat another have had
        self.rows: dict[str, LedgerRow] = {}
        self.watch = line.watch.chunk(chunk.id, len(chunk.rows))
        self.spent: dict[str, RowSpent] = defaultdict(RowSpent)

    def run(self) -> dict[str, int]:
        """Give every row of the chunk its outcome, write the part and its marker; counts by outcome."""
        with self.journal, self.watch:
            self._take_up_journal()
            todo = [keyed for keyed in self.chunk.rows if keyed.key not in self.rows]
            for keyed in todo:
                if isinstance(keyed.row, InvalidRow):
                    self._forget(f"assets/{asset_folder(keyed.row.ledger_id)}")
                    self._record(keyed, invalid_row(keyed.row, self.line.recipe.name))
            self._make([keyed for keyed in todo if isinstance(keyed.row, Row) and not self._unready(keyed)])
            self._make_variations_differ()
        if self.line.stop.is_set():
            return {}  # what is finished stays in the journal
        self.line.check()
        self.line.ledger.write_chunk(self.chunk.id, [self.rows[keyed.key] for keyed in self.chunk.rows])
        self.journal.clear()
        counts: dict[str, int] = dict(Counter(row.outcome for row in self.rows.values()))
        # Prefect keeps this object until the run ends.
        self.rows, self.bound, self.candidates, self.tries, self.chunk.rows = {}, {}, {}, {}, []
        self.spent.clear()
        return counts

    def _take_up_journal(self) -> None:
        wanted = {keyed.key for keyed in self.chunk.rows}
        for record in self.journal.records():
            row = LedgerRow.from_dict(record)
            if row.key in wanted:
                self.rows[row.key] = row  # the last one counts: variations may be made anew
        for row in self.rows.values():
            self.line.progress.done(row.outcome, {})
        self.line.budget.add(row.to_dict() for row in self.rows.values())

    def _unready(self, keyed: Keyed) -> bool:
        """Whether the row's model cannot run here; the row then has its outcome before anything is spent on it."""
        refusal = self.line.readiness.refusal(*self._maker(keyed))
        if refusal:
            self.bound[keyed.key] = self._bind(keyed)
            self._record(keyed, self._ledger_row(keyed, None, refusal))
        return refusal is not None

    def _maker(self, keyed: Keyed) -> tuple[str, object]:
        """The generator that the row's mesh is asked of, and its options."""
        assert isinstance(keyed.row, Row)
        bound = self.bound.get(keyed.key)
        return (bound.generator, bound.options) if bound else maker_of(keyed.row, self.line.recipe)

    def _make(self, todo: list[Keyed]) -> None:
        """Generate in batches and process as meshes arrive; one failing row never holds up another."""
        batches = self._batches(todo)
        waiting: Waiting = {}
        making = self._generate_more(batches, waiting, 0)
        while waiting and not self.line.stop.is_set():
            self._tell_queue(waiting)
            done, _ = wait(waiting, timeout=STOP_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                rows, meshes = waiting.pop(future)
                if meshes:
                    for keyed, mesh, answer in zip(rows, meshes, future.result(), strict=True):
                        self.watch.saw(keyed.key, answer.stages)
                        step, _ = gpu_step(self.bound[keyed.key].plan.steps)
                        self.spent[keyed.key].add(self.line.budget.columns(step, answer), step)
                        making += self._settle(keyed, mesh, answer, waiting)
                else:
                    making -= 1
                    making += self._process(rows, future.result(), waiting)
            making = self._generate_more(batches, waiting, making)
        self._tell_queue({})

    def _tell_queue(self, waiting: Waiting) -> None:
        sizes = [(len(rows), bool(meshes)) for rows, meshes in waiting.values()]
        chains = sum(size for size, made in sizes if made)
        self.line.progress.queue(self.chunk.id, sum(size for size, _ in sizes) - chains, chains)

    def _make_variations_differ(self) -> None:
        """Make variations that repeat an earlier one anew with other seeds; those that go on repeating are rejected."""
        while not self.line.stop.is_set() and (found := repeats(self.chunk.rows, self.rows)):
            for each in found:
                row = self.rows.pop(each.keyed.key)
                gone = repeat_row(row, CODE, each.of, each.distance)
                self.line.progress.withdraw(row.outcome)
                # Before the journal hears of it: after a kill in between the row is judged, and emptied, once more.
                drop_other_files(self.line.store, row.id, (kept.uri for kept in gone.outputs if each.hopeless))
                if each.hopeless:
                    self._record(each.keyed, gone)
                self.tries[each.keyed.key] = each.tries
            self._make([each.keyed for each in found if not each.hopeless])

    def _process(self, rows: list[Keyed], answers: list[Generated | Failure], waiting: Waiting) -> int:
        """Send meshes to their chains: one future each, or together where a chain costs less than a future does.

        Returns how many generations were begun for rows that failed and have further attempts.
        """
        made: list[tuple[Keyed, Generated]] = []
        begun = 0
        for keyed, answer in zip(rows, answers, strict=True):
            self.watch.saw(keyed.key, answer.stages)
            self.spent[keyed.key].add(self.line.budget.columns(self._maker(keyed)[0], answer))
            if isinstance(answer, Generated):
                made.append((keyed, answer))
            elif not self._falls_back(keyed, answer):
                begun += self._settle(keyed, None, answer, waiting)
        size = 1 if self.line.progress.seconds_a_row >= CHEAP_SECONDS else GENERATE_BATCH
        for start in range(0, len(made), size):
            group = made[start : start + size]
            jobs = [self._traced(keyed, self._process_job(keyed, mesh)) for keyed, mesh in group]
            waiting[self.line.engine.process(jobs)] = ([keyed for keyed, _ in group], [mesh for _, mesh in group])
        return begun

    def _falls_back(self, keyed: Keyed, answer: Failure) -> bool:
        """Whether another generator is to make the row, as its own cannot; candidates that stand are kept."""
        bound, found = self.bound[keyed.key], self.candidates.get(keyed.key)
        if not bound.otherwise or not cannot_make(answer) or (found and found.best):
            return False
        assert isinstance(keyed.row, Row)
        self.bound[keyed.key] = fallen_back(bound, keyed.row, self.line.recipe, answer.code)
        self.refused.append(keyed)
        return True

    def _refused_batch(self) -> list[Keyed]:
        """Rows for the generator that stands in, as many as it takes at once; [] for none.

        They come after the others have begun: one GPU without Ray changes models a few times a chunk, not each batch.
        """
        if not self.refused:
            return []
        kind, size = self._kind(self.refused[0]), batch_of(*self._maker(self.refused[0]))
        batch = [each for each in self.refused if self._kind(each) == kind][:size]
        taken = {each.key for each in batch}
        self.refused = [each for each in self.refused if each.key not in taken]
        return batch

    def _settle(self, keyed: Keyed, mesh: Generated | None, answer: Processed | Failure, waiting: Waiting) -> int:
        """Record the row, or go on with it: another candidate, or the best one's files once more.

        Returns how many generations were begun.
        """
        found = self.candidates.get(keyed.key)
        step = found.add(mesh, answer) if found else "done"
        if found and step == "another":
            waiting[self.line.engine.generate([self._traced(keyed, self._generate_job(keyed))])] = ([keyed], [])
            return 1
        if found and found.best and step == "restore":
            self.line.store.delete_tree(self.bound[keyed.key].folder)
            mesh = found.best[0]
            job = self._traced(keyed, replace(self._process_job(keyed, mesh), beat=None))
            waiting[self.line.engine.process([job])] = ([keyed], [mesh])
            return 0
        if found and found.best:
            mesh, answer = found.best
        self._record(keyed, self._ledger_row(keyed, mesh, answer))
        return 0

    def _generate_more(self, batches: Iterator[list[Keyed]], waiting: Waiting, making: int) -> int:
        """Keep the generators fed, unless the chains have fallen a long way behind."""
        while making < self.line.engine.ahead and len(waiting) - making < BACKLOG:
            if not (batch := next(batches, None) or self._refused_batch()):
                break
            jobs = [self._traced(keyed, self._generate_job(keyed)) for keyed in batch]
            waiting[self.line.engine.generate(jobs)] = (batch, [])
            making += 1
        return making

    def _batches(self, todo: list[Keyed]) -> Iterator[list[Keyed]]:
        alike: dict[tuple[object, ...], list[Keyed]] = {}
        for keyed in todo:
            assert isinstance(keyed.row, Row)
            bound = self.bound[keyed.key] = self._bind(keyed)
            if bound.attempts > 1:
                self.candidates[keyed.key] = Candidates(bound.request.seed, bound.attempts, bound.enough)
            self._forget(bound.folder)
            alike.setdefault(self._kind(keyed), []).append(keyed)
        queues = [deque(group) for group in alike.values()]
        while left := [queue for queue in queues if queue]:
            # Of each as much as there is of it: what is in work stays the same mixture, and actors their models'.
            queue = max(left, key=lambda each: len(each) / len(alike[self._kind(each[0])]))
            yield [queue.popleft() for _ in range(min(batch_of(*self._maker(queue[0])), len(queue)))]

    def _kind(self, keyed: Keyed) -> tuple[object, ...]:
        """What rows of one batch have in common: the model, its options, and what they bring, so that a batch of
        pictures waits for no drawing of words."""
        asked = self.bound[keyed.key].request
        brings = asked.image is not None, len(asked.images), asked.sketch is not None, asked.mesh is not None
        return *self._maker(keyed), *brings

    def _bind(self, keyed: Keyed) -> Bound:
        """What is to be done for the row."""
        assert isinstance(keyed.row, Row)
        seed = another_seed(row_seed(keyed.row, self.line.seed), self.tries.get(keyed.key, 0))
        return bind(keyed.row, self.line.recipe, seed)

    def _forget(self, folder: str) -> None:
        """Remove the files of an older version of a row."""
        if self.line.remaking:
            self.line.store.delete_tree(folder)

    def _generate_job(self, keyed: Keyed) -> GenerateJob:
        bound, found = self.bound[keyed.key], self.candidates.get(keyed.key)
        request = replace(bound.request, seed=found.seed) if found else bound.request
        assert isinstance(keyed.row, Row)
        return GenerateJob(*self._maker(keyed), request, self.line.store, priority=keyed.row.priority)

    def _process_job(self, keyed: Keyed, generated: Generated) -> ProcessJob:
        bound, found = self.bound[keyed.key], self.candidates.get(keyed.key)
        beat, plan = found.beat if found else None, bound.plan
        if found and plan.provenance.seed is not None:
            plan = replace(plan, provenance=replace(plan.provenance, seed=found.seed))
        if generated.pictures:  # what the asset should look like, and what the ledger shows of how it came about
            plan = replace(plan, pictures=(*plan.pictures, *drawn_pictures(self.line.store, generated.pictures)))
        return ProcessJob(generated.digest, plan, bound.folder, bound.stem, self.line.store, beat)

    def _traced(self, keyed: Keyed, job: Job) -> Job:
        """The job with the row's span to work below."""
        name = keyed.row.id if isinstance(keyed.row, Row) else keyed.row.ledger_id
        parent = self.watch.parent(keyed.key, keyed.row.number, name)
        return replace(job, trace=parent) if parent else job

    def _record(self, keyed: Keyed, row: LedgerRow) -> None:
        row = replace(row, **self.spent[keyed.key].columns())
        if postponed(row.reasons) or unready(row.reasons):
            row = replace(row, key=postponed_key(keyed.key))
        self.rows[keyed.key] = row
        self.journal.append(row.to_dict())
        self.line.progress.done(row.outcome, row.timings)
        self.watch.done(keyed.key, row)

    def _ledger_row(self, keyed: Keyed, generated: Generated | None, answer: Processed | Failure) -> LedgerRow:
        assert isinstance(keyed.row, Row)
        bound = self.bound[keyed.key]
        row = blank_row(keyed.key, keyed.row, bound)
        if tried := self.tries.get(keyed.key):
            row = replace(row, meta={**row.meta, "variation_tries": tried + 1})
        made = {"generate": generated.seconds} if generated else {}
        found = self.candidates.get(keyed.key)
        if found and len(found.tried) > 1:
            seed = found.best_seed if found.best else row.seed
            row = replace(row, seed=seed, meta={**row.meta, "candidates": found.tried})
            made["other_candidates"] = found.seconds
        if isinstance(answer, Failure):
            self.line.store.delete_tree(bound.folder)  # what a killed child left half done
            return failure_row(row, answer, made)
        assert generated is not None
        return replace(
            row,
            outcome=answer.outcome,
            reasons=answer.reasons,
            message=answer.message,
            attempts=max(answer.attempts, generated.attempts),
            metrics=answer.metrics,
            outputs=answer.outputs,
            timings={**made, **answer.timings},
            meta={**row.meta, **answer.notes, **self._origin(keyed, generated)},
        )

    def _origin(self, keyed: Keyed, generated: Generated) -> dict[str, Any]:
        """What the ledger keeps of how a finished asset came about."""
        assert isinstance(keyed.row, Row)
        bound = self.bound[keyed.key]
        return {"made_from": made_from(keyed.row, self.line.recipe, bound, generated.digest, generated.pictures)}
