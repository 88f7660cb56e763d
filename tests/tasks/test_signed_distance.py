"""Signed distance against brute force: exact distances, signs by summed solid angles, any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.signed_distance import build_distance_field, signed_distance, unsigned_distance

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
SIDES = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
SIDES += [[1, 5, 7], [1, 7, 3]]
CUBE_FACES = np.array(SIDES, dtype=np.int32)


def sphere(rings: int, around: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere, closed and outward, its poles fans of faces with two corners at one place."""
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(around) * 2 * np.pi / around, indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1)
    points[0], points[-1] = [0, 0, 1], [0, 0, -1]
    i, j = np.meshgrid(np.arange(rings), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    faces = np.concatenate([np.stack([a, a + around, b], -1), np.stack([b, a + around, b + around], -1)])
    return points.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int32)


def winding_numbers(points: np.ndarray, faces: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Every solid angle summed (Van Oosterom & Strackee 1983)."""
    a, b, c = (points[faces[:, k]][None] - queries[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    volume = np.einsum("qfk,qfk->qf", a, np.cross(b, c))
    dots = (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(volume, la * lb * lc + dots).sum(axis=1) / (2 * np.pi)


def bumpy(seed: int, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Two star-shaped blobs that cross each other."""
    rng = np.random.default_rng(seed)
    points, faces = sphere(rings, 2 * rings)
    waves = rng.normal(size=(4, 3)) * 3
    first = points * (1 + 0.1 * np.sin(points @ waves.T).sum(axis=1, keepdims=True))
    return np.concatenate([first, first * 0.7 + [0.9, 0.1, 0]]), np.concatenate([faces, faces + len(points)])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rings=st.integers(3, 14), scale=st.sampled_from([1e-30, 1.0, 1e30]))
def test_signs_are_those_of_all_solid_angles_summed(seed: int, rings: int, scale: float) -> None:
    points, faces = bumpy(seed, rings)
    rng = np.random.default_rng(seed)
    near = points[rng.integers(0, len(points), 150)] + rng.normal(size=(150, 3)) * 0.03
    queries = np.concatenate([near, rng.uniform(-2, 2, (150, 3))])
    field = build_distance_field(points * scale, faces)
    found = signed_distance(field, queries * scale)
    assert field.closed
    np.testing.assert_array_equal(found.distance < 0, winding_numbers(points, faces, queries) > 0.5)
    hit = np.einsum("ni,nij->nj", found.barycentric, points[faces[found.face]])
    np.testing.assert_allclose(np.abs(found.distance) / scale, np.linalg.norm(queries - hit, axis=1), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), lost=st.floats(0.05, 0.6), flipped=st.floats(0.0, 0.5))
def test_an_open_mesh_with_turned_faces_is_signed_by_its_generalised_number(
    seed: int, lost: float, flipped: float
) -> None:
    points, faces = bumpy(seed, 10)
    rng = np.random.default_rng(seed)
    faces = faces[rng.random(len(faces)) > lost]
    turned = rng.random(len(faces)) < flipped
    faces[turned] = faces[turned][:, ::-1]
    queries = rng.uniform(-2, 2, (300, 3))
    field = build_distance_field(points, faces)
    number = winding_numbers(points, faces, queries)
    clear = np.abs(number - 0.5) > 0.004  # the last stage's error
    assert not field.closed
    inside = signed_distance(field, queries).distance < 0
    np.testing.assert_array_equal(inside[clear], number[clear] > 0.5)


def test_vertices_split_at_seams_still_make_a_closed_mesh() -> None:
    soup, corners = CUBE[CUBE_FACES].reshape(-1, 3), np.arange(36, dtype=np.int32).reshape(-1, 3)
    field = build_distance_field(soup, corners)
    assert field.closed
    assert signed_distance(field, [[0.5, 0.5, 0.4], [0.5, 0.5, 3.0]]).distance == pytest.approx([-0.4, 2.0])
    assert not build_distance_field(soup, corners[1:]).closed


def test_a_hollow_is_outside_and_an_inward_shell_encloses_nothing() -> None:
    hollow = np.concatenate([CUBE * 4 - 2, CUBE * 2 - 1]), np.concatenate([CUBE_FACES, CUBE_FACES[:, ::-1] + 8])
    assert signed_distance(build_distance_field(*hollow), [[0, 0, 0], [1.5, 0, 0]]).distance == pytest.approx([1, -0.5])
    inward = build_distance_field(CUBE, CUBE_FACES[:, ::-1])
    assert signed_distance(inward, [[0.5, 0.5, 0.4]]).distance == pytest.approx([0.4])


def test_threads_and_unsigned_give_the_same_answer_bit_for_bit() -> None:
    """Around a cube of faces that lie ten deep every point has several nearest, and threads must not choose."""
    field = build_distance_field(CUBE, np.tile(CUBE_FACES, (10, 1)))
    queries = np.random.default_rng(3).uniform(-1, 2, (20_000, 3))
    alone = signed_distance(field, queries)
    for threads in (2, 3, 5):
        for ours, theirs in zip(alone, signed_distance(field, queries, threads), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(unsigned_distance(field, queries).distance, np.abs(alone.distance))


def test_far_points_keep_their_relative_precision() -> None:
    points, faces = sphere(40, 80)
    far = np.random.default_rng(0).normal(size=(50, 3))
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    field = build_distance_field(points, faces)
    for away in (5.0, 50.0, 1e4, 1e20, 1e60):  # a corner is the closest place but for rounding
        corner = np.linalg.norm((far * away)[:, None] - points, axis=2).min(axis=1)
        found = signed_distance(field, far * away).distance
        assert (found > 0).all()
        assert (found <= corner * (1 + 1e-6)).all()
        assert (found >= away * (1 - 1e-15) - 1).all()


@pytest.mark.parametrize(
    ("points", "faces", "code"),
    [
        (np.eye(3), np.zeros((0, 3), int), "mesh.no-faces"),
        (np.eye(3), [[0, 1, 3]], "mesh.bad-index"),
        (np.eye(3), [[0, 1, -1]], "mesh.bad-index"),
        (np.full((3, 3), np.nan), [[0, 1, 2]], "mesh.not-finite"),
        (np.full((3, 3), np.inf), [[0, 1, 2]], "mesh.not-finite"),
    ],
)
def test_meshes_that_cannot_be_asked_are_refused(points: np.ndarray, faces: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        build_distance_field(points, faces)
    assert refusal.value.code == code


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_points_that_are_nowhere_are_refused(bad: float) -> None:
    field = build_distance_field(CUBE, CUBE_FACES)
    with pytest.raises(InputError) as refusal:
        signed_distance(field, [[0, 0, 0], [0, bad, 0]])
    assert refusal.value.code == "points.not-finite"


def test_unused_vertices_may_be_anything_and_a_mesh_may_be_one_point() -> None:
    points = np.concatenate([CUBE, [[np.nan, 0, 0], [1e30, 0, 0]]])
    assert signed_distance(build_distance_field(points, CUBE_FACES), [[0.5, 0.5, 0.4]]).distance[0] == pytest.approx(
        -0.4
    )
    speck = build_distance_field(np.ones((3, 3)), [[0, 1, 2]])
    assert signed_distance(speck, [[1, 1, 1], [1, 1, 3]]).distance == pytest.approx([0, 2])
    assert signed_distance(speck, np.zeros((0, 3))).barycentric.shape == (0, 3)
