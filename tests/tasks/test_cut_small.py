"""Cut faces are small, lie where they lay, and carry what their places carried."""

import numpy as np
import pytest
import trimesh

from ml.asset import make_part
from tasks.cut_small import cut_small
from tasks.topology import topology


def test_chosen_faces_become_small_and_the_surface_stays() -> None:
    mesh = trimesh.creation.box((2, 1, 1))
    uv = mesh.vertices[:, :2].astype(np.float32) * 3
    colors = np.rint(np.column_stack([mesh.vertices * 50 + 100, np.full(8, 255)])).astype(np.uint8)
    part = make_part(mesh.vertices, mesh.faces, uv=uv, colors=colors)
    chosen = mesh.triangles_center[:, 0] > 0.1
    rest, cut = cut_small(part, chosen, 0.1)
    np.testing.assert_array_equal(rest.faces, part.faces[~chosen])
    corners = cut.vertices[cut.faces]
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() <= 0.1
    assert topology(cut.vertices, cut.faces).area == pytest.approx(float(mesh.area_faces[chosen].sum()))
    np.testing.assert_allclose(cut.uv, cut.vertices[:, :2] * 3, atol=1e-5)
    assert cut.colors is not None
    assert np.abs(cut.colors[:, :3] - (cut.vertices * 50 + 100)).max() <= 1


def test_nothing_chosen_and_nothing_large_changes_nothing() -> None:
    mesh = trimesh.creation.box((1, 1, 1))
    part = make_part(mesh.vertices, mesh.faces)
    rest, cut = cut_small(part, np.zeros(12, bool), 0.1)
    assert (len(rest.faces), len(cut.faces)) == (12, 0)
    rest, cut = cut_small(part, np.ones(12, bool), 9.0)
    np.testing.assert_allclose(cut.vertices[cut.faces], part.vertices[part.faces])
