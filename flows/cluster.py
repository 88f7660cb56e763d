"""The cluster engine: warm Ray actors generate, Dask workers process; local ones by default, real ones by address."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
import time
from asyncio import CancelledError
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dask
import distributed
import ray
from distributed.gc import disable_gc_diagnosis

from flows.actor_pool import ActorPool
from flows.budget import Budget
from flows.chunk_work import BACKLOG
from flows.engine import (
    GENERATING,
    LARGEST_WINDOW,
    WINDOW,
    Policy,
    ThreadGuards,
    run_guarded,
    step_names,
    usable_cpus,
)
from flows.generator_actor import GeneratorActor
from flows.guard import Guard
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob, process_asset
from flows.model_actors import MOST_IN_FLIGHT, POLL_SECONDS, ModelActors, answer_of, chunks_for, gpu_count
from flows.placement import local_gpus, runs_guarded
from flows.turns import Turns

# A node can be lost without the job's fault; three in a row are its own. A CPU generator runs in a child of its actor
# and can hardly kill that, so there it takes eight to say that the row will not be finished here.
LOST_WORKER_TRIES, LOST_GUARDED_TRIES = 3, 8
OBJECT_STORE_BYTES = 80 << 20  # meshes travel through the store by digest, never through Ray's shared memory
RESTART_PATIENCE = 120.0  # seconds without any living actor, after which the chunk gives up
LOOPBACK = "127.0.0.1:0"  # Dask always serves its metrics: on any free port, for this machine alone
WAITERS = MOST_IN_FLIGHT + 64  # threads that wait, each for a batch: the models' and the CPU generators'
# Rows that need no GPU go to nodes with CPUs, never to a head or a driver's node that offers none; so small that two
# runs on one cluster never wait for each other.
CPU_SHARE = 0.01
LOOK_SECONDS = 5.0  # how often a run looks at how large its clusters are
RAY_STARTS = 2  # Ray gives a node 30 s to come up, here or beside a driver, which a busy machine may miss

# A local scheduler of one worker: no logs of a hundred thousand transitions (700 MB), no sampling profiler.
LOCAL_DASK = {
    "temporary-directory": str(Path(tempfile.gettempdir()) / "meshmill-dask"),
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.log-length": 10,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
}


_worker_guards: dict[Policy, ThreadGuards] = {}
_worker_lock = threading.Lock()


def process_on_worker(jobs: Sequence[ProcessJob], policy: Policy) -> list[Processed | Failure]:
    """Runs on a Dask worker's thread, in that thread's own guarded child."""
    with _worker_lock:
        guards = _worker_guards.setdefault(policy, ThreadGuards(policy.limits))
    return run_guarded(guards, policy, process_asset, jobs)


def start_ray() -> bool:
    """Attach to RAY_ADDRESS or start a small local Ray; True when it was started here."""
    address = os.environ.get("RAY_ADDRESS")
    own = {
        "num_cpus": usable_cpus(),
        "num_gpus": local_gpus(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    where: dict[str, Any] = {"address": address} if address else own
    for tries_left in reversed(range(RAY_STARTS)):
        try:
            ray.init(**where, namespace="meshmill", log_to_driver=False, logging_level="ERROR")
            break
        except Exception:
            ray.shutdown()
            if not tries_left:
                raise
    return not address


def start_dask() -> tuple[distributed.Client, distributed.LocalCluster | None]:
    """Attach to DASK_SCHEDULER_ADDRESS or start threads in this process (0.2 s): their guarded children do the work."""
    logging.getLogger("distributed").setLevel(logging.ERROR)  # Prefect's logging set-up would print its every step
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        return distributed.Client(address, set_as_default=False), None
    dask.config.set(LOCAL_DASK)
    cluster = distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=usable_cpus(),
        processes=False,
        scheduler_kwargs={"dashboard": False, "dashboard_address": LOOPBACK},
        worker_dashboard_address=LOOPBACK,
        silence_logs=logging.ERROR,
    )
    disable_gc_diagnosis(force=True)  # its callback swallows a Ctrl-C that meets it
    return distributed.Client(cluster, set_as_default=False), cluster


class PlacedActor:
    """A generator actor without a GPU, and whether it has a place."""

    def __init__(self, policy: Policy) -> None:
        make = ray.remote(GeneratorActor).options(
            num_gpus=0, num_cpus=CPU_SHARE, max_restarts=-1, scheduling_strategy="SPREAD"
        )
        self.handle = make.remote(policy)
        self._sign: Any = self.handle.alive.remote()

    def placed(self) -> bool:
        """Whether it has answered once."""
        if self._sign is not None and ray.wait([self._sign], timeout=0)[0]:
            self._sign = None
        return self._sign is None


def cpu_pairs() -> int:
    """How many CPU generators the cluster feeds now: one for every two CPUs."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)) // 2)


