"""Fields shaped by pictures: a ball that a known score pulls to a torus and a cube, and things rebuilt from 24 views.

The score is that of a normal density around the target's pictures, as the rasteriser draws them, so that what
is measured is the method (renderer, schedules, gradients) and no model. Chamfer is the mean distance both ways, in % of
the diagonal. The peer of the reconstruction is the visual hull of the same views.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import trimesh

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from ml.asset import Asset, Material, make_part
from ml.distill.distillation import Distillation, distil
from ml.distill.extraction import field_surface
from ml.distill.field import Ball, Field
from ml.distill.hash_grid import HashGrid
from ml.distill.known_score import KnownScore
from ml.distill.rendering import Samples
from ml.distill.schedules import Cameras, Shot
from ml.generators.procedural import Procedural
from ml.generators.protocol import Generator, Request
from ml.generators.reconstruct import Reconstruct, ReconstructOptions
from ml.generators.visual_hull import VisualHull, VisualHullOptions
from ml.prompt import parse_prompt
from ml.sources import Source
from tasks.camera import Camera
from tasks.export_views import ViewsOptions, export_views
from tasks.fidelity import surface_distances
from tasks.outer_surface import outer_surface
from tasks.sample_frame import sample_frame
from tasks.views import render_views

SIDE, STEPS = 24, 200  # of the pulled ball
VIEWS, PIXELS = 24, 64  # of a reconstruction: a pixel is 1.3 % of the diagonal
THINGS = ("a wooden chair", "a blue ceramic vase", "a brass lantern")
TO_CUBE, TO_TORUS, REBUILT = 2.5, 2.5, 1.0  # bars, %


def coloured(mesh: trimesh.Trimesh) -> Asset:
    """In the colours of its places: pictures of one colour say nothing of what lies inside an outline."""
    colours = np.column_stack([np.clip(0.8 * mesh.vertices + 0.5, 0, 1) * 255, np.full(len(mesh.vertices), 255)])
    white = Material(base_color=(1.0, 1.0, 1.0, 1.0))
    return Asset((make_part(mesh.vertices, mesh.faces, white, colors=colours.astype(np.uint8)),))


def picture(asset: Asset, shot: Shot) -> torch.Tensor:
    """(3, h, w) as the rasteriser sees it."""
    eye, (_, up, back) = shot.view.pose[:3, 3], shot.view.pose[:3, :3].T
    camera = Camera(tuple(eye), tuple(eye - back), tuple(up), math.degrees(shot.view.angle_x))
    views = render_views(asset, [camera], SIDE)
    colour = torch.tensor(views.albedo[0, ..., :3] / 255.0, dtype=torch.float32)
    return torch.where(torch.tensor(views.mask[0])[..., None], colour, shot.background).permute(2, 0, 1)


def pulled(name: str, target: Asset, bar: float) -> Iterator[Figure]:
    """One ball to one target."""

    def chamfer() -> float:
        vertices, faces, _ = field_surface(made, 0.0, 1.0, 64, "made").merged()
        found = surface_distances(target.merged()[:2], (vertices, faces), 8000)
        return found.percent(found.mean)

    torch.manual_seed(0)
    made = Field(HashGrid(4, 6, 24, 14), Ball(), hidden=16)
    cameras = Cameras(lit=0.0, zooms=(1.0, 1.0), backgrounds=(1.0, 1.0))
    how = Distillation(
        STEPS, 2, SIDE, 0.03, samples=Samples(10, 8), sharpness=(12.0, 80.0), cameras=cameras, eikonal=0.02
    )
    yield Figure(f"Chamfer of a ball to a {name}, before", chamfer(), "%")
    start = time.process_time()
    distil(made, KnownScore(lambda shot: picture(target, shot)), how, 0)
    spent = time.process_time() - start
    yield Figure(f"Chamfer of a ball that SDS pulled to a {name}, {STEPS} steps of {SIDE} px", chamfer(), "%", bar=bar)
    yield Figure(f"the same, CPU a step of two pictures (to a {name})", 1e3 * spent / STEPS, "ms")


def rebuilt(prompt: str, folder: Path) -> Iterator[Figure]:
    """One thing from its pictures."""
    (thing,) = Procedural().generate([Request("thing", 1, prompt=parse_prompt(prompt))])
    assert isinstance(thing, Asset)
    names = []
    for file in export_views(thing, "thing", ViewsOptions(count=VIEWS, size=PIXELS, maps=("albedo",), radius=2.4)):
        name = "transforms.json" if file.name.endswith(".json") else file.name
        (folder / name).write_bytes(file.data)
        names += [name] if name.endswith(".png") else []
    images = tuple(Source(str(folder / name), str(folder)) for name in names)
    true = outer_surface(sample_frame(thing, "cube", 1.0).placed(thing))
    options = ReconstructOptions(steps=400, side=PIXELS, finest=64, resolution=96)
    both: tuple[Generator, Generator] = (Reconstruct(options), VisualHull(VisualHullOptions(96)))
    found = [made_by(each, Request("thing", 0, images=images), (true.vertices, true.faces)) for each in both]
    (off, spent), (hull_off, hull_spent) = found
    what = f"{prompt} from {VIEWS} views of {PIXELS} px"
    yield Figure(f"{what}: Chamfer", off, "%", REBUILT, peer="visual-hull", peer_value=hull_off)
    yield Figure(f"{what}: CPU", spent, "s", peer="visual-hull", peer_value=hull_spent)


def made_by(generator: Generator, request: Request, true: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Chamfer in % of the diagonal, and CPU seconds."""
    start = time.process_time()
    (made,) = generator.generate([request])
    spent = time.process_time() - start
    assert isinstance(made, Asset), made
    found = surface_distances(true, made.merged()[:2], 20_000)
    return found.percent(found.mean), spent


def measure() -> Iterator[Figure]:
    """All of it."""
    torch.set_num_threads(1)
    box = trimesh.creation.box((0.8, 0.8, 0.8)).subdivide().subdivide().subdivide()
    yield from pulled("torus", coloured(trimesh.creation.torus(0.5, 0.24)), TO_TORUS)
    yield from pulled("cube", coloured(box), TO_CUBE)
    for prompt in THINGS:
        with tempfile.TemporaryDirectory() as folder:
            yield from rebuilt(prompt, Path(folder))


if __name__ == "__main__":
    main(measure, __doc__ or "")
