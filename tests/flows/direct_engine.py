"""An engine that does jobs at once, in the test's own process."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob, generate_asset, process_asset
from ml.asset import InputError


@dataclass
class DirectEngine:
    """Jobs at once, in this process: nothing hangs or crashes here."""

    name: str = "direct"
    ahead: int = 4
    made: Counter[str] = field(default_factory=Counter)
    broken: str = ""  # this row's engine is lost
    hanging: str = ""  # this row's chain never ends

    def generate(self, jobs: Sequence[GenerateJob]) -> "Future[list[Generated | Failure]]":
        self.made.update(job.request.id for job in jobs)
        answer: Future[list[Generated | Failure]] = Future()
        if self.broken in [job.request.id for job in jobs]:
            answer.set_exception(ConnectionError("engine lost"))
        else:
            answer.set_result([self._one(job) for job in jobs])
        return answer

    def _one(self, job: GenerateJob) -> Generated | Failure:
        try:
            return generate_asset(job)
        except InputError as error:
            return Failure("failed", error.code, error.message)

    def process(self, jobs: Sequence[ProcessJob]) -> "Future[list[Processed | Failure]]":
        answer: Future[list[Processed | Failure]] = Future()
        if f"assets/{self.hanging}" not in [job.folder for job in jobs]:
            answer.set_result([process_asset(job) for job in jobs])
        return answer

    def window(self) -> int:
        """As many as an engine on one machine."""
        return 2

    def close(self) -> None:
        pass
