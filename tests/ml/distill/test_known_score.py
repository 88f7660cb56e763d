"""A known score pulls fields to its target, by SDS and by VSD; where a field may not change it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from ml.asset import Asset, Material, make_part
from ml.distill.distillation import Distillation, distil, photographed
from ml.distill.extraction import field_surface
from ml.distill.field import Ball, Field, Volume
from ml.distill.hash_grid import HashGrid
from ml.distill.known_score import KnownScore
from ml.distill.rays import orbit_view
from ml.distill.rendering import Samples
from ml.distill.schedules import Cameras, NoiseLevels, Shot
from ml.distill.score import render_score_loss
from ml.views import View
from tasks.camera import Camera
from tasks.fidelity import surface_distances
from tasks.views import render_views

pytestmark = pytest.mark.slow

SIDE = 16


def camera_of(view: View) -> Camera:
    eye, (_, up, back) = view.pose[:3, 3], view.pose[:3, :3].T
    return Camera(tuple(eye), tuple(eye - back), tuple(up), math.degrees(view.angle_x))


def target() -> Asset:
    """A torus in the colours of its places."""
    mesh = trimesh.creation.torus(0.5, 0.24, major_sections=48, minor_sections=24)
    colours = np.column_stack([np.clip(0.8 * mesh.vertices + 0.5, 0, 1) * 255, np.full(len(mesh.vertices), 255)])
    white = Material(base_color=(1.0, 1.0, 1.0, 1.0))
    return Asset((make_part(mesh.vertices, mesh.faces, white, colors=colours.astype(np.uint8)),))


def picture(asset: Asset, shot: Shot) -> Tensor:
    """The target as the house's rasteriser draws it: no code is shared with the field's renderer."""
    views = render_views(asset, [camera_of(shot.view)], SIDE)
    colour = torch.tensor(views.albedo[0, ..., :3] / 255.0, dtype=torch.float32)
    return torch.where(torch.tensor(views.mask[0])[..., None], colour, shot.background).permute(2, 0, 1)


def chamfer(made: Field, asset: Asset) -> float:
    """% of the target's diagonal."""
    vertices, faces, _ = field_surface(made, 0.0, 1.0, 48, "made").merged()
    found = surface_distances(asset.merged()[:2], (vertices, faces), 4000)
    return found.percent(found.mean)


def fresh(**given: object) -> Field:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return Field(HashGrid(4, 6, 24, 14), Ball(), hidden=16, **given)  # type: ignore[arg-type]


def short(steps: int, **given: object) -> Distillation:
    """Unlit and white behind, as the target's pictures are."""
    cameras = Cameras(lit=0.0, zooms=(1.0, 1.0), backgrounds=(1.0, 1.0))
    settings = {"cameras": cameras, "rate": 0.03, "eikonal": 0.02, "batch": 2, **given}
    return Distillation(
        steps, side=SIDE, samples=Samples(10, 8), sharpness=(12.0, 80.0), eikonal_points=192, **settings
    )  # type: ignore[arg-type]


def test_a_known_score_pulls_a_ball_to_a_torus() -> None:
    """Chamfer falls from 7 % of the diagonal to under 2.5 %."""
    shape = target()
    made = fresh()
    assert chamfer(made, shape) > 6.0
    distil(made, KnownScore(lambda shot: picture(shape, shot)), short(160), seed=0)
    assert chamfer(made, shape) < 2.5


ROUND = [(0.0, 15.0), (120.0, 15.0), (240.0, 15.0), (60.0, -50.0), (180.0, 50.0), (300.0, 80.0)]


@dataclass(frozen=True)
class Ring(Cameras):
    """The same six cameras every time, so that a second score can learn what each of them sees."""

    shots: tuple[Shot, ...] = tuple(Shot(orbit_view(*way, 40.0), *way, torch.ones(3)) for way in ROUND)

    def draw(self, count: int, progress: float, chance: torch.Generator) -> list[Shot]:
        return list(self.shots)


class LearntMeans:
    """A second score that takes the renders for normal around means, one a camera, which it learns; it starts as the
    prior, as one of low rank does."""

    def __init__(self, score: KnownScore) -> None:
        wanted = torch.stack([score.picture_of(shot) for shot in Ring().shots])
        self.score, self.means = score, torch.nn.Parameter(score.encode(wanted))

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        return self.score.noise_around(self.means, noisy, times)

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        yield self.means


def test_the_second_score_learns_what_the_renders_look_like() -> None:
    """From the prior's means it comes to those of other pictures."""
    shape = target()
    own = LearntMeans(KnownScore(lambda shot: picture(shape, shot), spread=0.3))
    shots, chance = Ring().draw(6, 0.0, torch.Generator()), torch.Generator().manual_seed(0)
    renders, _ = photographed(fresh(), shots, SIDE, 12.0, Samples(10, 8), chance)
    z = own.score.encode(renders.detach())
    off = float((own.means.detach() - z).abs().mean())
    optimiser = torch.optim.Adam(own.parameters(), lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        times, noise = NoiseLevels().draw(6, 0.0, chance), torch.randn(z.shape, generator=chance)
        torch.autograd.backward(render_score_loss(own.score, own, z, shots, times, noise))
        optimiser.step()
    assert float((own.means.detach() - z).abs().mean()) < 0.5 * off


def test_vsd_pulls_as_well() -> None:
    """Chamfer falls from 7 % to under 4 %: six cameras see less than all of it."""
    shape = target()
    made, score = fresh(), KnownScore(lambda shot: picture(shape, shot), spread=0.3)
    how = short(150, rate=0.02, cameras=Ring(), batch=6, own_rate=0.5)
    distil(made, score, how, seed=0, own=LearntMeans(score))
    assert chamfer(made, shape) < 4.0


def test_a_masked_field_changes_only_where_it_may() -> None:
    """The right half is pulled to the torus; the left half stays a ball to the last digit, and so does its paint."""
    shape = target()
    made = fresh(where=lambda points: (points[:, 0] / 0.2).clamp(0.0, 1.0))
    before = fresh()
    points = 2.0 * torch.rand(2000, 3) - 1.0
    distil(made, KnownScore(lambda shot: picture(shape, shot)), short(12), seed=0)
    with torch.no_grad():
        (distance, colour), (old_distance, old_colour) = made.read(points), before.read(points)
    left = points[:, 0] <= 0.0
    assert torch.equal(distance[left], old_distance[left])
    assert torch.equal(colour[left], old_colour[left])
    assert not torch.equal(distance[~left], old_distance[~left])
    assert not torch.equal(colour[~left], old_colour[~left])


def test_a_volume_is_linear_between_its_nodes() -> None:
    """And beyond its cube the distance goes on growing."""
    nodes = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 5)] * 3, indexing="ij"), dim=-1).flip(-1)
    distance = nodes @ torch.tensor([0.3, -0.5, 0.7])
    start = Volume(distance, 2.0 * nodes)
    points = torch.tensor([[0.1, -0.7, 0.45], [1.5, 0.0, 0.0]])
    found, logits = start(points)
    assert found.tolist() == pytest.approx([0.3 * 0.1 + 0.5 * 0.7 + 0.7 * 0.45, 0.3 + 0.5], abs=1e-6)
    assert torch.allclose(logits[0], 2.0 * points[0], atol=1e-6)
