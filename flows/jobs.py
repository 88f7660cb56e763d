"""The two jobs of a row, as they run inside a guarded child: make the raw mesh, then run the recipe on it."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar, Self, TypeVar

from flows.guard import Guard, Killed
from flows.placement import environment_of, gpu_step, gpus_of, make_generator
from flows.plugins import load_plugins
from manifests.ledger_row import Output
from manifests.outcome import Outcome
from manifests.stage_run import Clock, StageRun, stages_of
from manifests.store import Store
from ml.asset import InputError
from ml.generators.pretrained.batches import Batches, Known
from ml.generators.protocol import Answer, Refusal, Request
from ml.readers.gltf import read_glb
from tasks.chain import Plan, Product, run_chain
from tasks.glb import encode_glb

load_plugins()  # a guarded child meets the same generators and steps as the driver

# SIGKILL that neither the guard nor the memory killer sent: someone stops processes here (a machine about to go, an
# operator, a drill), which says little about the row. Four say that it will not be finished here.
OUTSIDE_KILL, OUTSIDE_TRIES = "guard.crash.SIGKILL", 4

ACCELERATOR_LOST = "CUDA error"  # torch's words for an error after which no CUDA call of the process succeeds
ACCELERATOR_EXIT = 70  # EX_SOFTWARE of sysexits.h
TRACEPARENT = "TRACEPARENT"
PICTURE = ".png"  # as what a picture that was drawn on the way lies in the store

J = TypeVar("J")
R = TypeVar("R", "Generated | Failure", "Processed", "Raw | Failure")


@dataclass(frozen=True)
class GenerateJob:
    """Make the raw mesh of one request and leave it in the store."""

    generator: str
    options: object
    request: Request
    store: Store
    trace: str = field(default="", kw_only=True)  # W3C traceparent of its row's span, for programs that it starts
    priority: int = field(default=0, kw_only=True)

    @property
    def model(self) -> str:
        """What its time on a GPU is booked under."""
        return self.generator

    @property
    def gpus(self) -> float:
        """The share of a GPU that it needs."""
        return gpus_of(self.generator, self.options)

    @property
    def environment(self) -> str:
        """The `runtime_env` that it needs, as JSON."""
        return environment_of(self.options)

    @classmethod
    def make_all(cls, jobs: Sequence[Self]) -> Sequence[Answer]:
        """Raw assets of one generator, in order; raises InputError where no input can be blamed."""
        made: Sequence[Answer] = warm_generator(jobs[0].generator, jobs[0].options).generate([j.request for j in jobs])
        return made

    def make(self) -> Answer:
        """The raw asset; raises InputError for an unusable input."""
        return self.make_all([self])[0]


@dataclass(frozen=True)
class Generated:
    """A raw mesh in the store, by content digest."""

    digest: str
    seconds: float  # a batch's are shared out evenly among its rows
    attempts: int = 1
    pictures: tuple[str, ...] = ()  # digests of pictures that were drawn on the way
    gpu_seconds: float = 0.0  # share of a GPU times seconds
    gpu: str = ""  # its name, "" where that is not known
    stages: tuple[StageRun, ...] = ()


@dataclass(frozen=True)
class ProcessJob:
    """Run a recipe's chain on a raw mesh and leave the finished files under `folder`."""

    digest: str
    plan: Plan
    folder: str  # assets/<safe id>
    stem: str
    store: Store
    beat: float | None = None  # the score of the candidate whose files lie there, which only a better one replaces
    trace: str = field(default="", kw_only=True)  # as a GenerateJob's
    priority: ClassVar[int] = 0  # whoever was first at a generator is first here
    environment: ClassVar[str] = ""  # steps run in this process's own

    @property
    def model(self) -> str:
        """The step that its time on a GPU is booked under, "" where it needs none."""
        return gpu_step(self.plan.steps)[0]

    @property
    def gpus(self) -> float:
        """The share of a GPU that is its own while the whole chain runs: what another model may not have between two
        of its steps."""
        return gpu_step(self.plan.steps)[1]


