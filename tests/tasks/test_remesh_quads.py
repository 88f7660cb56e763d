"""Quad-dominant remeshing: pairs of triangles that are quads, closed stays closed, the same every time."""

import importlib.util

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from ml.asset import Asset, make_part
from tasks.fidelity import surface_distances
from tasks.remesh_quads import RemeshQuadsOptions, closed_again, cut_fans, cut_quads, remesh_quads
from tasks.topology import topology

installed = pytest.mark.skipif(importlib.util.find_spec("pyinstantmeshes") is None, reason="no pyinstantmeshes")


@given(st.integers(0, 3), st.booleans())
def test_a_quad_is_cut_along_its_shorter_diagonal(start: int, mirrored: bool) -> None:
    points = np.array([[0, 0, 0], [4, 0, 0], [5, 1, 0], [1, 1, 0]], dtype=np.float64)
    quad = np.roll([0, 1, 2, 3][:: -1 if mirrored else 1], start).tolist()
    first, second = cut_quads(points, [quad]).tolist()
    assert set(first) & set(second) == {1, 3}
    normals = np.cross(
        points[[first[1], second[1]]] - points[[first[0], second[0]]],
        points[[first[2], second[2]]] - points[[first[0], second[0]]],
    )[:, 2]
    assert (normals < 0).all() if mirrored else (normals > 0).all()


def test_polygons_become_fans() -> None:
    assert cut_fans([[4, 5, 6], [0, 1, 2, 3, 7]]).tolist() == [[4, 5, 6], [0, 1, 2], [0, 2, 3], [0, 3, 7]]
    assert cut_fans([]).shape == (0, 3)


def test_a_third_face_on_an_edge_goes_and_holes_are_filled() -> None:
    i, j = (grid.ravel() for grid in np.meshgrid(np.arange(20), np.arange(12), indexing="ij"))
    around, tube = 2 * np.pi * i / 20, 2 * np.pi * j / 12
    points = np.stack([(2 + np.cos(tube)) * np.cos(around), (2 + np.cos(tube)) * np.sin(around), np.sin(tube)], axis=1)
    right, up = (i + 1) % 20, (j + 1) % 12
    quads = np.stack([12 * i + j, 12 * right + j, 12 * right + up, 12 * i + up], axis=1).tolist()
    whole = cut_quads(points, quads)
    fin = np.array([[*quads[50][:2], 200]], np.int32)  # a third face on one edge
    points, pairs, rest = closed_again(points, cut_quads(points, quads[1:]), fin)  # and a quad that is missing
    assert len(pairs) == len(whole) - 2 * 3  # the quads on both sides of the fin went with it
    assert {tuple(face) for face in pairs.tolist()} <= {tuple(face) for face in whole.tolist()}
    found = topology(points, np.concatenate([pairs, rest]))
    assert found.closed
    assert found.volume == pytest.approx(topology(points, whole).volume, rel=0.01)


@pytest.mark.slow
@installed
@pytest.mark.parametrize("shape", ["sphere", "torus", "box"])
def test_mostly_quads_that_stay_closed_and_near(shape: str) -> None:
    mesh = {
        "sphere": lambda: trimesh.creation.icosphere(3),
        "torus": lambda: trimesh.creation.torus(1.0, 0.4),
        "box": lambda: trimesh.creation.box(),
    }[shape]()
    asset = Asset((make_part(mesh.vertices, mesh.faces),))
    made = remesh_quads(asset, RemeshQuadsOptions(1500))
    part = made.parts[0]
    quads = int(made.notes["remesh_quads"].split("those of ")[1].split(" quads")[0])
    assert 0.5 * 1500 < quads < 2 * 1500
    assert 2 * quads > 0.9 * len(part.faces)
    pairs = part.faces[: 2 * quads].reshape(-1, 2, 3)
    assert all(len(set(first) & set(second)) == 2 for first, second in pairs.tolist())
    found = topology(part.vertices, part.faces)
    assert found.closed
    assert found.volume == pytest.approx(mesh.volume, rel=0.05)
    apart = surface_distances((mesh.vertices, mesh.faces.astype(np.int32)), (part.vertices, part.faces), 3000)
    assert apart.percent(apart.hausdorff) < 2.5
    again = remesh_quads(asset, RemeshQuadsOptions(1500)).parts[0]
    assert np.array_equal(again.vertices, part.vertices)
    assert np.array_equal(again.faces, part.faces)
