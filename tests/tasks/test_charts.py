"""Charts: connected, cut where surfaces bend, laid flat without overlap or stretch, whatever the mesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.charts import cluster
from tasks.topology import degenerate_faces
from tasks.uv_atlas import flattened
from tasks.uv_mesh import FlatMesh, flat_mesh
from tasks.uv_rims import tidied
from tasks.uv_stretch import stretch


def mesh_of(points: np.ndarray, faces: np.ndarray) -> FlatMesh:
    points, faces = np.asarray(points, np.float64), np.asarray(faces, np.int32)
    return flat_mesh(points, faces[~degenerate_faces(points, faces)])


def sheet(rows: int, columns: int, bend: float) -> FlatMesh:
    """A sheet of unit cells rolled about a cylinder through `bend` radians."""
    y, x = np.mgrid[:rows, :columns].astype(float)
    a = x / (columns - 1) * bend
    radius = (columns - 1) / bend
    points = np.stack([radius * np.sin(a), y, radius * np.cos(a)], axis=-1).reshape(-1, 3)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    halves = [[corner, corner + 1, corner + columns], [corner + 1, corner + columns + 1, corner + columns]]
    return mesh_of(points, np.concatenate([np.stack(half, axis=1) for half in halves]))


def covered_twice(flat: np.ndarray, chart: np.ndarray, cells: int = 96) -> int:
    """Cell centres that lie strictly inside two faces of one chart."""
    twice = 0
    for c in range(chart.max() + 1):
        corners = flat[chart == c]
        corners = (corners - corners.min(axis=(0, 1))) / max(np.ptp(corners, axis=(0, 1)).max(), 1e-30) * cells
        y, x = np.mgrid[:cells, :cells] + 0.5
        hits = np.zeros((cells, cells), int)
        for face in corners:
            inside = np.ones((cells, cells), bool)
            for k in range(3):
                (ax, ay), (bx, by) = face[k], face[(k + 1) % 3]
                inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 1e-6
            hits += inside
        twice += int((hits > 1).sum())
    return twice


def test_a_box_falls_into_its_sides_and_a_sheet_stays_whole() -> None:
    box = trimesh.creation.box((1, 2, 3)).subdivide().subdivide()
    mesh = mesh_of(box.vertices, box.faces)
    label = cluster(mesh, 0.25)
    assert label.max() + 1 == 6
    assert all(len(np.unique(mesh.normals[label == side].round(6), axis=0)) == 1 for side in range(6))
    assert tidied(sheet(12, 12, 1e-3), cluster(sheet(12, 12, 1e-3), 0.25)).max() == 0


def test_what_can_be_unrolled_is_not_stretched() -> None:
    mesh = sheet(10, 30, 1.8)
    flat, chart = flattened(mesh)
    found = stretch(mesh.points[mesh.faces], flat)
    assert chart.max() == 0
    assert found.l2 == pytest.approx(1.0, abs=1e-4)
    projected = stretch(mesh.points[mesh.faces], flattened(mesh, "planar")[0])
    assert projected.l2 > 1.001


def test_conformal_charts_keep_angles_better_and_rigid_ones_lengths() -> None:
    ball = trimesh.creation.icosphere(3)
    mesh = mesh_of(ball.vertices, ball.faces)
    rigid, conformal = (stretch(mesh.points[mesh.faces], flattened(mesh, kind)[0]) for kind in ("auto", "lscm"))
    assert conformal.angle < rigid.angle
    assert rigid.l2 < conformal.l2
    assert rigid.l2 < 1.01


def test_a_ramp_that_winds_over_itself_is_cut_until_nothing_overlaps() -> None:
    turn = np.linspace(0, 5 * np.pi, 240)
    inner = np.stack([np.cos(turn), np.sin(turn), 0.01 * turn], axis=1)
    outer = inner * [2, 2, 1]
    i = np.arange(len(turn) - 1)
    faces = np.concatenate([np.stack([i, i + 240, i + 1], 1), np.stack([i + 1, i + 240, i + 241], 1)])
    flat, chart = flattened(mesh_of(np.concatenate([inner, outer]), faces))
    assert 2 <= chart.max() + 1 <= 40
    assert covered_twice(flat, chart) == 0


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.0, 0.05, 0.3]), scale=st.sampled_from([1e-30, 1.0, 1e30])
)
def test_every_chart_is_connected_flat_unmirrored_and_without_overlap(seed: int, noise: float, scale: float) -> None:
    ball = trimesh.creation.icosphere(2)
    points = ball.vertices + np.random.default_rng(seed).normal(size=ball.vertices.shape) * noise
    mesh = mesh_of(points * scale, np.concatenate([ball.faces, ball.faces[:9], ball.faces[20:25, ::-1]]))
    flat, chart = flattened(mesh)
    a, b = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0).all()
    assert np.array_equal(np.unique(chart), np.arange(chart.max() + 1))
    assert covered_twice(flat, chart) == 0
    areas = np.bincount(chart, 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))
    np.testing.assert_allclose(areas, np.bincount(chart, mesh.areas), rtol=1e-6)  # one texel density


def test_both_sides_of_a_card_and_a_fin_keep_their_neighbours() -> None:
    grid = sheet(6, 6, 1e-3)
    both = mesh_of(grid.points, np.concatenate([grid.faces, grid.faces[:, ::-1]]))
    assert flattened(both)[1].max() + 1 == 2
