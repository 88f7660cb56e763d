"""Edits of finished assets: CPU each on 20k faces with 2K maps, folds they make, and how many a catalogue takes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from lods import stripes
from meshes import generated, real
from timing import cpu_of

from ml.asset import Asset, InputError, make_part
from ml.edits import Resize
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.instruction import parse_instruction
from ml.parametric.catalogue import BUILDERS
from ml.prompt import parse_prompt
from tasks.apply_edits import apply_edits
from tasks.bake import BakeOptions, bake
from tasks.region import Region
from tasks.self_intersections import self_intersections
from tasks.simplify import SimplifyOptions, simplify
from tasks.topology import weld
from tasks.unwrap import UnwrapOptions, unwrap

FACES, RESOLUTION = 20_000, 2048
SHAPES = ("40 % taller", "30 % bigger", "smooth it", "bend it by 40 degrees", "taper it", "twist it by 60 degrees")
LOOKS = ("red", "darker", "polished", "glow blue", "of marble", "more worn", "rusty", "palette #205040 #e0d0a0")
RESIZES = (("length", 1.3), ("thickness", 0.7), ("", 1.25), ("width", 1.2))


def measure() -> Iterator[Figure]:
    """The textured knot whole and in a region, real shapes in a region, then every part of the catalogue."""
    points, faces = generated("50k")
    plain = simplify(Asset((make_part(points, faces, colors=stripes(points)),)), SimplifyOptions(FACES))
    baked = bake(unwrap(plain, UnwrapOptions(RESOLUTION)), BakeOptions(RESOLUTION))
    asset = replace(baked, source=None)
    region = Region(spheres=((*asset.bounds()[1].tolist(), 1.2),))
    for text in (*SHAPES, *LOOKS):
        edits = parse_instruction(text, [])
        for where, part in (("in a region", region), ("everywhere", Region())):
            cpu, made = cpu_of(lambda edits=edits, part=part: apply_edits(asset, edits, part), 1)  # type: ignore[misc]
            name = f"'{text}' {where}, {made.face_count // 1000}k faces, 2K maps"
            yield Figure(name, cpu, "CPU-s", 1.0 if text in SHAPES else None)
    yield from _folds()
    yield from _catalogue()


def _folds() -> Iterator[Figure]:
    """Faces that cross others after the top third of a scan has been reshaped, less those that did before."""
    for name, points, faces in real("bunny", "armadillo", "rocker-arm", "spot", "cow"):
        asset = Asset((make_part(points, faces, name="part"),))
        low, high = asset.bounds()
        cut = low + (high - low) * np.array([0.0, 0.66, 0.0])
        region = Region(boxes=((*cut.tolist(), *high.tolist()),))
        for text in ("40 % taller", "20 % bigger", "bend it by 30 degrees", "twist it by 40 degrees"):
            made = apply_edits(asset, parse_instruction(text, []), region)
            new = _crossing(made) - _crossing(asset)
            yield Figure(f"{name}, top third '{text}': new crossing faces", 100.0 * new / asset.face_count, "%")


def _crossing(asset: Asset) -> int:
    points, faces, _ = weld(asset.parts[0].vertices.astype(np.float64), asset.parts[0].faces)
    return int(self_intersections(points, faces).faces.sum())


def _catalogue() -> Iterator[Figure]:
    """Every part of one asset of every category, resized in four ways: carried out, or refused with which code."""
    ends: Counter[str] = Counter()
    for name in sorted(BUILDERS):
        (asset,) = Procedural().generate([Request(name, seed=1, prompt=parse_prompt(f"a {name}"))])
        assert isinstance(asset, Asset)
        for part in dict.fromkeys(part.name for part in asset.parts):
            for axis, factor in RESIZES:
                try:
                    apply_edits(asset, [Resize(part, axis, factor)])  # type: ignore[arg-type]
                    ends["carried out"] += 1
                except InputError as error:
                    ends[error.code] += 1
    total = sum(ends.values())
    done = ends.pop("carried out")
    yield Figure(
        f"{total} resizes of parts of the catalogue: carried out, joints kept", 100 * done / total, "%", 95.0, "higher"
    )
    for code, count in sorted(ends.items()):
        yield Figure(f"… refused as {code}", 100 * count / total, "%")


if __name__ == "__main__":
    main(measure, __doc__ or "")
