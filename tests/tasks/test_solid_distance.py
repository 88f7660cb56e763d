"""Distances to a solid are those of tasks.signed_distance, which asks the winding number every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.signed_distance import build_distance_field, signed_distance
from tasks.solid_distance import solid_distance

SHAPES = {
    "ball": trimesh.creation.icosphere(2),
    "box": trimesh.creation.box((2.0, 0.02, 1.0)),
    "ring": trimesh.creation.torus(0.8, 0.15, major_sections=24, minor_sections=8),
    "hollow": trimesh.util.concatenate(
        [trimesh.creation.icosphere(2), trimesh.creation.icosphere(1, 0.6).copy()]  # the inner one is inverted below
    ),
}
SHAPES["hollow"].faces[320:] = SHAPES["hollow"].faces[320:, ::-1]


@pytest.mark.parametrize("name", SHAPES)
@given(seed=st.integers(0, 2**32), spread=st.sampled_from([1e-3, 0.05, 1.0]), scale=st.sampled_from([1e-3, 1.0, 1e3]))
@settings(max_examples=15, deadline=None)
def test_signs_and_distances_agree(name: str, seed: int, spread: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    mesh: Any = SHAPES[name]
    vertices, faces = np.asarray(mesh.vertices) * scale, np.asarray(mesh.faces, np.int32)
    weights = random.dirichlet((0.3, 0.3, 0.3), 600)  # near corners and edges as well as within faces
    base = np.einsum("ij,ijk->ik", weights, vertices[faces[random.integers(len(faces), size=600)]])
    queries = base + random.standard_normal((600, 3)) * spread * scale
    wanted = signed_distance(build_distance_field(vertices, faces), queries).distance
    found = solid_distance(vertices, faces, queries)
    assert np.abs(found) == pytest.approx(np.abs(wanted), abs=1e-12 * scale)
    clear = np.abs(wanted) > 1e-9 * scale
    assert (np.sign(found) == np.sign(wanted))[clear].all()
