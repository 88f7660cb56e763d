"""Every measure and gate on one asset of 20k faces with 2K maps, and what each measure costs; no renders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated
from timing import cpu_of

from ml.asset import Asset, Texture, make_part
from tasks.asked_measures import EVERYTHING, MEASURES
from tasks.bake import BakeOptions, bake
from tasks.gate import gate
from tasks.measure import MeasureOptions
from tasks.measure import measure as measure_asset
from tasks.measure_surface import part_coverage
from tasks.profile import list_profiles, load_profile
from tasks.reference_mesh import compared_to_mesh, shape_of
from tasks.simplify import decimate
from tasks.subject import Subject
from tasks.unwrap import UnwrapOptions, unwrap

FACES, SIDE = 20_000, 2048
BAR = 1.5  # CPU seconds, issue 5


def subject() -> Asset:
    """A closed mesh of 20k faces with 2K base colour, roughness-metallic and normal maps full of detail."""
    part = make_part(*decimate(*generated("200k"), FACES))
    asset = bake(unwrap(Asset((part,), "knot"), UnwrapOptions(resolution=SIDE)), BakeOptions(resolution=SIDE))
    noise = np.random.default_rng(0).integers(40, 230, (SIDE // 8, SIDE // 8, 3)).astype(np.uint8)
    colors = np.repeat(np.repeat(noise, 8, axis=0), 8, axis=1)
    normal = np.full((SIDE, SIDE, 3), (128, 128, 255), np.uint8)
    normal[::3] = (150, 120, 252)
    maps = {
        "base_color_texture": Texture.from_pixels(colors),
        "metallic_roughness_texture": Texture.from_pixels(colors[::-1].copy()),
        "normal_texture": Texture.from_pixels(normal),
    }
    made = asset.parts[0]
    return Asset((replace(made, material=replace(made.material, **maps)),), "knot")  # type: ignore[arg-type]


def everything(asset: Asset) -> Asset:
    """All measures, then all shipped profiles' gates."""
    measured = measure_asset(asset, MeasureOptions(EVERYTHING))
    for name in list_profiles():
        gate(measured, load_profile(name))
    return measured


def measure() -> Iterator[Figure]:
    """The whole, then the counting that every asset pays for, then each measure that a profile may ask for."""
    asset = subject()
    what = f"{asset.face_count} faces, {len(asset.parts[0].material.textures)} maps of {SIDE}²"
    cost, measured = cpu_of(lambda: everything(asset))
    yield Figure(f"all measures and {len(list_profiles())} gates, {what}", cost, "CPU-s", BAR)
    yield Figure("the same: different numbers", len(measured.metrics), "metrics", better="higher")
    base, counted = cpu_of(lambda: measure_asset(asset))
    yield Figure("counts, sizes, topology, UV raster and base colour of every asset", base, "CPU-s")
    for name in ("khronos", "web-ar", "game", "print-fdm"):
        wanted = MeasureOptions(load_profile(name).metrics)
        spent, _ = cpu_of(lambda wanted=wanted: measure_asset(asset, wanted))  # type: ignore[misc]
        yield Figure(f"what profile {name} asks for beyond them", spent - base, "CPU-s")
    covers = [part_coverage(part) for part in asset.parts]
    for each in MEASURES:
        spent, _ = cpu_of(lambda each=each: each.function(Subject(asset, counted.metrics, covers)))  # type: ignore[misc]
        yield Figure(f"{each.names[0]} and {len(each.names) - 1} more, on its own", spent, "CPU-s")
    reference = shape_of(asset)
    spent, _ = cpu_of(lambda: compared_to_mesh(asset, reference))
    yield Figure("reference mesh: Chamfer distance and F-scores, its reading left out", spent, "CPU-s")


if __name__ == "__main__":
    main(measure, __doc__ or "")
