"""Ambient occlusion against form factors, and its pooled rays against 1,024 and 64 rays a texel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks import ambient_occlusion as ao
from tasks.bake import BakeOptions, Baker, _baker, bake
from tasks.ray_tree import build_ray_tree
from tasks.source_samples import SourceSamples
from tasks.texel_projection import Projection
from tasks.unwrap import UnwrapOptions, unwrap

WITH = BakeOptions(128, ambient_occlusion=1.0)


def square(size: float = 1.0) -> Part:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * size
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], uv=uv)


def wall(height: float) -> Part:
    """Along the square's left side and far beyond both its ends."""
    corners = [[0, -50, 0], [0, 50, 0], [0, 50, height], [0, -50, height]]
    return make_part(corners, [[0, 1, 2], [0, 2, 3]])


def red(baked: Asset) -> np.ndarray:
    return baked.parts[0].material.occlusion_texture.pixels()[..., 0] / 255.0


def test_the_floor_before_a_wall_sees_what_the_form_factor_says() -> None:
    """From an infinite wall of height h at distance d a floor receives ½(1 − d/√(d² + h²)) of its light less."""
    source = Asset((square(), wall(0.5)))
    baked = bake(Asset((square(),), source=source), replace(WITH, occlusion_distance=10.0))
    distance = (np.arange(128) + 0.5) / 128
    expected = 1 - 0.5 * (1 - distance / np.hypot(distance, 0.5))
    shown = red(baked)[8:-8]
    assert np.abs(shown.mean(axis=0) - expected)[4:].max() < 0.045  # three rays
    assert np.sqrt(((shown - expected) ** 2).mean()) < 0.02


def test_strength_and_distance_say_how_much_and_how_far() -> None:
    asset = Asset((square(),), source=Asset((square(), wall(0.5))))
    far, half = replace(WITH, occlusion_distance=10.0), replace(WITH, occlusion_distance=10.0, ambient_occlusion=0.5)
    assert np.abs((1 - red(bake(asset, half))) - 0.5 * (1 - red(bake(asset, far)))).max() < 0.006
    diagonal = float(np.linalg.norm(np.ptp(asset.source.bounds(), axis=0)))
    near = red(bake(asset, replace(WITH, occlusion_distance=0.25 / diagonal)))
    assert (near[:, 40:] == 1).all()  # 0.31 away
    assert near[:, :8].mean() < 0.75


@pytest.mark.parametrize("levels", [1, 3])
def test_nothing_occludes_a_ball_however_coarse_it_is(levels: int) -> None:
    mesh = trimesh.creation.icosphere(levels)
    part = make_part(mesh.vertices, mesh.faces, normals=mesh.vertices.astype(np.float32))
    baked = bake(unwrap(Asset((part,)), UnwrapOptions(128, when="always")), WITH)
    assert red(baked).min() == 1.0


def test_the_inside_of_a_closed_box_is_dark() -> None:
    box = trimesh.creation.box((1, 1, 1))
    inside = make_part(box.vertices, box.faces[:, ::-1])
    baked = bake(unwrap(Asset((inside,)), UnwrapOptions(128, when="always")), replace(WITH, occlusion_distance=2.0))
    assert red(baked).max() < 0.01


def bumpy(size: int) -> tuple[Baker, np.ndarray]:
    """A bumpy torus over its own coarse self, and 500 of its texels."""
    y, x = np.meshgrid(np.linspace(0, 2 * np.pi, 97)[:-1], np.linspace(0, 2 * np.pi, 97)[:-1], indexing="ij")
    radius = 0.4 + 0.05 * np.sin(9 * x) * np.cos(5 * y)
    points = np.stack(
        [(1 + radius * np.cos(x)) * np.cos(y), (1 + radius * np.cos(x)) * np.sin(y), radius * np.sin(x)], -1
    )
    corner = np.arange(96 * 96).reshape(96, 96)
    right, up, both = np.roll(corner, -1, 1), np.roll(corner, -1, 0), np.roll(corner, (-1, -1), (0, 1))
    faces = np.concatenate([np.stack([corner, up, right], -1), np.stack([right, up, both], -1)]).reshape(-1, 3)
    source = Asset((make_part(points.reshape(-1, 3), faces),))
    baker = _baker(
        unwrap(source, UnwrapOptions(size)).parts[0], SourceSamples(source), BakeOptions(size, "all", "png", 1.0)
    )
    return baker, np.sort(np.random.default_rng(0).choice(len(baker.canvas.texel), 500, replace=False))


@pytest.mark.parametrize(("size", "grid"), [(256, 1024), (512, 256)])
def test_four_rays_a_place_pooled_are_as_good_as_64_a_texel(
    size: int, grid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ao, "GRID", grid)
    baker, chosen = bumpy(size)
    vertices, faces, _ = baker.samples.merged
    mesh, shading, tree = (vertices, faces), baker.normals.smooth, baker.tree
    ours = ao.ambient_occlusion(tree, mesh, baker.found, shading, baker.canvas.texel, size, 10.0)[chosen]
    spots = ao.places(tree, mesh, baker.found.rows(chosen), shading)
    zero = np.zeros(len(chosen), np.int32)
    truth = ao.openness(tree, spots, zero, 1024, 10.0)
    rng = np.random.default_rng(1)
    single = [ao.openness(tree, spots, rng.integers(0, 1024, len(chosen)).astype(np.int32), 1, 10.0) for _ in range(64)]
    ours_error, plain_error = (np.sqrt(((values - truth) ** 2).mean()) for values in (ours, np.mean(single, axis=0)))
    assert truth.std() > 0.1
    assert ours_error < plain_error


def test_packed_beside_roughness_and_metallic_or_alone_in_one_channel() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 9, 3), dtype=np.uint8)
    rough = Material(roughness=1.0, metallic_roughness_texture=Texture.from_pixels(noise))
    source = Asset((replace(square(), material=rough), wall(0.5)))
    packed = bake(Asset((square(),), source=source), replace(WITH, occlusion_distance=10.0)).parts[0].material
    assert packed.occlusion_texture is packed.metallic_roughness_texture
    plain = bake(Asset((square(),), source=Asset((square(), wall(0.5)))), WITH).parts[0].material
    assert plain.metallic_roughness_texture is None
    assert plain.occlusion_texture.data[25] == 0  # PNG colour type grey
    assert bake(Asset((square(),), source=source), BakeOptions(128)).parts[0].material.occlusion_texture is None


def test_places_without_area_or_normal_give_numbers() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], np.float64)
    faces = np.array([[0, 1, 2], [0, 1, 3]], np.int32)
    tree = build_ray_tree(points, faces)
    found = Projection(np.zeros(4, np.int32), np.full((4, 3), 1 / 3, np.float32), np.zeros(4, bool))
    flat = lambda places: np.zeros((len(places.face), 3), np.float32)  # noqa: E731
    values = ao.ambient_occlusion(tree, (points, faces), found, flat, np.arange(4, dtype=np.int32), 2, 1.0)
    assert np.isfinite(values).all()
