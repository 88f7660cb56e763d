"""Projection of texels: rays against brute force, the near and facing surface, and closest points where rays miss."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError, Part, make_part
from tasks import texel_projection
from tasks.ray_tree import build_ray_tree, closest_tree
from tasks.texel_projection import Projection, project
from tasks.texel_raster import gather, rasterize, tiled


def texels(part: Part, size: int) -> tuple[np.ndarray, np.ndarray]:
    face, two = rasterize(part.uv, part.faces, size)
    return gather(face, two, tiled(face))


def onto(part: Part, face: np.ndarray, weights: np.ndarray, points: np.ndarray, faces: np.ndarray) -> Projection:
    return project(part, face, weights, build_ray_tree(points, faces), points, faces, 0.02)


def sheet(height: float = 0.0, flip: bool = False) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[-1, -1, height], [2, -1, height], [2, 2, height], [-1, 2, height]], np.float64)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return corners, faces[:, ::-1].copy() if flip else faces


def stacked(*sheets: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.concatenate([points for points, _ in sheets]),
        np.concatenate([faces + 4 * i for i, (_, faces) in enumerate(sheets)]).astype(np.int32),
    )


def square(uv: object = ((0, 1), (1, 1), (1, 0), (0, 0))) -> Part:
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], uv=np.array(uv, np.float32))


def brute_force(points: np.ndarray, normals: np.ndarray, corners: np.ndarray, reach: float) -> np.ndarray:
    """(t,) least |distance| along ±normal to a front face, inf beyond `reach`."""
    a, u, v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(u, v)
    best = np.full(len(points), np.inf)
    for i, (p, n) in enumerate(zip(points, normals, strict=True)):
        with np.errstate(all="ignore"):
            along = ((a - p) * cross).sum(1) / (cross @ n)
            q = p + along[:, None] * n - a
            uu, uv, vv, qu, qv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1), (q * u).sum(1), (q * v).sum(1)
            b, c = (vv * qu - uv * qv) / (uu * vv - uv**2), (uu * qv - uv * qu) / (uu * vv - uv**2)
            inside = (b > 0) & (c > 0) & (b + c < 1) & (cross @ n > 0)
        best[i] = np.abs(along[inside]).min(initial=np.inf)
    return np.where(best <= reach, best, np.inf)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 400), size=st.sampled_from([0.05, 0.4]))
def test_rays_find_what_brute_force_finds(seed: int, faces: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-1, 1, (faces, 1, 3)) + rng.normal(0, size, (faces, 3, 3))
    corners[:, :, 2] *= 0.02
    tree = build_ray_tree(corners.reshape(-1, 3), np.arange(3 * faces).reshape(-1, 3))
    column = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 17), np.linspace(-0.5, 0.5, 13)), -1).reshape(-1, 2)
    points = np.column_stack([column, np.zeros(len(column))])
    normals = np.tile([0.1, -0.2, 0.97], (len(points), 1)) / np.linalg.norm([0.1, -0.2, 0.97])
    reach = 0.05
    slot, weights = texel_projection._project(
        tree.boxes, tree.children, tree.triangles, tree.local(points), normals.astype(np.float32),
        np.float32(reach * tree.scale),
    )  # fmt: skip
    expected = brute_force(points, normals, corners, reach)
    found = slot >= 0
    hit = np.einsum("tk,tkd->td", weights, corners[tree.order[slot]])
    distance = np.where(found, np.linalg.norm(hit - points, axis=1), np.inf)
    agree = np.isclose(distance, expected, atol=2e-5) | (found == np.isinf(expected)) & (expected > 0.999 * reach)
    assert agree.mean() > 0.98  # the rest passes within OVERLAP of a side


def test_the_nearest_front_face_is_taken_and_backs_are_looked_through() -> None:
    part = square()
    face, weights = texels(part, 32)
    for sheets, expected in (
        ((sheet(0.03), sheet(-0.02)), 1),
        ((sheet(0.01), sheet(-0.02)), 0),
        ((sheet(0.01, flip=True), sheet(-0.02)), 1),
    ):
        found = onto(part, face, weights, *stacked(*sheets))
        assert set(found.face // 2) == {expected}
        assert found.missed == 0
        points, faces = stacked(*sheets)
        hit = np.einsum("tk,tkd->td", found.barycentric, points[faces[found.face]])
        own = np.einsum("tk,tkd->td", weights, part.vertices[part.faces[face]])
        np.testing.assert_allclose(hit[:, :2], own[:, :2], atol=1e-5)


def test_what_lies_beyond_the_cage_or_faces_away_takes_the_closest_point() -> None:
    part = square()
    face, weights = texels(part, 16)
    far = onto(part, face, weights, *sheet(0.5))
    assert far.missed == len(face)
    away = onto(part, face, weights, *sheet(0.0, flip=True))
    assert away.missed == len(face)
    for found in (far, away):
        assert np.isfinite(found.barycentric).all()
        np.testing.assert_allclose(found.barycentric.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_any_scale_and_zero_area_faces_give_places(scale: float) -> None:
    mesh = trimesh.creation.icosphere(2)
    uv = np.random.default_rng(0).uniform(size=(len(mesh.vertices), 2)).astype(np.float32)
    part = make_part(mesh.vertices * scale, np.concatenate([mesh.faces, [[0, 0, 1], [2, 2, 2]]]), uv=uv)
    face, weights = texels(part, 32)
    found = onto(part, face, weights, part.vertices.astype(np.float64), part.faces)
    assert np.isfinite(found.barycentric).all()
    assert found.face.min() >= 0
    assert found.face.max() < len(part.faces)


def test_trees_refuse_what_has_no_faces_or_no_numbers() -> None:
    for points, faces, code in (
        (np.eye(3), np.zeros((0, 3), int), "mesh.no-faces"),
        (np.eye(3) * np.nan, [[0, 1, 2]], "mesh.not-finite"),
        (np.eye(3), [[0, 1, 3]], "mesh.bad-index"),
    ):
        with pytest.raises(InputError) as error:
            build_ray_tree(points, faces)
        assert error.value.code == code


def test_the_closest_tree_is_the_closest_point_hierarchy() -> None:
    mesh = trimesh.creation.torus(1, 0.3)
    tree = closest_tree(build_ray_tree(mesh.vertices, mesh.faces), mesh.vertices, mesh.faces)
    points = np.random.default_rng(3).normal(size=(300, 3))
    _, _, distance = texel_projection.closest_point(tree, points)
    np.testing.assert_allclose(distance, trimesh.proximity.closest_point_naive(mesh, points)[1], atol=1e-6)
