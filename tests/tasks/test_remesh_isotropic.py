"""Isotropic remeshing with the real tool: edges as long as asked, closed stays closed, nothing moves far."""

import importlib.util

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, make_part
from tasks.fidelity import surface_distances
from tasks.remesh_isotropic import RemeshIsotropicOptions, mean_edge, remesh_isotropic
from tasks.topology import topology

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pymeshlab") is None, reason="pymeshlab is not installed")


def asset_of(mesh: trimesh.Trimesh, **material: float) -> Asset:
    return Asset((make_part(mesh.vertices, mesh.faces, Material(**material)),))


@pytest.mark.parametrize("edge", [0.02, 0.05])
def test_a_sphere_gets_even_triangles_of_the_length_asked_for(edge: float) -> None:
    asset = asset_of(trimesh.creation.icosphere(3, 0.5), roughness=0.25)
    made = remesh_isotropic(asset, RemeshIsotropicOptions(edge))
    part = made.parts[0]
    points = part.vertices.astype(np.float64)
    asked = edge * float(np.linalg.norm(np.ptp(asset.parts[0].vertices, axis=0)))
    assert 0.8 < mean_edge(points, part.faces) / asked < 1.2
    lengths = np.linalg.norm(points[part.faces] - points[np.roll(part.faces, -1, axis=1)], axis=2)
    assert np.std(lengths) / np.mean(lengths) < 0.25  # an icosphere's own spread, after rounds on random lengths
    assert topology(points, part.faces).closed
    apart = surface_distances((asset.parts[0].vertices, asset.parts[0].faces), (points, part.faces), 5000)
    assert apart.percent(apart.hausdorff) < 1.0
    assert part.material.roughness == 0.25
    assert made.source is asset
    assert "mean edge" in made.notes["remesh_isotropic"]


def test_a_box_keeps_its_corners() -> None:
    made = remesh_isotropic(asset_of(trimesh.creation.box()), RemeshIsotropicOptions(0.06))
    points = made.parts[0].vertices.astype(np.float64)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    assert np.linalg.norm(points[:, None] - corners, axis=2).min(axis=0).max() < 1e-4
    assert topology(points, made.parts[0].faces).volume == pytest.approx(1.0, rel=1e-3)


def test_degenerate_and_duplicate_faces_do_not_reach_the_tool() -> None:
    mesh = trimesh.creation.icosphere(2)
    faces = np.concatenate([mesh.faces, mesh.faces[:5], [[0, 0, 1], [3, 3, 3]]])
    made = remesh_isotropic(Asset((make_part(mesh.vertices, faces),)), RemeshIsotropicOptions(0.05))
    assert topology(made.parts[0].vertices, made.parts[0].faces).closed


def test_far_too_fine_is_refused_before_it_runs() -> None:
    flat = trimesh.creation.box((1.0, 1.0, 1e-3))
    soup = np.concatenate([flat.vertices + np.float64([0, 0, 0.01 * i]) for i in range(60)])
    faces = np.concatenate([flat.faces + len(flat.vertices) * i for i in range(60)])
    with pytest.raises(InputError) as caught:
        remesh_isotropic(Asset((make_part(soup, faces),)), RemeshIsotropicOptions(0.001))
    assert caught.value.code == "remesh.too-dense"


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scale_does_not_matter(scale: float) -> None:
    mesh = trimesh.creation.icosphere(2, scale)
    made = remesh_isotropic(asset_of(mesh), RemeshIsotropicOptions(0.08, iterations=3))
    assert 0.9 * scale < np.linalg.norm(made.parts[0].vertices.astype(np.float64), axis=1).max() < 1.1 * scale
