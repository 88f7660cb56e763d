"""Levels of detail: one collapse sequence keeps LOD0's atlas, and pictures tell whether a level will do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from ml.asset import Asset, InputError
from tasks.bake import BakeOptions, bake
from tasks.lod_chain import bare_level, lod_chain
from tasks.lod_judge import LEAST_SAVING, SCREEN_HEIGHT, Judge, Verdict
from tasks.lod_textures import SMALLEST, TextureLevels
from tasks.lod_views import Frame
from tasks.unwrap import UnwrapOptions, unwrap

NO_LIMIT = 1e30  # metres
# Seams that hold a level this far above its target took faces from the shape: a truck held at 866 of 580 faces strayed
# by 0.15 m and had lost its wheels; under an atlas of its own, at 580, by 0.04 m. It costs 0.1 to 0.4 CPU-s more.
HELD = 1.25
MORE_FACES = 1.6  # what a level that looks too different gets instead, at most as many as the level before may have


@dataclass(frozen=True)
class LodOptions:
    """LOD k keeps `ratio`ᵏ of LOD0's faces or strays by `screen_error`, never fewer than `min_faces`."""

    levels: int = field(default=2, metadata={"min": 0, "max": 5, "help": "levels beside LOD0"})
    ratio: float = field(default=0.4, metadata={"min": 0.1, "max": 0.8, "help": "faces kept from level to level"})
    screen_error: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "max": 16.0,
            "help": "pixels of 1080 that LOD k may stray where it spans half the screen to the power of k; 0: by ratio",
        },
    )
    min_faces: int = field(default=64, metadata={"min": 12, "max": 100_000, "help": "no level goes below"})
    max_difference: float = field(
        default=0.1, metadata={"min": 0.01, "max": 1.0, "help": "a level whose pictures differ more is made better"}
    )
    textures: Literal["halve", "keep"] = field(
        default="halve",
        metadata={"help": "halve: each level's maps at half the sides of the one before, from 64 pixels"},
    )


def lods(asset: Asset, options: LodOptions = LodOptions()) -> Asset:
    """The asset with `lods` LOD1, LOD2, … and for each the metrics `lodK.faces`, `.deviation` (metres), `.coverage`
    (share of the screen's height that LOD0's bounding ball spans where the level takes over) and `.difference` (of the
    pictures at that size, see `image_difference`); `lods.difference` is the largest.

    All levels come from one collapse sequence and read LOD0's atlas. One that looks too different, or that seams hold
    above its target, is unwrapped and baked anew, then given more faces; what still fails ends the row, and so does a
    level that strays from the shape. Raises InputError `mesh.no-faces` and `image.*`.
    """
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    maker = Maker(asset, TextureLevels(), options)
    judge = Judge(asset, maker.textures, options.screen_error or 1.0, options.max_difference)
    goals = _goals(asset, options)
    levels: list[Verdict] = []
    notes = ""
    for index, (goal, carried) in enumerate(zip(goals, lod_chain(asset, goals), strict=True), start=1):
        before = levels[-1] if levels else Verdict(asset, coverage=1.0)
        how, verdict = _best(maker.tries(index, goal, carried, before.level.face_count), judge, before)
        if verdict.objection:
            notes += f"; LOD{index} dropped: {verdict.objection}"
            break
        levels.append(verdict)
        notes += f"; LOD{index} {how}" if how else ""
    result = replace(asset, lods=tuple(verdict.level for verdict in levels)).measured(_metrics(levels))
    return result.noted(lods=f"{len(levels)} of {options.levels} levels{notes}")


def _best(tries: Iterator[tuple[str, Asset]], judge: Judge, before: Verdict) -> tuple[str, Verdict]:
    """The first try without an objection and what it is, or the last one."""
    found = ("", before)
    for how, level in tries:
        found = (how, judge.verdict(level, before.level.face_count, before.coverage))
        if not found[1].objection:
            break
    return found


def _goals(asset: Asset, options: LodOptions) -> list[tuple[int, float]]:
    """Most faces and most metres of each level."""
    if options.screen_error:
        pixel = Frame.of(asset).diameter / SCREEN_HEIGHT
        errors = [options.screen_error * pixel * 2.0**level for level in range(1, options.levels + 1)]
        return [(options.min_faces, error) for error in errors]
    shares = [options.ratio**level for level in range(1, options.levels + 1)]
    return [(max(options.min_faces, round(asset.face_count * share)), NO_LIMIT) for share in shares]


@dataclass(frozen=True)
class Maker:
    """What makes levels of one asset."""

    asset: Asset
    textures: TextureLevels
    options: LodOptions

    def tries(self, index: int, goal: tuple[int, float], carried: Asset, before: int) -> Iterator[tuple[str, Asset]]:
        """Level `index` as it may be shipped, best first, and what was done to it; the last one had `before` faces."""
        held = goal[1] >= NO_LIMIT and carried.face_count > HELD * goal[0]
        if held and self._repaintable:
            yield "repainted", self._repainted(goal[0], index)
        yield "", self._smaller(carried, index)
        if not held and self._repaintable:
            yield "repainted", self._repainted(carried.face_count, index)
        more = round(MORE_FACES * carried.face_count)
        if more < (1 - LEAST_SAVING) * before:
            yield "with more faces", self._smaller(lod_chain(self.asset, [(more, NO_LIMIT)])[0], index)

    def _smaller(self, level: Asset, index: int) -> Asset:
        for _ in range(index if self.options.textures == "halve" else 0):
            level = self.textures.halved(level)
        return level

    @property
    def _repaintable(self) -> bool:
        """Whether there is a map to paint."""
        return any(part.material.textures for part in self.asset.parts)

    def _repainted(self, target: int, index: int) -> Asset:
        """`target` faces under a new atlas baked from LOD0, as large as its largest map at that level."""
        largest = max(max(texture.size) for part in self.asset.parts for texture in part.material.textures)
        size = min(max(largest >> (index if self.options.textures == "halve" else 0), SMALLEST), 4096)
        bare = bare_level(self.asset, target)
        if bare.face_count > UnwrapOptions.max_faces:
            return bare  # it looks different, and the next try is taken
        painted = bake(unwrap(bare, UnwrapOptions(size)), BakeOptions(size))
        return Asset(painted.parts, self.asset.name)


def _metrics(levels: list[Verdict]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for index, verdict in enumerate(levels, start=1):
        metrics |= {
            f"lod{index}.faces": float(verdict.level.face_count),
            f"lod{index}.deviation": verdict.deviation,
            f"lod{index}.coverage": verdict.coverage,
            f"lod{index}.difference": verdict.difference,
        }
    return metrics | ({"lods.difference": max(verdict.difference for verdict in levels)} if levels else {})
