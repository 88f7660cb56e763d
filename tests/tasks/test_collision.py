"""Collision bodies: closed, convex, few, within their limits, around the whole asset and hardly beyond it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from ml.asset import Asset, InputError, Part, make_part
from tasks.collision import CollisionOptions, collision
from tasks.convex_cut import WHOLE, best_cut
from tasks.convex_hull import convex_body, hull_volume
from tasks.convex_split import convex_pieces
from tasks.convex_voxels import INSIDE, solid_voxels
from tasks.soup import proper_faces
from tasks.topology import topology


def asset_of(*meshes: trimesh.Trimesh, scale: float = 1.0) -> Asset:
    return Asset(tuple(make_part(mesh.vertices * scale, mesh.faces) for mesh in meshes))


def chair() -> Asset:
    """A seat on four legs with a back, 60 faces in six boxes."""
    boxes = [((0, 1, 0), (1, 0.1, 1)), ((0, 1.6, -0.45), (1, 1.1, 0.1))]
    boxes += [((x, 0.5, z), (0.1, 1, 0.1)) for x in (-0.4, 0.4) for z in (-0.4, 0.4)]
    return asset_of(*(trimesh.creation.box(size).apply_translation(at) for at, size in boxes))


def is_convex(body: Part) -> bool:
    points = body.vertices.astype(np.float64)
    size = np.ptp(points, axis=0).max()
    a, b, c = (points[body.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    heights = points @ normals.T - (normals * a[lengths[:, 0] > 0]).sum(axis=1)
    return bool(heights.max() < 1e-4 * size)


def check(made: Asset, options: CollisionOptions = CollisionOptions()) -> None:
    assert 1 <= len(made.collision) <= options.max_hulls
    for body in made.collision:
        assert len(body.vertices) <= options.max_vertices
        found = topology(body.vertices, body.faces)
        assert found.closed
        assert found.volume > 0
        assert is_convex(body)
    assert made.metrics["collision.hulls"] == len(made.collision)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_box_is_one_body_with_its_own_corners(scale: float) -> None:
    made = collision(asset_of(trimesh.creation.box((1, 2, 3)), scale=scale))
    check(made)
    (body,) = made.collision
    assert len(body.vertices) == 8
    assert np.allclose(np.ptp(body.vertices, axis=0), np.float64([1, 2, 3]) * scale)
    assert made.metrics["collision.outside"] == made.metrics["collision.uncovered"] == 0.0


def test_a_chair_comes_apart_at_its_joints() -> None:
    made = collision(chair())
    check(made)
    solid = sum(ConvexHull(part.vertices).volume for part in chair().parts)
    whole = ConvexHull(np.concatenate([part.vertices for part in chair().parts])).volume
    bodies = sum(ConvexHull(body.vertices).volume for body in made.collision)
    assert solid < bodies < solid + 0.1 * (whole - solid)
    assert made.metrics["collision.uncovered"] < 0.02
    assert made.metrics["collision.outside"] < 0.05
    assert 6 <= len(made.collision) <= 8


def test_fewer_bodies_hold_more_empty_space_and_still_cover_the_asset() -> None:
    few, many = (collision(chair(), CollisionOptions(max_hulls=n)) for n in (2, 8))
    check(few, CollisionOptions(max_hulls=2))
    assert few.metrics["collision.outside"] > 0.2 + many.metrics["collision.outside"]
    assert few.metrics["collision.uncovered"] < 0.02


def test_a_ring_keeps_its_hole() -> None:
    made = collision(asset_of(trimesh.creation.torus(1.0, 0.25)))
    check(made)
    assert len(made.collision) >= 5
    for body in made.collision:
        assert not (body.vertices.min(axis=0) < -0.2).all() or not (body.vertices.max(axis=0) > 0.2).all()


def test_bodies_stay_within_the_vertices_asked_for() -> None:
    options = CollisionOptions(max_hulls=4, max_vertices=12)
    check(collision(asset_of(trimesh.creation.icosphere(4)), options), options)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_soups_and_sheets_get_bodies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 3)) * rng.choice([0.0, 1e-9, 1.0], size=3, p=[0.2, 0.2, 0.6])
    faces = rng.integers(0, 30, (int(rng.integers(1, 60)), 3))
    options = CollisionOptions(max_hulls=6, max_vertices=16, resolution=32)
    asset = Asset((make_part(points, faces),))
    if len(proper_faces(points, faces.astype(np.int32))[1]):
        check(collision(asset, options), options)
    else:
        with pytest.raises(InputError, match="has an area"):
            collision(asset, options)


def test_what_is_no_mesh_is_refused() -> None:
    for vertices, faces, code in (
        (np.zeros((3, 3)), [[0, 1, 2]], "mesh.no-faces"),
        (np.zeros((3, 3)), np.zeros((0, 3), int), "mesh.no-faces"),
        ([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], "mesh.not-finite"),
    ):
        part = Part(np.array(vertices, np.float32), np.array(faces, np.int32))
        with pytest.raises(InputError) as error:
            collision(Asset((part,)))
        assert error.value.code == code


@given(st.integers(0, 2**32 - 1), st.integers(4, 80))
@settings(max_examples=40, deadline=None)
def test_the_volume_kernel_agrees_with_qhull(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    grid = rng.integers(0, rng.integers(2, 100), (count, 3))
    grid[:4] = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]]  # never flat
    assert hull_volume(grid, count) == pytest.approx(ConvexHull(grid).volume, rel=0.02, abs=0.5)


def test_few_and_flat_points_have_no_volume_but_a_body() -> None:
    line = np.array([[0, 0, 0], [4, 0, 0], [9, 0, 0], [0, 0, 0]])
    assert hull_volume(line, 4) == pytest.approx(0.0, abs=0.01)
    vertices, faces = convex_body(line.astype(np.float64), 32)
    assert topology(vertices, faces).closed
    assert [len(a) for a in convex_body(np.zeros((5, 3)), 32)] == [0, 0]


def test_pieces_hold_every_cell_once() -> None:
    vertices, faces, _ = chair().merged()
    cells = solid_voxels(vertices, faces, 40).core()
    together = np.concatenate(convex_pieces(cells, 8, 100.0))
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, cells.tolist()))


def test_solid_voxels_fill_a_ball() -> None:
    ball = trimesh.creation.icosphere(4)
    voxels = solid_voxels(np.asarray(ball.vertices), ball.faces.astype(np.int32), 64)
    radius = (3 * (voxels.kind == INSIDE).sum() / (4 * np.pi)) ** (1 / 3) * voxels.spacing
    assert radius == pytest.approx(1 - 0.87 * voxels.spacing, abs=0.2 * voxels.spacing)


def test_a_bar_that_may_be_cut_anywhere_is_cut_in_the_middle() -> None:
    """Every cut of a convex solid leaves the same volume: then halves are better than slices."""
    cells = np.indices((10, 3, 3)).reshape(3, -1).T.astype(np.int32)
    ways = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
    assert best_cut(cells, ways[np.abs(ways).sum(axis=1) > 0], WHOLE) == (0, 4)
