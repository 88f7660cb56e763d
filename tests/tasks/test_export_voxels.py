"""Sparse voxels are exactly those the surface touches, with the colour of the surface there."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, make_part
from tasks.export_voxels import VoxelsOptions, export_voxels
from tasks.sampling import uniform_samples
from tasks.surface_voxels import surface_voxels
from tests.tasks.export_assets import ball, painted

BALL = trimesh.creation.icosphere(3)


def product(asset: Asset, **options: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    (file,) = export_voxels(asset, "x", VoxelsOptions(**options))
    arrays = dict(np.load(io.BytesIO(file.data)))
    return arrays, json.loads(str(arrays.pop("meta")))


def touches(triangle: np.ndarray, cell: np.ndarray, slack: float) -> bool:
    """Separating axes of a triangle and a unit cube (Akenine-Möller 2001), the cube grown by `slack`."""
    local, edges = triangle - cell - 0.5, np.roll(triangle, -1, axis=0) - triangle
    axes = [*np.eye(3), np.cross(edges[0], edges[1]), *(np.cross(e, a) for e in edges for a in np.eye(3))]
    for axis in axes:
        reach, along = (0.5 + slack) * np.abs(axis).sum(), local @ axis
        if along.min() > reach or along.max() < -reach:
            return False
    return True


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 3.0, 12.0]))
@example(20869214, 12.0)  # a segment
@settings(max_examples=12, deadline=None)
def test_a_triangle_touches_what_separating_axes_say(seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    triangle = np.clip(random.uniform(2, 7, 3) + size * random.normal(size=(3, 3)), 0, 9)
    coords, owner = surface_voxels(triangle, np.array([[0, 1, 2]], np.int32), 9)
    found = {tuple(c) for c in coords.tolist()}
    if not np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0]).any():
        assert not found  # two corners were clipped to one
        return
    every = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    sure = {tuple(c) for c in every.tolist() if touches(triangle, np.array(c), -1e-6)}
    may = {tuple(c) for c in every.tolist() if touches(triangle, np.array(c), 1e-6)}
    assert sure <= found <= may
    assert not owner.any()


@given(st.sampled_from([64, 100, 256]), st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_every_surface_point_lies_in_a_voxel_and_no_voxel_is_far(resolution: int, seed: int) -> None:
    asset = Asset((make_part(BALL.vertices * [3, 2, 1] + 4, BALL.faces),))
    arrays, meta = product(asset, resolution=resolution)
    frame = meta["frame"]
    vertices, faces, _ = asset.merged()
    metres = uniform_samples(vertices, faces, 5_000, seed).points
    cells = np.floor(((metres - frame["centre"]) * frame["scale"] + 0.5) * resolution - 1e-4).astype(int)
    held = {tuple(c) for c in arrays["coords"].tolist()}
    assert np.mean([tuple(c) in held for c in np.clip(cells, 0, resolution - 1).tolist()]) > 0.999
    middle = ((arrays["coords"] + 0.5) / resolution - 0.5) / [1.0, 2 / 3, 1 / 3] * 2
    assert np.abs(np.linalg.norm(middle, axis=1) - 1.0).max() < 8.0 / resolution + 0.02
    assert arrays["coords"].max(axis=0)[0] == resolution - 1


def test_colors_are_those_of_the_surface() -> None:
    red = make_part(BALL.vertices, BALL.faces, Material(base_color=(1, 0, 0, 1)))
    blue = make_part(BALL.vertices + np.array([3.0, 0, 0]), BALL.faces, Material(base_color=(0, 0, 1, 1)))
    arrays, _ = product(Asset((red, blue)))
    left = arrays["coords"][:, 0] < 32
    assert (arrays["colors"][left] == [255, 0, 0]).all()
    assert (arrays["colors"][~left] == [0, 0, 255]).all()
    source = Asset((ball(painted(), level=2),))
    again, _ = product(Asset((make_part(BALL.vertices, BALL.faces),), source=source))
    assert len(np.unique(again["colors"], axis=0)) > 20


def test_flat_inverted_and_tiny_meshes_get_an_answer() -> None:
    quad = make_part([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 3, 2], [1, 1, 2]])
    arrays, _ = product(Asset((quad,)))
    assert len(arrays["coords"]) == 2 * 64 * 64  # it lies on a border: both sides
    for scale in (1e-30, 1e30):
        tiny, _ = product(Asset((make_part(BALL.vertices * scale, BALL.faces),)))
        plain, _ = product(Asset((make_part(BALL.vertices, BALL.faces),)))
        assert len(tiny["coords"]) == pytest.approx(len(plain["coords"]), rel=0.01)


def test_what_cannot_be_is_refused() -> None:
    for vertices, code, options in (
        (np.zeros((3, 3)), "mesh.no-area", {}),
        (np.eye(3), "voxels.too-many", {"most": 10}),
    ):
        with pytest.raises(InputError) as caught:
            product(Asset((make_part(vertices, [[0, 1, 2]]),)), **options)
        assert caught.value.code == code
    random = np.random.default_rng(0)
    soup = make_part(random.random((3000, 3)), random.integers(0, 3000, (20_000, 3)))
    with pytest.raises(InputError) as caught:
        product(Asset((soup,)), resolution=1024)
    assert caught.value.code == "voxels.too-dense"
