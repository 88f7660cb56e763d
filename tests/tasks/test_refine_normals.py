"""Refining by normals: gradients are right, remeshing keeps a manifold, detail comes back and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, make_part
from tasks.camera import Camera
from tasks.continuous_remesh import remesh_once
from tasks.export_views import ViewsOptions, export_views
from tasks.fidelity import surface_distances
from tasks.half_edges import opposite_half_edges
from tasks.normal_files import read_normal_maps
from tasks.normal_fit import _unproject, gradient
from tasks.normal_gradient import face_normals, normals_to_points, summed_normals, unit, view_gradient
from tasks.normal_maps import NormalMaps, shown_normals
from tasks.raster import empty_buffers, rasterise
from tasks.refine_normals import RefineNormalsOptions, refine_normals
from tasks.scene import NO_ALPHA
from tasks.self_intersections import self_intersections
from tasks.topology import topology
from tasks.uncross import uncross
from tasks.views import lens, project, render_views


def bumpy(level: int = 4, depth: float = 0.05) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(level, 0.5)
    x, y, z = mesh.vertices.T / 0.5
    mesh.vertices *= (1.0 + depth * np.sin(7.0 * x) * np.cos(6.0 * y) + depth * np.sin(8.0 * z))[:, None]
    return mesh


def asset_of(mesh: trimesh.Trimesh, shift: float = 0.0) -> Asset:
    return Asset((make_part(mesh.vertices + shift, mesh.faces, Material(roughness=0.25), name="rock"),))


def normals_apart(asset: Asset, truth: Asset) -> float:
    """Mean degrees between what both show to cameras that took no part in the fit."""
    cameras = [Camera((2.0 * np.sin(a), 0.4, 2.0 * np.cos(a))) for a in (0.3, 2.4, 4.5)]
    ours, theirs = (render_views(each, cameras, 128) for each in (asset, truth))
    both = ours.mask & theirs.mask
    cosine = (ours.normals[both] * theirs.normals[both]).sum(axis=-1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


@pytest.mark.parametrize("camera", [Camera((0.3, 0.5, 2.0)), Camera((0.3, 0.5, 2.0), fov=0.0, extent=1.4)])
def test_the_gradient_is_the_slope_of_the_loss_with_what_is_visible_held(camera: Camera) -> None:
    mesh, size = bumpy(2, 0.1), 64
    points, faces = np.array(mesh.vertices), mesh.faces.astype(np.int32)
    wanted = shown_normals(asset_of(bumpy(3, 0.02)), 6, size).pictures[0]
    twin, eyes = opposite_half_edges(faces, len(points)), lens(camera, size, size)
    (near, hit), screen = empty_buffers(size, size), np.empty((len(points), 4))
    project(points, *eyes, screen)
    rasterise(screen, faces, 0, len(faces), np.zeros((0, 2), np.float32), NO_ALPHA, 0.0, NO_ALPHA, near, hit)
    step = (float(near.max()) if camera.fov > 0.0 else 1.0) / eyes[4]

    def loss(places: np.ndarray) -> tuple[float, np.ndarray]:
        project(places, *eyes, screen)
        sums = summed_normals(places, faces)
        flat, slope = unit(face_normals(places, faces)), np.zeros_like(places)
        by_screen, by_normal, by_flat = np.zeros((len(places), 2)), np.zeros_like(places), np.zeros_like(flat)
        value = view_gradient(
            screen, faces, twin, unit(sums), flat, hit, near, step, wanted, by_screen, by_normal, by_flat
        )
        _unproject(by_screen, screen, *eyes, slope)
        normals_to_points(places, faces, sums, by_normal, by_flat, slope)
        return value, slope

    slope, random = loss(points)[1], np.random.default_rng(0)
    assert np.abs(slope[np.abs(points[:, 2]) < 0.1]).max() > 0.0
    for _ in range(8):
        way = random.normal(size=points.shape)
        change = (loss(points + 1e-6 * way)[0] - loss(points - 1e-6 * way)[0]) / 2e-6
        assert (slope * way).sum() == pytest.approx(change, rel=1e-4, abs=1e-4)


def test_silhouettes_pull_a_small_ball_outward_and_a_large_one_inward() -> None:
    maps = shown_normals(asset_of(trimesh.creation.icosphere(4, 0.5)), 8, 64)
    for radius, sign in ((0.45, -1.0), (0.55, 1.0)):
        ball = trimesh.creation.icosphere(3, radius)
        _, slope = gradient(np.array(ball.vertices), ball.faces.astype(np.int32), maps, np.arange(8))
        assert sign * (slope * ball.vertices).sum() > 0.0


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), length=st.floats(0.03, 0.4), noise=st.floats(0.0, 0.08), torus=st.booleans())
def test_remeshing_keeps_a_closed_manifold_its_genus_and_what_is_fixed(
    seed: int, length: float, noise: float, torus: bool
) -> None:
    mesh = trimesh.creation.torus(0.5, 0.2) if torus else trimesh.creation.icosphere(3, 0.5)
    random = np.random.default_rng(seed)
    points, faces = mesh.vertices + noise * random.normal(size=mesh.vertices.shape), mesh.faces.astype(np.int32)
    fixed, carried, given_faces = points[:, 0] > 0.2, points[:, :1].copy(), faces.copy()
    kept = points[fixed]
    for _ in range(6):
        aim = np.full(len(points), length)
        still = np.asarray(np.isin(points, kept).all(axis=1))
        points, faces, carried = remesh_once(points, faces, carried, aim, still)
        found = topology(points, faces)
        assert found.closed
        assert found.euler == (0 if torus else 2)
        assert not found.duplicate_faces
        np.testing.assert_allclose(carried[:, 0], points[:, 0], atol=1e-12)  # both are means of the same ends
        assert len(np.unique(faces)) == len(points)
    assert np.isin(kept.view("f8,f8,f8"), np.ascontiguousarray(points).view("f8,f8,f8")).all()
    assert (given_faces == mesh.faces).all()
    corners = points[faces]
    edges = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)[(corners[..., 0] < 0.0).all(axis=1)]
    if noise == 0.0 and length < 0.15:
        assert 0.5 * length < np.median(edges) < 1.5 * length


@pytest.mark.parametrize("faces", [[[0, 1, 2]], [[0, 1, 2], [2, 1, 3], [1, 2, 0]], [[0, 1, 2], [0, 3, 4]]])
def test_open_and_touching_surfaces_are_left_as_they_are(faces: list[list[int]]) -> None:
    points = np.random.default_rng(1).normal(size=(5, 3))
    _, made, _ = remesh_once(points, np.array(faces, np.int32), np.zeros((5, 1)), np.full(5, 0.01), np.zeros(5, bool))
    assert len(made) == len(faces)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["smoothed", "ball"])
def test_detail_comes_back(start: str) -> None:
    truth = bumpy()
    smooth = trimesh.smoothing.filter_laplacian(truth.copy(), 0.5, iterations=60, volume_constraint=False)
    coarse = smooth if start == "smoothed" else trimesh.creation.icosphere(2, 0.7)
    before = replace(asset_of(coarse), source=asset_of(truth))
    options = RefineNormalsOptions(views=12, size=128, edge=0.02, rounds=120)
    after = refine_normals(before, options)
    part = after.parts[0]
    assert normals_apart(after, asset_of(truth)) < 0.5 * normals_apart(before, asset_of(truth))
    apart = surface_distances((truth.vertices, truth.faces.astype(np.int32)), (part.vertices, part.faces), 5000)
    assert apart.percent(apart.mean) < 0.5
    assert topology(part.vertices, part.faces).closed
    assert not len(self_intersections(part.vertices.astype(np.float64), part.faces).pairs)
    assert after.metrics["refine.agreement"] > 0.97
    assert part.material.roughness == 0.25
    assert after.source is before.source


@pytest.mark.slow
def test_outside_the_region_nothing_moves() -> None:
    truth, coarse = bumpy(), trimesh.creation.icosphere(4, 0.5)
    region = json.dumps({"boxes": [{"min": [-1, 0.1, -1], "max": [1, 1, 1]}]})
    options = RefineNormalsOptions(views=8, size=64, edge=0.03, rounds=40, region=region)
    part, again = (
        refine_normals(replace(asset_of(coarse), source=asset_of(truth)), options).parts[0] for _ in range(2)
    )
    assert (again.vertices == part.vertices).all()
    assert (again.faces == part.faces).all()
    given_points = asset_of(coarse).parts[0].vertices
    outside = given_points[given_points[:, 1] < 0.0]
    made = {tuple(point) for point in part.vertices.tolist()}
    assert len(outside) > 500
    assert all(tuple(point) in made for point in outside.tolist())
    assert np.linalg.norm(part.vertices, axis=1).max() > 0.52
    assert topology(part.vertices, part.faces).closed


@pytest.mark.slow
@pytest.mark.parametrize("cameras", ["sphere", "orthographic"])
def test_exported_views_read_back_in_the_frame_of_the_asset(tmp_path: Path, cameras: str) -> None:
    asset = asset_of(trimesh.creation.box((0.5, 1.0, 2.0)), 3.0)
    options = ViewsOptions(cameras=cameras, count=6, size=64, maps=("normals",))  # type: ignore[arg-type]
    for file in export_views(asset, "box", options):
        name = "transforms.json" if file.name.endswith(".json") else file.name
        (tmp_path / name).write_bytes(file.data)
    maps = read_normal_maps(str(tmp_path))
    assert maps.agreement(asset) > 0.98
    shown = render_views(asset, maps.cameras, 64)
    both = shown.mask & (maps.pictures[..., 3] > 0.5)
    assert (shown.normals[both] * maps.pictures[both][:, :3]).sum(axis=-1).mean() > 0.99
    refined = refine_normals(asset, RefineNormalsOptions(maps=str(tmp_path), edge=0.03, rounds=60))
    assert refined.metrics["refine.agreement"] > 0.93


def test_faces_pushed_through_each_other_are_parted_again() -> None:
    ball = trimesh.creation.icosphere(3)
    points, faces = np.array(ball.vertices), ball.faces.astype(np.int32)
    points[5] *= -1.2
    crossing = len(self_intersections(points, faces).pairs)
    mended = uncross(points, faces, np.ones(len(points), bool), 0)
    assert crossing > 0
    assert not len(self_intersections(mended, faces).pairs)
    np.testing.assert_array_equal(uncross(points, faces, np.zeros(len(points), bool), 0), points.astype(np.float32))


@pytest.mark.slow
def test_surfaces_that_cross_already_cross_no_more_afterwards() -> None:
    ball = trimesh.creation.icosphere(3, 0.5)
    balls = trimesh.util.concatenate([ball, ball.copy().apply_translation((0.61, 0.03, 0.02))])
    truth = asset_of(balls.copy().apply_scale(1.05))
    before = replace(asset_of(balls), source=truth)
    crossing = len(self_intersections(np.asarray(balls.vertices), balls.faces.astype(np.int32)).pairs)
    after = refine_normals(before, RefineNormalsOptions(views=8, size=64, edge=0.02, rounds=50)).parts[0]
    assert 0 < len(self_intersections(after.vertices.astype(np.float64), after.faces).pairs) <= crossing


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (None, "input.missing"),
        ("{", "normals.bad-cameras"),
        ({"frames": []}, "normals.bad-cameras"),
        ({"frames": [{"normals_path": "a.png", "transform_matrix": [[0] * 4] * 4}]}, "normals.bad-cameras"),
        ({"frames": [{"normals_path": "a.png", "transform_matrix": np.eye(4).tolist()}]}, "normals.bad-cameras"),
        (
            {"camera_angle_x": 0.7, "frames": [{"normals_path": "../a.png", "transform_matrix": np.eye(4).tolist()}]},
            "input.outside",
        ),
        ({"applied_transform": [[1, 2], [3, 4]], "frames": [{}]}, "normals.bad-cameras"),
    ],
)
def test_folders_that_hold_no_maps_are_refused(tmp_path: Path, document: object, code: str) -> None:
    if document is not None:
        (tmp_path / "transforms.json").write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_normal_maps(str(tmp_path))
    assert caught.value.code == code


def test_without_anything_to_follow_or_far_too_fine_it_refuses() -> None:
    asset = asset_of(trimesh.creation.icosphere(2))
    wide = replace(asset_of(trimesh.creation.torus(100.0, 30.0)), source=asset)
    nowhere = RefineNormalsOptions(region='{"spheres": [[9, 9, 9, 0.1]]}')
    for given_asset, options, code in (
        (asset, RefineNormalsOptions(), "refine.no-normals"),
        (replace(asset, source=asset), nowhere, "region.empty"),
        (wide, RefineNormalsOptions(edge=0.002), "refine.too-fine"),
    ):
        with pytest.raises(InputError) as caught:
            refine_normals(given_asset, options)
        assert caught.value.code == code
    with pytest.raises(ValueError, match="multiple of 4"):
        RefineNormalsOptions(size=66)


def test_halving_keeps_the_mean() -> None:
    pictures = np.random.default_rng(0).random((2, 8, 8, 4)).astype(np.float32)
    halved = NormalMaps((Camera(), Camera()), pictures).halved().pictures
    assert halved.shape == (2, 4, 4, 4)
    np.testing.assert_allclose(halved.mean(axis=(1, 2)), pictures.mean(axis=(1, 2)), rtol=1e-5)
