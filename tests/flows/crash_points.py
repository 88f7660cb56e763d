"""Kills a driver at every single change it makes to its folder, each time re-runs it, and compares: run as a script.

`python crash_points.py FOLDER EVERY` prints a JSON object; EVERY = 3 tries every third change. A small run has about a
hundred changes, so this is exhaustive where random instants would hardly ever meet the eight milliseconds between a
part and its marker. Each run is a fork of this process: the libraries are loaded once.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import restart

from flows import chunk_work, placement
from flows.execute import Prepared, drive_alone
from flows.jobs import GenerateJob, ProcessJob, generate_asset, process_asset
from flows.progress import Progress
from flows.refine import UNDER_WAY, RefineConfig
from flows.run import RunConfig, already_done
from flows.warm import warm_up
from manifests import journal

CHANGES = ("replace", "link", "unlink", "rmdir")  # every way in which a local store changes what readers see
SUBJECTS = ("chair", "giraffe", "mug", "vase", "", "table")  # one is refused, one invalid

RECIPE = """
[[steps]]
use = "clean"
[[exports]]
use = "glb"
[gate]
profile = "none"
"""


class DirectEngine:
    """Jobs at once, in this process; notes what it makes."""

    name = "direct"
    ahead = 4

    def __init__(self, log: Path) -> None:
        self.log = log

    def generate(self, jobs: Sequence[GenerateJob]) -> "Future[list[Any]]":
        with self.log.open("a") as stream:
            stream.writelines(f"{job.request.id}\n" for job in jobs)
        return self._answer(generate_asset, jobs)

    def process(self, jobs: Sequence[ProcessJob]) -> "Future[list[Any]]":
        return self._answer(process_asset, jobs)

    def _answer(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> "Future[list[Any]]":
        answer: Future[list[Any]] = Future()
        answer.set_result([function(job) for job in jobs])
        return answer

    def window(self) -> int:
        return 2

    def close(self) -> None:
        """Nothing was started."""


def manifest(folder: Path, version: int) -> Path:
    """Six rows; version 2 changes one that is then made again and one that is then refused, and appends two."""
    path = folder / f"rows-{version}.csv"
    lines = [f"row-{i},{f'a {subject}' if subject else ''}" for i, subject in enumerate(SUBJECTS)]
    if version == 2:
        lines[0], lines[3] = "row-0,a blue chair", "row-3,a giraffe"
        lines += ["row-6,a lamp", "row-7,a stool"]
    path.write_text("\n".join(["id,prompt", *lines]) + "\n")
    return path


def refinements(folder: Path) -> Path:
    """Five rows: two versions of one parent, one of another, one that is refused and one that is invalid."""
    path = folder / "refine.csv"
    rows = ("row-0,add armrests", "row-2,twice as tall", "row-0,red seat", "row-0,frobnicate", "nobody,red seat")
    path.write_text("\n".join(["parent,instruction", *rows]) + "\n")
    return path


def asked(folder: Path, version: int, out: Path) -> RunConfig:
    """The first run, the one over changed rows, or the refinement of its assets."""
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE)
    if version == 3:
        return RefineConfig(str(refinements(folder)), out=str(out), chunk_rows=2)
    return RunConfig(str(manifest(folder, version)), str(recipe), str(out), chunk_rows=4)


def run(folder: Path, version: int, out: Path, log: Path) -> None:
    """The whole command, in this process."""
    config = asked(folder, version, out)
    chunk_work.GENERATE_BATCH = placement.GENERATE_BATCH = (
        2  # several batches and journal segments even in a run of six rows
    )
    journal.SEGMENT_RECORDS = 2
    if already_done(config) is None:
        drive_alone(config, Prepared(DirectEngine(log), Progress()), lambda work: at_once(work.run))


def at_once(function: Callable[[], Any]) -> "Future[Any]":
    """The function's result as a future."""
    answer: Future[Any] = Future()
    answer.set_result(function())
    return answer


def arm(at: int, root: Path, counter: Path | None = None) -> None:
    """SIGKILL for this process just before its change number `at` below `root`; or count changes into a file.

    Relative names are those of a tree that is being removed. A kernel that is compiled here is kept elsewhere, and only
    in the first run: counted, it would have moved every later kill.
    """
    made = [0]

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if Path(args[-1]).is_absolute() and not Path(args[-1]).is_relative_to(root):
                return change(*args, **kwargs)
            made[0] += 1
            if made[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)
            if counter:
                counter.write_text(str(made[0]))
            return change(*args, **kwargs)

        return wrapper

    for name in CHANGES:
        setattr(os, name, counted(getattr(os, name)))


def forked(action: Callable[[], None]) -> int:
    """The action in a fork of this process; its wait status."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


class Scene:
    """A run from a given start, undisturbed once and then killed at one change after the other."""

    def __init__(self, folder: Path, version: int, before: Path | None) -> None:
        self.folder, self.version, self.before = folder, version, before
        self.rows = {1: 6, 2: 8, 3: 13}[version]
        self.reference = folder / f"reference-{version}"
        self.log = folder / f"made-{version}.log"
        counter = folder / f"changes-{version}"
        self._fresh(self.reference)
        assert forked(lambda: (arm(-1, self.reference, counter), self.run(self.reference))[1]) == 0  # type: ignore[func-returns-value]
        self.changes = int(counter.read_text())

    def _fresh(self, out: Path) -> None:
        shutil.rmtree(out, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, out)

    def run(self, out: Path) -> None:
        """To the end, or to an armed change."""
        run(self.folder, self.version, out, self.log)

    def killed_at(self, change: int) -> list[str]:
        """What is wrong after a kill at this change and the same command again."""
        out = self.folder / "out"
        self._fresh(out)
        self.log.unlink(missing_ok=True)
        status = forked(lambda: (arm(change, out), self.run(out))[1])  # type: ignore[func-returns-value]
        assert os.WIFSIGNALED(status), f"not killed at {change}: {status}"
        recorded = restart.recorded(out)
        earlier = self.log.read_text().split() if self.log.exists() else []
        if forked(lambda: self.run(out)):
            return [f"version {self.version}, change {change}: the second run failed"]
        made = self.log.read_text().split()[len(earlier) :] if self.log.exists() else []
        wrong = restart.differences(out, self.reference, self.rows)
        if self.version == 1:  # later, a recorded row may be the older version of a changed one
            wrong += [f"{id} was recorded and made again" for id in made if id in recorded]
        if not (out / "report" / "index.html").is_file():
            wrong.append("no report")
        wrong += [f"{path} was left" for path in (out / UNDER_WAY).glob("*")]
        return [f"version {self.version}, change {change}: {each}" for each in wrong]


def main(folder: Path, every: int) -> None:
    """The scenes: a first run, a run over an older ledger with changed rows, and a refinement of its assets."""
    started = time.monotonic()
    warm_up()  # kernels are loaded once, here
    first = Scene(folder, 1, None)
    second = Scene(folder, 2, first.reference)
    third = Scene(folder, 3, second.reference)
    scenes = (first, second, third)
    wrong, kills, rows = [], 0, 0
    for scene in scenes:
        for change in range(1, scene.changes + 1, every):
            kills, rows = kills + 1, rows + scene.rows
            wrong += scene.killed_at(change)
    changes = {"changes": [scene.changes for scene in scenes], "kills": kills, "rows": rows}
    print(json.dumps({**changes, "wrong": wrong, "seconds": round(time.monotonic() - started, 1)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
