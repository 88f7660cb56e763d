"""What runs in a Ray worker: warm generators. A file of its own, so that these workers need not import Dask."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flows.engine import Policy, ThreadGuards, run_guarded
from flows.jobs import Failure, Generated, GenerateJob, generate_asset, keep_batch
from flows.placement import runs_guarded

ACCELERATOR_EXIT = 70  # EX_SOFTWARE of sysexits.h


class GeneratorActor:
    """GPU models in this process, CPU generators in a guarded child of it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.guards = ThreadGuards(policy.limits)

    def alive(self) -> None:
        """Answer, to say so."""

    def warm(self) -> None:
        """Start the process that children are forked from, before the first job asks for one."""
        self.guards.mine().prepare()

    def generate(self, jobs: Sequence[GenerateJob]) -> list[Generated | Failure]:
        """A batch of one generator's jobs, answered in order."""
        if runs_guarded(jobs[0].generator):
            return run_guarded(self.guards, self.policy, generate_asset, jobs)
        try:
            return keep_batch(jobs)
        except Exception:  # the accelerator is lost to this process: Ray starts another one
            os._exit(ACCELERATOR_EXIT)
