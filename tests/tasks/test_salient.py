"""Salient samples lie on sharp edges and nowhere else, and there are exactly as many as asked for."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.salient import leaning_samples, salient_samples
from tests.tasks.test_sampling import CUBE, CUBE_FACES, on_surface


def edge_distance(points: np.ndarray) -> np.ndarray:
    """From the nearest edge of the unit cube: the second smallest distance to a side's plane."""
    away = np.minimum(np.abs(points), np.abs(points - 1.0))
    return np.sort(away, axis=1)[:, 1]


@given(st.integers(1, 4000), st.integers(0, 2**32), st.floats(15.0, 89.0))
@settings(max_examples=40, deadline=None)
def test_a_cube_is_sampled_on_its_edges(count: int, seed: int, angle: float) -> None:
    samples = salient_samples(CUBE, CUBE_FACES, count, angle, seed)
    assert samples.points.shape == (count, 3)
    assert edge_distance(samples.points).max() < 1e-6
    on_surface(samples, CUBE, CUBE_FACES)
    corners = {tuple(np.round(p)) for p in samples.points[: min(count, 8)]}
    assert len(corners) == min(count, 8)
    if count > 8:  # the rest evenly over the 12 edges
        rest = samples.points[8:].astype(float)
        free = np.argmax(np.minimum(rest, 1.0 - rest), axis=1)
        ends = np.round(rest).astype(int)
        ends[np.arange(len(rest)), free] = 0
        held = np.bincount(8 * free + ends @ [1, 2, 4], minlength=24)
        assert np.abs(np.sort(held)[12:] - (count - 8) / 12.0).max() <= 2.0


def leaning(points: np.ndarray) -> np.ndarray:
    """The mean normal of the cube's sides that meet in each of the points."""
    snapped = np.sign(np.where(np.abs(points - 0.5) > 0.49999, points - 0.5, 0.0))
    return snapped / np.linalg.norm(snapped, axis=1, keepdims=True)


def test_normals_lean_both_ways() -> None:
    samples = salient_samples(CUBE, CUBE_FACES, 200)
    expected = leaning(samples.points)
    assert np.abs(samples.normals[8:] - expected[8:]).max() < 1e-5
    assert np.einsum("ij,ij->i", samples.normals[:8], expected[:8]).min() > 0.99


def test_split_vertices_and_flipped_faces_hide_no_edge() -> None:
    """A file that splits vertices along creases, as every glTF does, and one that is wound at random."""
    split = salient_samples(CUBE[CUBE_FACES].reshape(-1, 3), np.arange(36, dtype=np.int32).reshape(-1, 3), 300)
    assert edge_distance(split.points).max() < 1e-6
    assert len(np.unique(np.round(split.points, 5), axis=0)) == 300
    flipped = CUBE_FACES.copy()
    flipped[::3] = flipped[::3, ::-1]
    turned = salient_samples(CUBE, flipped, 300)
    assert edge_distance(turned.points).max() < 1e-6
    assert np.abs(np.einsum("ij,ij->i", turned.normals, leaning(turned.points))[8:]).min() > 1.0 - 1e-5


def test_the_threshold_decides() -> None:
    """A prism of 12 sides bends by 30° along them and by 90° at its rims."""
    mesh = trimesh.creation.cylinder(1.0, 2.0, sections=12)
    faces = mesh.faces.astype(np.int32)
    for angle, along in ((29.9, True), (30.0, False)):
        z = salient_samples(mesh.vertices, faces, 500, angle).points[:, 2]
        assert bool((np.abs(z) < 0.9).any()) is along


def test_more_endpoints_than_asked_for_are_thinned_by_farthest_points() -> None:
    random = np.random.default_rng(0)
    mesh = trimesh.creation.icosphere(subdivisions=4)
    points = mesh.vertices * (1.0 + 0.2 * random.random((len(mesh.vertices), 1)))
    samples = salient_samples(points, mesh.faces.astype(np.int32), 200)
    gaps = np.linalg.norm(samples.points[:, None] - samples.points[None], axis=2) + 9.0 * np.eye(200)
    assert gaps.min() > 0.12  # evenly spread: √(4π/200) is 0.25; random ones come as near as 0.01
    assert np.array_equal(samples.points, salient_samples(points, mesh.faces.astype(np.int32), 200).points)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_scale(scale: float) -> None:
    samples = salient_samples(CUBE * scale, CUBE_FACES, 50)
    assert np.allclose(samples.points / np.float32(scale), salient_samples(CUBE, CUBE_FACES, 50).points, atol=1e-5)


