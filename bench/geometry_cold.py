"""What a fresh worker pays: its template's start, compiled code loaded, and its first asset beside its second."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from flows.catalogue import catalogue
from flows.guard import Guard, Limits, close_templates
from flows.jobs import Generated, GenerateJob, ProcessJob, generate_asset, process_asset
from flows.warm import RECIPES
from manifests.recipe import load_recipe
from manifests.store import Store
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from tasks.chain import Plan
from tasks.profile import load_profile

RUNS = 5
TICKS = os.sysconf("SC_CLK_TCK")
PROMPT = "a tall walnut chair with a red cushion"


def cpu_of_process(pid: int) -> float:
    """Seconds of user and system so far, proc(5), to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def template_start() -> tuple[float, float]:
    """(CPU, wall) from nothing to a child that answers, as `make` leaves the machine."""
    close_templates()
    guard, started = Guard(Limits()), time.perf_counter()
    guard.call(os.getpid)
    wall = time.perf_counter() - started
    cost = cpu_of_process(Guard._templates[guard.modules].process.pid)
    guard.close()
    return cost, wall


def child_start() -> float:
    """Wall seconds of another child of a template that is there."""
    guard, started = Guard(Limits()), time.perf_counter()
    guard.call(os.getpid)
    wall = time.perf_counter() - started
    guard.close()
    return wall


def job_in(folder: str, guard: Guard, name: str) -> ProcessJob:
    """A raw mesh of the procedural generator in a store, and the recipe to run on it."""
    known, store = catalogue(), Store(folder)
    recipe = load_recipe(name, known)
    request = Request(id="chair", seed=1, prompt=parse_prompt(PROMPT))
    options = recipe.generator_options["procedural"]
    made = guard.call(generate_asset, GenerateJob("procedural", options, request, store))
    assert isinstance(made, Generated), made
    steps = tuple((stage.name, stage.options) for stage in recipe.steps)
    exports = tuple((stage.name, stage.options) for stage in recipe.exports)
    plan = Plan(steps, load_profile(recipe.profile), exports, recipe.thumbnail)
    return ProcessJob(made.digest, plan, "assets/chair", "chair", store)


def first_and_second(job: ProcessJob) -> tuple[float, float]:
    """CPU seconds of a fresh child's first chain and of its second on the same mesh."""
    guard = Guard(Limits())
    marks = [guard.call(os.times)]
    for _ in range(2):
        guard.call(process_asset, job)
        marks.append(guard.call(os.times))
    guard.close()
    used = [mark.user + mark.system for mark in marks]
    return used[1] - used[0], used[2] - used[1]


def empty_cache() -> float:
    """CPU seconds to compile every kernel, which `make` does once a machine."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.times()
        code = "from flows.warm import RECIPES, warm_up; warm_up(RECIPES)"
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "NUMBA_CACHE_DIR": folder}, check=True)
        after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure() -> Iterator[Figure]:
    """Starts, then first assets, then the compiler."""
    subprocess.run([sys.executable, "-m", "flows.warm"], check=True)
    starts = [template_start() for _ in range(RUNS)]
    yield Figure("cold worker until its first call", statistics.median(cpu for cpu, _ in starts), "CPU-s", bar=1.0)
    yield Figure("the same by the clock", statistics.median(wall for _, wall in starts), "s wall")
    yield Figure("another child", statistics.median(child_start() for _ in range(RUNS)) * 1e3, "ms wall")
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            guard = Guard(Limits())
            job = job_in(folder, guard, name)
            guard.close()
            pairs = [first_and_second(job) for _ in range(RUNS)]
        first, second = (statistics.median(pair[k] for pair in pairs) for k in (0, 1))
        yield Figure(f"first asset of a fresh child, {name}", first, "CPU-s")
        yield Figure(f"what its second, the same, costs less, {name}", first - second, "CPU-s", bar=1.0)
    yield Figure("compiling every kernel, once a machine", empty_cache(), "CPU-s")


if __name__ == "__main__":
    main(measure, __doc__ or "")
