"""The closest-point hierarchy against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.bvh import build_bvh, closest_point
from tasks.morton import morton_order


def segment_distance(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    length = float((b - a) @ (b - a))
    t = 0.0 if length == 0 else min(1.0, max(0.0, float((p - a) @ (b - a)) / length))
    return float(np.linalg.norm(p - a - t * (b - a)))


def triangle_distance(p: np.ndarray, t: np.ndarray) -> float:
    """The plane's distance when the projection falls inside, else the least over the three edges."""
    best = min(segment_distance(p, t[k], t[(k + 1) % 3]) for k in range(3))
    normal = np.cross(t[1] - t[0], t[2] - t[0])
    if normal @ normal > 0:
        signs = [np.cross(t[(k + 1) % 3] - t[k], p - t[k]) @ normal for k in range(3)]
        if min(signs) >= 0:
            best = min(best, abs(float((p - t[0]) @ normal)) / float(np.linalg.norm(normal)))
    return best


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 60), grid=st.sampled_from([2, 5, 1000]))
def test_closest_point_equals_brute_force_on_random_and_degenerate_soups(seed: int, faces: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.integers(0, grid, (faces + 2, 3)).astype(np.float64)  # a coarse grid makes many zero-area faces
    triangles = rng.integers(0, len(vertices), (faces, 3))
    points = rng.uniform(-1, grid, (20, 3))
    face, barycentric, distance = closest_point(build_bvh(vertices, triangles), points)
    expected = [min(triangle_distance(p, vertices[t]) for t in triangles) for p in points]
    np.testing.assert_allclose(distance, expected, rtol=1e-9, atol=1e-9 * grid)
    assert barycentric.min() >= -1e-12
    np.testing.assert_allclose(barycentric.sum(axis=1), 1)
    hit = np.einsum("ni,nij->nj", barycentric, vertices[triangles[face]])
    np.testing.assert_allclose(np.linalg.norm(points - hit, axis=1), distance, atol=1e-9 * grid)


def test_a_hint_picks_the_side_of_a_thin_wall_that_faces_the_same_way() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=np.float64)
    vertices = np.concatenate([square, square - [0, 0, 0.01]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 6, 5], [4, 7, 6]])  # the front faces +Z, the back −Z
    bvh = build_bvh(vertices, faces)
    point, front, back = [[0.3, 0.6, -0.004]], [[0.0, 0.0, 1.0]], [[0.0, 0.0, -1.0]]
    assert closest_point(bvh, point)[0][0] in (0, 1)
    assert closest_point(bvh, point, front, 0.1)[0][0] in (0, 1)
    face, _, distance = closest_point(bvh, point, back, 0.1)
    assert face[0] in (2, 3)
    assert distance[0] == pytest.approx(0.006)  # the true distance, without the penalty
    assert closest_point(bvh, point, back, 0.001)[0][0] in (0, 1)  # 6 mm against 4 + 1 mm: the near side still wins


def test_no_points_give_empty_answers_and_no_faces_are_refused() -> None:
    bvh = build_bvh(np.eye(3), [[0, 1, 2]])
    face, barycentric, distance = closest_point(bvh, np.zeros((0, 3)))
    assert (len(face), barycentric.shape, len(distance)) == (0, (0, 3), 0)
    with pytest.raises(ValueError, match="at least one face"):
        build_bvh(np.eye(3), np.zeros((0, 3), dtype=int))


def test_ten_thousand_coincident_triangles_do_not_overflow_the_stack() -> None:
    faces = np.tile([[0, 1, 2]], (10_000, 1))
    distance = closest_point(build_bvh(np.eye(3), faces), [[0.0, 0.0, 0.0]])[2]
    assert distance[0] == pytest.approx(1 / np.sqrt(3))


def test_the_morton_walk_visits_every_point_and_keeps_octants_together() -> None:
    points = np.random.default_rng(1).uniform(size=(4000, 3))
    walk = morton_order(points)
    assert np.array_equal(np.sort(walk), np.arange(4000))
    # 1024³ cells over the extent: the top bit of each axis splits the walk into eight runs.
    low, extent = points.min(axis=0), np.ptp(points, axis=0).max()
    octant = ((points[walk] - low) * (1023 / extent) >= 512) @ [1, 2, 4]
    assert np.count_nonzero(np.diff(octant)) == 7


@pytest.mark.parametrize("third", [15.686273699375548, 18.0, 4.3283430156110505, 25.0])
def test_a_triangle_without_area_is_its_longest_side(third: float) -> None:
    """A corner between the other two once sent points beside the side to its end, by rounding alone."""
    triangle = np.array([[4.3283430156110505, 4.0, 4.0], [18.0, 4.0, 4.0], [third, 4.0, 4.0]])
    points = np.random.default_rng(0).uniform(0, 30, (500, 3))
    _, weights, distance = closest_point(build_bvh(triangle, [[0, 1, 2]]), points)
    x = np.clip(points[:, 0], triangle[:, 0].min(), triangle[:, 0].max())
    expected = np.linalg.norm(points - np.column_stack([x, np.full(500, 4.0), np.full(500, 4.0)]), axis=1)
    np.testing.assert_allclose(distance, expected, rtol=1e-9)
    np.testing.assert_allclose(weights @ triangle[:, 0], x, atol=1e-6)