def test_a_fold_a_fan_and_faces_without_area() -> None:
    """Two sides of one card, three walls on one edge, and a flat mesh with a degenerate face between its halves."""
    card = salient_samples(CUBE, np.array([[0, 1, 3], [0, 3, 1]]), 50)
    assert np.isfinite(card.normals).all()
    assert np.allclose(np.linalg.norm(card.normals, axis=1), 1.0, atol=1e-5)
    walls = salient_samples(CUBE, np.array([[0, 1, 3], [0, 1, 5], [0, 1, 7]]), 50)
    assert np.abs(walls.points[:, :2]).max() < 1e-6
    with pytest.raises(InputError) as caught:
        salient_samples(CUBE, np.array([[0, 1, 3], [0, 3, 3], [0, 3, 2]]), 50)
    assert caught.value.code == "sampling.no-sharp-edges"


@pytest.mark.parametrize(
    ("points", "faces", "code"),
    [
        (CUBE * np.nan, CUBE_FACES, "mesh.not-finite"),
        (CUBE * 0.0, CUBE_FACES, "mesh.no-area"),
        (CUBE, CUBE_FACES[:0], "mesh.no-faces"),
        (CUBE, CUBE_FACES + 1, "mesh.bad-index"),
        (CUBE, CUBE_FACES[:1], "sampling.no-sharp-edges"),
    ],
)
def test_what_has_no_sharp_edge_is_refused(points: np.ndarray, faces: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as caught:
        salient_samples(points, faces, 10)
    assert caught.value.code == code


@given(st.integers(0, 2**32 - 1), st.integers(2000, 3000))
@settings(max_examples=10, deadline=None)
def test_leaning_vertices_are_those_of_the_rule_written_plainly(seed: int, count: int) -> None:
    """An icosphere with some vertices pushed out, against trimesh's angle-weighted normals."""
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(3)
    points, faces = np.array(mesh.vertices), np.array(mesh.faces, np.int32)
    points[rng.choice(len(points), 20, replace=False)] *= rng.uniform(1.01, 1.2, (20, 1))
    bumpy = trimesh.Trimesh(points, faces, process=False)
    least = np.ones(len(points))
    for k in range(3):
        np.minimum.at(least, faces[:, k], np.einsum("ij,ij->i", bumpy.vertex_normals[faces[:, k]], bumpy.face_normals))
    edges = bumpy.edges_unique[(least[bumpy.edges_unique] < 0.985).all(axis=1)]
    samples = leaning_samples(points, faces, count, seed=seed)
    assert samples.points.shape == (count, 3)
    start, along = points[edges[:, 0]], points[edges[:, 1]] - points[edges[:, 0]]
    share = np.einsum("kej,ej->ke", samples.points[:, None] - start, along) / np.einsum("ij,ij->i", along, along)
    away = np.linalg.norm(samples.points[:, None] - start - np.clip(share, 0, 1)[..., None] * along, axis=2)
    assert away.min(axis=1).max() < 1e-6
    inside = (away < 1e-6) & (share > 0.02) & (share < 0.98)
    assert inside.any(axis=0).all()  # and no salient edge is left out


def test_a_smooth_ball_has_no_leaning_edges_and_a_cube_has_all() -> None:
    ball = trimesh.creation.icosphere(5)
    with pytest.raises(InputError, match=r"0\.985"):
        leaning_samples(ball.vertices, np.array(ball.faces, np.int32), 100)
    samples = leaning_samples(CUBE, CUBE_FACES, 4000)
    edges = edge_distance(samples.points) < 1e-6
    assert 0.4 < edges.mean() < 0.8  # the rest on the sides' diagonals, whose ends are corners: 6√2 of 12 + 6√2
