"""The warm model: a row that kills it costs itself, one that leaks is let go, and the GPU waits for no file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from worker_plugin import Trial, TrialOptions

from flows.guard import close_templates
from flows.jobs import Failure, Generated, GenerateJob
from flows.model_worker import LIMITS, ModelWorker
from manifests.store import Store
from ml.generators.protocol import Request
from ml.readers.gltf import read_glb
from ml.sources import Source

pytestmark = pytest.mark.slow  # a process with the libraries loaded: 2 s


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[str, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path(__file__).parents[2]}")
        yield "flows.jobs", "worker_plugin"
    close_templates()


@pytest.fixture
def worker(modules: tuple[str, ...]) -> Iterator[ModelWorker]:
    worker = ModelWorker(2, replace(LIMITS, recycle_growth_bytes=125 << 20), modules)
    yield worker
    worker.close()


def job(store: Path, id: str, category: str = "", options: TrialOptions = TrialOptions()) -> GenerateJob:
    return GenerateJob(Trial.name, options, Request(id, 1, category=category), Store(str(store)))


def pid_of(worker: ModelWorker) -> int:
    return worker.guard.pid


def test_a_row_that_kills_the_model_costs_itself_alone(worker: ModelWorker, tmp_path: Path) -> None:
    jobs = [job(tmp_path, name, category) for name, category in (("a", ""), ("b", "crash"), ("c", "refuse"), ("d", ""))]
    first, crashed, refused, last = worker.generate(jobs, 0.5)
    assert isinstance(first, Generated)
    assert isinstance(last, Generated)
    assert isinstance(crashed, Failure)
    assert (crashed.outcome, crashed.code, crashed.attempts) == ("quarantined", "guard.crash.exit", 2)
    assert isinstance(refused, Failure)
    assert (refused.outcome, refused.code) == ("rejected", "trial.no")
    assert len({answer.gpu_seconds for answer in (first, crashed, refused, last)}) == 1
    assert first.gpu_seconds == 0.5 * first.seconds > 0
    before = pid_of(worker)
    assert isinstance(worker.generate([job(tmp_path, "e")], 0.5)[0], Generated)
    assert pid_of(worker) == before  # warm


def test_a_broken_accelerator_ends_its_process(worker: ModelWorker, tmp_path: Path) -> None:
    fine, lost = worker.generate([job(tmp_path, "a"), job(tmp_path, "b", "lost")], 0.5)
    assert isinstance(fine, Generated)
    assert isinstance(lost, Failure)
    assert lost.outcome == "quarantined"


def test_a_model_that_grows_is_replaced_between_batches(worker: ModelWorker, tmp_path: Path) -> None:
    pids = []
    for name in "abcdefgh":
        assert isinstance(worker.generate([job(tmp_path, name, "leak")], 0.5)[0], Generated)
        pids.append(pid_of(worker))
    assert pids.count(0) == 2  # let go after the 4th and the 8th: three times 50 MiB more than after their first
    assert len(set(pids)) == 3


def test_a_model_that_keeps_more_and_more_of_the_gpu_is_replaced_too(worker: ModelWorker, tmp_path: Path) -> None:
    pids = []
    for at in range(12):
        assert isinstance(worker.generate([job(tmp_path, str(at), "leak-gpu")], 0.5)[0], Generated)
        pids.append(pid_of(worker))
    assert [at for at, pid in enumerate(pids) if not pid] == [5, 11]  # over 4 GiB more than after its first


def test_another_model_takes_the_place_of_the_first(worker: ModelWorker, tmp_path: Path) -> None:
    worker.generate([job(tmp_path, "a")], 0.5)
    before = pid_of(worker)
    worker.generate([job(tmp_path, "a", options=TrialOptions(seconds=0.01))], 0.5)
    assert pid_of(worker) != before


def test_the_batch_that_memory_takes_is_remembered_by_the_next_process(worker: ModelWorker, tmp_path: Path) -> None:
    options = TrialOptions(most=2, log=str(tmp_path / "calls"))
    jobs = [job(tmp_path, f"row-{at}", options=options) for at in range(4)]
    assert all(isinstance(answer, Generated) for answer in worker.generate(jobs, 0.5))
    worker.guard.renew()
    assert all(isinstance(answer, Generated) for answer in worker.generate(jobs, 0.5))
    assert (tmp_path / "calls").read_text().split() == ["4", "2", "2", "2", "2"]


def test_a_batch_that_was_halved_grows_again_over_many_calls(worker: ModelWorker, tmp_path: Path) -> None:
    options = TrialOptions(most=3, log=str(tmp_path / "calls"))
    jobs = [job(tmp_path, f"row-{at}", options=options) for at in range(8)]
    for _ in range(4):
        assert all(isinstance(answer, Generated) for answer in worker.generate(jobs, 0.5))
    worker.generate([job(tmp_path, "x", options=TrialOptions())], 0.5)  # another model in between
    worker.generate(jobs, 0.5)
    sizes = (tmp_path / "calls").read_text().split()
    assert sizes[:10] == ["8", "4", *["2"] * 8]
    assert sizes[10:13] == ["3", "3", "2"]
    assert sizes[-3:] == ["3", "3", "2"]


class Slow(Source):
    """A file and a store far away."""

    def read(self) -> bytes:
        if self.data is None:
            time.sleep(0.15)
        return super().read()


class FarStore(Store):
    """A store that takes its time."""

    def put_content(self, data: bytes, suffix: str) -> str:
        time.sleep(0.15)
        return super().put_content(data, suffix)


def test_inputs_are_read_and_meshes_written_beside_the_work(worker: ModelWorker, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(b"12345")
    options = TrialOptions(seconds=0.3)
    store = FarStore(str(tmp_path / "store"))
    source = Slow(str(tmp_path / "in.png"), str(tmp_path))
    jobs = [GenerateJob(Trial.name, options, Request(f"r{at}", 1, image=source), store) for at in range(5)]
    worker.generate(jobs[:1], 0.5)
    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        answers = [answer for (answer,) in pool.map(lambda each: worker.generate([each], 0.5), jobs)]
        took = time.monotonic() - began
    assert took < 0.15 + 5 * 0.3 + 0.15 + 0.5  # one after the other it is 3 s
    for at, answer in enumerate(answers):
        assert isinstance(answer, Generated)
        assert answer.seconds < 0.45
        assert read_glb(store.get_content(answer.digest, ".glb")).face_count == 1, at