@dataclass(frozen=True)
class Processed:
    """What the chain made of an asset."""

    outcome: Outcome
    reasons: tuple[str, ...]
    message: str
    metrics: dict[str, float]
    notes: dict[str, str]
    outputs: tuple[Output, ...]
    timings: dict[str, float]
    attempts: int = 1
    gpu_seconds: float = 0.0  # as a Generated's
    gpu: str = ""
    stages: tuple[StageRun, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A row that ends without an asset: refused, in error, or killed too often."""

    outcome: Outcome
    code: str
    message: str
    attempts: int = 1
    stderr: str = ""
    hints: tuple[str, ...] = field(default=())
    seconds: float = 0.0  # that a generator had worked on it
    gpu_seconds: float = 0.0
    gpu: str = ""
    stages: tuple[StageRun, ...] = ()  # until there


@dataclass(frozen=True)
class Raw:
    """What a model answered, not in the store yet."""

    answer: Answer
    attempts: int = 1
    stages: tuple[StageRun, ...] = ()  # of children that died before it came


@lru_cache(maxsize=4)
def warm_generator(name: str, options: object):  # type: ignore[no-untyped-def]  # lru_cache hides the Generator type
    """The generator of this process, built once."""
    return make_generator(name, options)


def generate_asset(job: GenerateJob) -> Generated | Failure:
    """Make one raw mesh; a refusal comes back as a value, an unusable input as InputError."""
    clock = Clock()
    with traced(job.trace):
        kept = clock.timed("generate", lambda: keep(job.make(), job.store))
    (run,) = clock.runs
    if isinstance(kept, Failure):
        run = replace(run, outcome=kept.code)
    return replace(kept, seconds=run.seconds, stages=(run,))


def keep(result: Answer, store: Store) -> Generated | Failure:
    """Put a generator's answer in the store."""
    if isinstance(result, Refusal):
        return Failure("rejected", result.code, result.message, hints=result.hints)
    if isinstance(result, InputError):
        return Failure("failed", result.code, result.message)
    pictures = tuple(store.put_content(picture.data, PICTURE) for picture in result.pictures)
    return Generated(store.put_content(encode_glb(result), ".glb"), 0.0, pictures=pictures)


def ask_model(jobs: Sequence[GenerateJob]) -> list[Raw | Failure]:
    """What a model answers to a whole batch; whatever goes wrong in it sends each row alone.

    What has broken the accelerator for this process, and with it for every row to come, ends the process.
    """
    try:
        return [Raw(answer) for answer in type(jobs[0]).make_all(jobs)]
    except Exception as error:
        if ACCELERATOR_LOST in str(error):
            os._exit(ACCELERATOR_EXIT)
        if len(jobs) > 1:
            return [answer for job in jobs for answer in ask_model([job])]
        if isinstance(error, InputError):
            return [Failure("failed", error.code, error.message)]
        return [Failure("failed", f"error.{type(error).__name__}", str(error), stderr=traceback.format_exc())]


def ask_model_for_all(jobs: Sequence[GenerateJob], known: Known | None) -> tuple[list[Raw | Failure], Known | None]:
    """The same, and what its memory takes at once: what one process found out (None: nothing) the next one need not."""
    batches = getattr(warm_generator(jobs[0].generator, jobs[0].options), "batches", None)
    if not isinstance(batches, Batches):
        return ask_model(jobs), None
    if known is not None:
        batches.recall(known)
    return ask_model(jobs), batches.known


def ask_model_once(job: GenerateJob) -> Raw | Failure:
    """The same for one row."""
    return ask_model([job])[0]


def process_asset(job: ProcessJob) -> Processed:
    """Read the raw mesh, run the chain, write the finished files (content first known, then named)."""
    clock = Clock()
    with traced(job.trace):
        asset = clock.timed("read", lambda: read_glb(job.store.get_content(job.digest, ".glb")))
        product = run_chain(asset, job.plan, job.stem, clock)
        outputs = clock.timed("write", lambda: write_files(job, product))
    return Processed(
        product.outcome,
        tuple(product.reasons),
        product.message,
        dict(product.metrics),
        dict(product.notes),
        outputs,
        clock.seconds,
        stages=tuple(clock.runs),
    )


def write_files(job: ProcessJob, product: Product) -> tuple[Output, ...]:
    """The finished files, in place of those of a candidate that is not as good; none where this one is not."""
    outputs = []
    better = job.beat is None or product.metrics["score"] > job.beat
    if job.beat is not None and better:
        job.store.delete_tree(job.folder)
    for file in product.files if better else ():
        uri = f"{job.folder}/{file.name}"
        job.store.put(uri, file.data)
        digest = hashlib.sha256(file.data).hexdigest()
        outputs.append(Output(file.format, file.lod, uri, len(file.data), digest))
    return tuple(outputs)


@contextmanager
def traced(parent: str) -> Iterator[None]:
    """With the row's span in the environment, where programs that a generator starts find it (W3C Trace Context)."""
    if not parent:
        yield
        return
    before = os.environ.get(TRACEPARENT)
    os.environ[TRACEPARENT] = parent
    try:
        yield
    finally:
        os.environ.pop(TRACEPARENT)
        if before is not None:
            os.environ[TRACEPARENT] = before


def guarded(guard: Guard, function: Callable[[J], R], job: J, seconds: float, tries: int) -> R | Failure:
    """`function(job)` in the guard's child: every way it can end becomes a value, and only a killed child is retried.

    Two tries by default: one death may be a neighbour's fault (memory), two are the row's own. Kills from outside are
    counted apart, up to OUTSIDE_TRIES.
    """
    deaths, kills = 0, 0
    stage = "chain" if isinstance(job, ProcessJob) else "generate"
    lost: tuple[StageRun, ...] = ()  # tries that were killed
    while True:
        attempt, began = deaths + kills + 1, time.time()
        try:
            result = guard.call(function, job, seconds=seconds)
        except Killed as death:
            lost += (StageRun(stage, began, time.time() - began, death.code),)
            outside = death.code == OUTSIDE_KILL
            deaths, kills = deaths + (not outside), kills + outside
            if deaths >= tries or kills >= OUTSIDE_TRIES:
                return Failure("quarantined", death.code, death.message, attempt, death.stderr, stages=lost)
        except Exception as error:
            return replace(failed(error), attempts=attempt, stages=lost + stages_of(error))
        else:
            return replace(result, attempts=attempt, stages=lost + result.stages)


def failed(error: Exception) -> Failure:
    """What the ledger says of an error that a child answered with."""
    if isinstance(error, InputError):
        return Failure("failed", error.code, error.message)
    trace = "".join(getattr(error, "__notes__", ()))
    return Failure("failed", f"error.{type(error).__name__}", str(error), stderr=trace)
