"""The chain one asset goes through in memory: steps, exports, measures, gate, poster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar, cast

from ml.asset import Asset
from tasks.exporters import EXPORTERS
from tasks.gate import explain, gate, verdict
from tasks.measure import measure, measure_files
from tasks.outputs import OutputFile
from tasks.profile import load_profile
from tasks.steps import STEPS
from tasks.thumbnail import ThumbnailOptions, thumbnail

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What to do to an asset: names and options of steps and exports in order; picklable."""

    steps: tuple[tuple[str, object], ...] = ()
    profile: str = ""  # "" for no gate
    exports: tuple[tuple[str, object], ...] = ()
    thumbnail: object | None = None  # ThumbnailOptions; None for no poster


@dataclass(frozen=True)
class Product:
    """What came of it. A rejected asset keeps its numbers and its poster, but none of its exports."""

    outcome: Literal["passed", "rejected"]
    reasons: tuple[str, ...]  # codes of the findings that reject; those that warn are in the note `warnings`
    message: str  # all findings in words, rejecting ones first; "" when there are none
    metrics: dict[str, float]
    notes: dict[str, str]
    files: list[OutputFile]
    timings: dict[str, float]  # seconds a stage


@dataclass
class Clock:
    """Seconds spent by stage; a step that runs twice adds up."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, work: Callable[[], T]) -> T:
        """`work()`, its time booked under `stage`."""
        start = time.perf_counter()
        result = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
        return result


def run_chain(asset: Asset, plan: Plan, stem: str) -> Product:
    """Run the plan; files are named `stem` with their format's ending. Raises InputError from any stage as it comes,
    KeyError for a name that no recipe reader let through."""
    clock = Clock()
    for name, options in plan.steps:
        asset = clock.timed(name, partial(STEPS[name][0], asset, options))
    files = [file for name, options in plan.exports for file in _export(clock, asset, stem, name, options)]
    asset = clock.timed("measure", partial(measure, asset)).measured(measure_files(files))
    if plan.profile:
        asset = clock.timed("gate", partial(gate, asset, load_profile(plan.profile)))
    if verdict(asset) == "rejected":
        files = []
    if plan.thumbnail is not None and asset.face_count:
        poster = clock.timed("poster", partial(thumbnail, asset, cast(ThumbnailOptions, plan.thumbnail)))
        files.append(OutputFile(f"{stem}_poster.jpg", "poster", 0, poster))
    return _product(asset, files, clock.seconds)


def _export(clock: Clock, asset: Asset, stem: str, name: str, options: object) -> list[OutputFile]:
    return clock.timed(f"export.{name}", partial(EXPORTERS[name].write, asset, stem, options))


def _product(asset: Asset, files: list[OutputFile], timings: dict[str, float]) -> Product:
    findings = sorted(asset.findings, key=lambda finding: finding.severity)  # stable, and "reject" < "warn"
    codes = {kind: tuple(f.code for f in findings if f.severity == kind) for kind in ("reject", "warn")}
    warnings = {"warnings": " ".join(codes["warn"])} if codes["warn"] else {}
    return Product(
        outcome=verdict(asset),
        reasons=codes["reject"],
        message="\n".join(map(explain, findings)),
        metrics=dict(asset.metrics),
        notes={**asset.notes, **warnings},
        files=files,
        timings=timings,
    )
