"""The chain one asset goes through in memory: steps, exports, measures, gate, poster."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from math import isfinite
from typing import Literal, cast

from manifests.stage_run import Clock
from ml.asset import Asset, Finding, InputError, Provenance
from ml.sources import Source
from tasks.alignment import AlignmentOptions, aligned
from tasks.auto_fix import auto_fix
from tasks.exporters import EXPORTERS
from tasks.gate import MISSING, explain, gate, verdict
from tasks.measure import MeasureOptions, measure, measure_files
from tasks.outputs import OutputFile
from tasks.profile import Profile
from tasks.reference_mesh import Shape, compared_to_mesh, read_reference
from tasks.score import score
from tasks.shown_pictures import picture_files, with_part_boxes
from tasks.signature import signature
from tasks.similarity import compared
from tasks.steps import STEPS
from tasks.thumbnail import ThumbnailOptions, thumbnail


@dataclass(frozen=True)
class Plan:
    """What to do to an asset: names and options of steps and exports in order; picklable."""

    steps: tuple[tuple[str, object], ...] = ()
    profile: Profile | None = None  # None for no gate
    exports: tuple[tuple[str, object], ...] = ()
    thumbnail: object | None = None  # ThumbnailOptions; None for no poster
    asked: tuple[tuple[str, float], ...] = ()  # metrics that the row states itself, such as `triangles.asked`
    provenance: Provenance = field(default_factory=Provenance)  # what it leaves empty stays as the asset brings it
    pictures: tuple[tuple[Source, bool], ...] = ()  # what the asset should look like, and whether it is a drawing
    reference: Source | None = None  # a mesh it should be like
    prompt: str = ""  # what the asset was asked to be, which alignment is judged by
    alignment: object | None = None  # AlignmentOptions; None to judge none
    auto_fix: int = 0  # rounds in which the gate's suggestions are carried out
    intake: Profile | None = None  # what the asset is held to as it comes, before any step; None to take everything


@dataclass(frozen=True)
class Product:
    """What came of it. A rejected asset keeps its numbers and its poster, but none of its exports."""

    outcome: Literal["passed", "rejected"]
    reasons: tuple[str, ...]  # codes of the findings that reject; all findings are JSON in the note `findings`
    message: str  # all findings in words, rejecting ones first; "" when there are none
    metrics: dict[str, float]
    notes: dict[str, str]
    files: list[OutputFile]
    timings: dict[str, float]  # seconds a stage


def run_chain(asset: Asset, plan: Plan, stem: str, clock: Clock | None = None) -> Product:
    """Run the plan, its stages booked on `clock`; files are named `stem` with their format's ending. Raises InputError
    from any stage as it comes, KeyError for a name that no recipe reader let through.

    What the intake rejects is made no further: it keeps what was measured of it. A rejected asset is made anew, at most
    `auto_fix` times, with the steps that its findings suggest in the plan.
    """
    clock = clock or Clock()
    raw = _of_origin(asset.measured(dict(plan.asked)), plan.provenance)
    raw = raw.noted(prompt=plan.prompt) if plan.prompt else raw
    if plan.intake:
        raw = clock.timed("intake", partial(_taken_in, raw, plan.intake))
    if verdict(raw) == "rejected":
        return _product(*_shown(clock, raw, plan, stem, []), clock.seconds)
    reference = clock.timed("reference", partial(read_reference, plan.reference)) if plan.reference else None
    asset, files = _judged(clock, raw, plan, stem, reference)
    fixes: list[str] = []
    for turn in range(1, plan.auto_fix + 1):
        if verdict(asset) == "passed":
            break
        steps, made = auto_fix(plan.steps, asset)
        if not made:
            break
        plan = replace(plan, steps=steps)
        try:
            asset, files = _judged(clock, raw, plan, stem, reference)
        except InputError as error:  # the verdict on what was made without the fix stands
            fixes.append(f"round {turn}: {', '.join(fix.step for fix in made)} ended in {error.code}: {error.message}")
            break
        fixes += [f"round {turn}: {fix}" for fix in made]
    if fixes:
        asset = asset.noted(auto_fix="; ".join(fixes)).measured({"fixes": float(len(fixes))})
    if verdict(asset) == "rejected":
        files = []
    elif plan.profile:
        asset = asset.noted(signature=clock.timed("signature", partial(signature, asset)).text())
    return _product(*_shown(clock, asset, plan, stem, files), clock.seconds)


def _taken_in(asset: Asset, profile: Profile) -> Asset:
    """The asset measured and judged as it comes."""
    return gate(measure(asset, MeasureOptions(profile.metrics)), profile)


def _shown(
    clock: Clock, asset: Asset, plan: Plan, stem: str, files: list[OutputFile]
) -> tuple[Asset, list[OutputFile]]:
    """The asset and its files with the poster and the pictures it was compared with, where a poster is asked for."""
    if plan.thumbnail is not None and asset.face_count:
        poster = clock.timed("poster", partial(thumbnail, asset, cast(ThumbnailOptions, plan.thumbnail)))
        files.append(OutputFile(f"{stem}_poster.jpg", "poster", 0, poster))
        files += clock.timed("poster", partial(picture_files, plan.pictures, stem))
        asset = with_part_boxes(asset)
    return asset, files


def _judged(
    clock: Clock, asset: Asset, plan: Plan, stem: str, reference: Shape | None
) -> tuple[Asset, list[OutputFile]]:
    """What the steps make of the asset, with metrics and findings, those of the intake first, and its exports."""
    taken_in = asset.findings
    for name, options in plan.steps:
        asset = clock.timed(name, partial(STEPS[name][0], asset, options))
    files = [file for name, options in plan.exports for file in _export(clock, asset, stem, name, options)]
    wanted = MeasureOptions(plan.profile.metrics if plan.profile else frozenset())
    asset = clock.timed("measure", partial(measure, asset, wanted)).measured(measure_files(files))
    if plan.pictures and asset.face_count:
        asset = clock.timed("compare", partial(compared, asset, plan.pictures))
    if reference and asset.face_count:
        asset = clock.timed("compare", partial(compared_to_mesh, asset, reference))
    if plan.alignment is not None and asset.face_count:
        options = cast(AlignmentOptions, plan.alignment)
        asset = clock.timed("align", partial(aligned, asset, plan.prompt, options))
    if plan.profile:
        asset = clock.timed("gate", partial(gate, asset, plan.profile))
        asset = asset.measured({"score": score(asset, plan.profile)})
        asset = replace(asset, findings=(*taken_in, *asset.findings))
    return asset, files


def _export(clock: Clock, asset: Asset, stem: str, name: str, options: object) -> list[OutputFile]:
    return clock.timed(f"export.{name}", partial(EXPORTERS[name].write, asset, stem, options))


def _product(asset: Asset, files: list[OutputFile], timings: dict[str, float]) -> Product:
    findings = sorted(asset.findings, key=lambda finding: finding.severity)  # stable, and "reject" < "warn"
    found = {"findings": json.dumps(list(map(_fields, findings)), separators=(",", ":"))} if findings else {}
    return Product(
        outcome=verdict(asset),
        reasons=tuple(finding.code for finding in findings if finding.severity == "reject"),
        message="\n".join(map(explain, findings)),
        metrics=dict(asset.metrics),
        notes={**asset.notes, **found},
        files=files,
        timings=timings,
    )


def _of_origin(asset: Asset, known: Provenance) -> Asset:
    """The asset with what is known of its provenance put over what its own file said.

    What the file says of its licence and of AI is noted, because it binds whoever publishes the asset.
    """
    own = asset.provenance
    told = {field.name: value for field in fields(known) if (value := getattr(known, field.name)) != field.default}
    notes = {"source_license": own.license} if own.license else {}
    notes |= {"ai_generated": "true"} if own.ai_generated else {}
    return replace(asset, provenance=replace(own, **told), notes={**asset.notes, **notes}) if told or notes else asset


def _fields(finding: Finding) -> dict[str, str | float | None]:
    """The finding as JSON takes it; its keys are the ledger's contract, null is what could not be measured."""
    missing = finding.code.endswith(MISSING) or not isfinite(finding.value)
    return {**asdict(finding), "value": None if missing else finding.value}