class ClusterEngine:
    """Ray for generation, Dask for the chains; Ray boots in the background while the first rows are being read."""

    name = "ray+dask"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.pool: ActorPool | None = None
        self.models: ModelActors | None = None
        self.budget, self.turns = Budget(), Turns()
        self.lock = threading.Lock()
        self.looked = (0.0, WINDOW)
        self.closing = threading.Event()
        self.starter = ThreadPoolExecutor(1, thread_name_prefix="ray-start")
        self.ray_ready: Future[bool] = self.starter.submit(self._start_ray)
        self.waiters = ThreadPoolExecutor(WAITERS, thread_name_prefix="ray-wait")
        self.client, self.cluster = start_dask()
        if self.cluster is not None:  # its worker is this process
            with contextlib.closing(Guard(policy.limits)) as guard:
                guard.prepare()

    def _start_ray(self) -> bool:
        """Ray, and where it is this run's own the generators that most rows need."""
        started = start_ray()
        if started:
            for actor in self._pool().actors:
                actor.handle.warm.remote()
        return started

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        """The batch on one actor; when the actor dies under it, each job alone, so that neighbours are untouched."""
        name, asked = jobs[0].generator, list(jobs)
        if not runs_guarded(name, asked[0].options):  # the fleet counts its seats
            return self.waiters.submit(self._generate, asked)
        return self.turns.submit(name, lambda: self.waiters.submit(self._generate, asked))

    def _generate(self, jobs: list[GenerateJob]) -> list[Generated | Failure]:
        self.ray_ready.result()
        if not runs_guarded(jobs[0].generator, jobs[0].options):
            return self._models().generate(jobs)
        try:
            with self._pool().taken() as actor:
                answers: list[Generated | Failure] = self._answers(actor.generate.remote(jobs))
            return answers
        except ray.exceptions.RayActorError:
            return [self._generate_alone(job) for job in jobs]

    def _generate_alone(self, job: GenerateJob) -> Generated | Failure:
        """Only an actor that died with this job alone in it counts against the row, never one that was dead before."""
        message = ""
        for _ in range(LOST_GUARDED_TRIES):
            try:
                with self._living_actor() as actor:
                    answer: Generated | Failure = self._answers(actor.generate.remote([job]))[0]
                    return answer
            except ray.exceptions.RayActorError as error:
                message = str(error)
        return Failure("quarantined", "worker.lost", message, LOST_GUARDED_TRIES)

    @contextlib.contextmanager
    def _living_actor(self) -> Iterator[Any]:
        """An actor that answers: Ray needs 2-5 s to restart one, longer on a busy machine, and refuses calls meanwhile.

        Raises RayActorError when none does for RESTART_PATIENCE: the cluster's fault, and its chunk's, not the row's.
        """
        deadline = time.monotonic() + RESTART_PATIENCE
        while True:
            with self._pool().taken() as actor:
                try:
                    self._answers(actor.alive.remote())
                except ray.exceptions.RayActorError:
                    if time.monotonic() > deadline:
                        raise
                else:
                    yield actor
                    return
            self.closing.wait(POLL_SECONDS)

    def _answers(self, reference: Any) -> Any:
        return answer_of(reference, self.closing)

    def _pool(self) -> ActorPool:
        """The actors that all CPU generators share, started on first need: each serves any and costs 1 CPU-s."""
        with self.lock:
            if self.pool is None:
                self.pool = ActorPool(partial(PlacedActor, self.policy), cpu_pairs(), cpu_pairs)
            return self.pool

    def _models(self) -> ModelActors:
        with self.lock:
            if self.models is None:
                self.models = ModelActors(self.policy, self.closing, self.budget, self.turns.most)
            return self.models

    @property
    def ahead(self) -> int:
        """Batches that a chunk has in flight."""
        return max(GENERATING, self.models.ahead if self.models else 0)

    def window(self) -> int:
        """Chunks that keep every actor and every Dask thread busy with one batch or chain waiting behind each."""
        looked, found = self.looked
        if time.monotonic() - looked > LOOK_SECONDS:
            threads = sum(self.client.nthreads().values())
            actors = len(self.pool) if self.pool else 0
            found = 1 + max(-(-actors // GENERATING), -(-threads // BACKLOG))
            self.ray_ready.result()  # before it is known how many GPUs there are nothing can be made anyway
            found = max(found, chunks_for(gpu_count()))
            self.looked = time.monotonic(), min(max(WINDOW, found), LARGEST_WINDOW)
        return self.looked[1]

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Processed | Failure]]:
        """One Dask future; a worker lost under it is replaced by Dask, jobs that lose four are quarantined. Chains with
        a step that needs a GPU go where generators have theirs, and the fleet counts the seats of that step."""
        if jobs[0].gpus:
            on_gpu = partial(self.waiters.submit, self._process_with_gpu, list(jobs))
            return self.turns.submit_all(step_names(jobs) - {jobs[0].model}, on_gpu)
        return self.turns.submit_all(step_names(jobs), partial(self._process_on_dask, list(jobs)))

    def _process_on_dask(self, jobs: list[ProcessJob]) -> Future[list[Processed | Failure]]:
        answer: Future[list[Processed | Failure]] = Future()
        task = self.client.submit(process_on_worker, jobs, self.policy, pure=False)
        task.add_done_callback(lambda done: settle(done, answer, len(jobs)))
        return answer

    def _process_with_gpu(self, jobs: list[ProcessJob]) -> list[Processed | Failure]:
        self.ray_ready.result()
        return self._models().process(jobs)

    def close(self) -> None:
        """Detach, and stop what was started here."""
        self.closing.set()
        if self.models is not None:
            self.models.close()
        self.waiters.shutdown(cancel_futures=True)
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()
            for guards in _worker_guards.values():
                guards.close()
        self.ray_ready.result()
        ray.shutdown()
        self.starter.shutdown()


def settle(done: distributed.Future, answer: Future[list[Processed | Failure]], jobs: int) -> None:
    """Carry a Dask future's end over; a job whose workers keep dying becomes a quarantined row.

    Whatever goes wrong here has to reach the answer, or its chunk would wait for ever.
    """
    try:
        answer.set_result(done.result())
    except distributed.scheduler.KilledWorker as error:
        answer.set_result([Failure("quarantined", "worker.lost", str(error), LOST_WORKER_TRIES)] * jobs)
    except CancelledError as error:  # no Exception: the scheduler, or the connection to it, is gone
        answer.set_exception(RuntimeError(f"Dask let go of a job: {error}"))
    except Exception as error:
        answer.set_exception(error)
