"""A warm model: in a child that may die or grow, its inputs read before its turn and its meshes written after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from flows.guard import Guard, Killed, Limits
from flows.jobs import (
    Failure,
    Generated,
    GenerateJob,
    Processed,
    ProcessJob,
    Raw,
    ask_model,
    ask_model_for_all,
    ask_model_once,
    guarded,
    keep,
    process_asset,
)
from flows.placement import own_process
from manifests.stage_run import FINISHED, StageRun
from ml.generators.pretrained.batches import Known
from ml.generators.pretrained.shelf import accelerator_name
from ml.generators.protocol import Request

# A batch that takes an hour hangs: the slowest model makes an asset in minutes. CUDA maps terabytes, so there is no cap
# on the address space; a child that has grown by 4 GiB since its first batch leaks, and is replaced between two.
# The same of what torch keeps reserved of the GPU: it frees nothing by itself, so that a leak and fragments show there.
LIMITS = Limits(3600.0, 0, recycle_rss_bytes=1 << 62, recycle_growth_bytes=4 << 30, recycle_gpu_growth_bytes=4 << 30)


class ModelWorker:
    """Threads share it: while one's batch is made, others read inputs and write meshes, so that the GPU never waits.

    The model lives in a child that is forked from a process which has everything loaded but the model: one that dies
    costs its batch and the loading of the model, not the start of another actor.
    """

    def __init__(self, tries: int, limits: Limits = LIMITS, modules: tuple[str, ...] = ("flows.jobs",)) -> None:
        """`tries` children may die with a row alone before it is quarantined."""
        self.tries, self.limits = tries, limits
        self.turn = threading.Lock()
        self.guard = Guard(limits, modules)
        self.serving: object = None  # generator and options, or a step
        self.known: dict[tuple[str, object], Known | None] = {}  # batches that a model's memory takes

    def generate(self, jobs: Sequence[GenerateJob], gpus: float) -> list[Generated | Failure]:
        """A batch of one model's jobs on its share of a GPU, answered in order; its time is shared out evenly."""
        ready = [replace(job, request=with_inputs_read(job.request)) for job in jobs]
        with self.turn:
            began, start = time.time(), time.perf_counter()
            made = self._made(ready)
            seconds = (time.perf_counter() - start) / len(jobs)
        answers = [self._kept(raw, job, began, seconds) for raw, job in zip(made, ready, strict=True)]
        return [replace(answer, gpu_seconds=gpus * seconds, gpu=self.gpu) for answer in answers]

    def _made(self, jobs: Sequence[GenerateJob]) -> list[Raw | Failure]:
        """From the model; where its child dies under several rows each is tried alone, so that only one is blamed."""
        if own_process(jobs[0].generator):
            return ask_model(jobs)
        model = jobs[0].generator, jobs[0].options
        self._serve(model)
        if len(jobs) > 1:
            try:
                made, self.known[model] = self.guard.call(ask_model_for_all, jobs, self.known.get(model))
                return made
            except Killed:
                pass
        return [guarded(self.guard, ask_model_once, job, self.limits.seconds, self.tries) for job in jobs]

    def process(self, jobs: Sequence[ProcessJob], gpus: float) -> list[Processed | Failure]:
        """Chains with a step that needs a GPU, one after the other in the child that keeps the step's model warm."""
        return [self._chain(job, gpus) for job in jobs]

    def _chain(self, job: ProcessJob, gpus: float) -> Processed | Failure:
        with self.turn:
            self._serve(job.model)
            start = time.perf_counter()
            answer = guarded(self.guard, process_asset, job, self.limits.seconds, self.tries)
            return replace(answer, gpu_seconds=gpus * (time.perf_counter() - start), gpu=self.gpu)

    def _serve(self, model: object) -> None:
        """A fresh child where the last one held another model: two would share the GPU's memory."""
        if self.serving != model:
            self.guard.renew()
            self.serving = model

    def _kept(self, raw: Raw | Failure, job: GenerateJob, began: float, seconds: float) -> Generated | Failure:
        kept = raw if isinstance(raw, Failure) else replace(keep(raw.answer, job.store), attempts=raw.attempts)
        run = StageRun("generate", began, seconds, kept.code if isinstance(kept, Failure) else FINISHED)
        return replace(kept, seconds=seconds, stages=(*raw.stages, run))

    @cached_property
    def gpu(self) -> str:
        """Name of the accelerator."""
        return accelerator_name()

    def close(self) -> None:
        """Kill the child."""
        self.guard.close()


def with_inputs_read(request: Request) -> Request:
    """The request with its pictures in memory; what cannot be read is left for the generator to tell of."""
    return replace(
        request,
        image=request.image and request.image.held(),
        images=tuple(source.held() for source in request.images),
        sketch=request.sketch and request.sketch.held(),
    )
