"""Examples say the truth about their asset: points on it, normals out, distances exact, looks of the right part."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import trimesh

from ml.alignment.captions import Caption
from ml.asset import Asset, Material, Texture, make_part
from ml.shapes.example import NEAR, THINNEST, ShapeExample, example_bytes
from tasks.procedural_examples import _is_most, category_at, drawn_asset, procedural_example
from tasks.shape_examples import SIGMAS, shape_example

CAPTIONS = ("a red box", "a red box", "box")
HALF = np.array([0.5, 1.0, 0.25])
RED, BLUE = Material(base_color=(1, 0, 0, 1), roughness=0.25), Material(base_color=(0, 0, 1, 1), metallic=1.0)


def cuboid(half: np.ndarray = HALF, material: Material = RED, **more: Any) -> Asset:
    mesh = trimesh.creation.box(2.0 * half)
    return Asset((make_part(mesh.vertices + 5.0, mesh.faces, material, **more),))


def isotropic(example: ShapeExample, points: np.ndarray) -> np.ndarray:
    return points.astype(np.float64) * example.extents


@pytest.fixture(scope="module")
def box() -> ShapeExample:
    return shape_example(cuboid(), "box", CAPTIONS, 7)


def test_distances_are_exact_and_negative_inside(box: ShapeExample) -> None:
    q = np.abs(isotropic(box, box.queries)) - HALF
    exact = np.linalg.norm(np.maximum(q, 0.0), axis=1) + np.minimum(q.max(axis=1), 0.0)
    assert (np.abs(box.distances - exact) <= np.abs(exact) * 2.0**-11 + 1e-6).all()  # half a step of float16
    assert (np.sign(box.distances) == np.sign(exact))[np.abs(exact) > 1e-4].all()
    near = np.abs(exact[:NEAR].reshape(-1))
    spread = [np.sqrt((near[k::3] ** 2).mean()) for k in range(3)]
    assert spread == pytest.approx(SIGMAS, rel=0.15)
    assert np.abs(box.queries[NEAR:]).max() > 1.0
    assert np.abs(box.queries[NEAR:]).max() <= 1.0503


def test_points_fill_the_box_and_normals_point_out(box: ShapeExample) -> None:
    assert box.extents.tolist() == pytest.approx(HALF.tolist())
    for points, normals in ((box.surface, box.surface_normals), (box.edges, box.edge_normals)):
        assert np.abs(points).max(axis=1).min() > 0.998  # one coordinate is the box's side
        assert np.abs(points).max() <= 1.0
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=2e-3)
        assert (np.einsum("ij,ij->i", isotropic(box, points), normals) > 0.0).all()
    sides = np.abs(box.surface_normals.astype(np.float64)).mean(axis=0)
    areas = np.array([HALF[1] * HALF[2], HALF[0] * HALF[2], HALF[0] * HALF[1]])
    assert sides == pytest.approx(areas / areas.sum(), abs=0.01)
    on_edges = (np.abs(box.edges) > 0.998).sum(axis=1)
    assert (on_edges >= 2).all()
    assert np.abs(box.surface[:400].astype(np.float64).mean(axis=0)).max() < 0.15  # a prefix is as fair


def test_thin_axes_do_not_fill_the_box() -> None:
    sheet = shape_example(cuboid(np.array([1.0, 0.01, 1.0])), "sheet", CAPTIONS, 1)
    assert sheet.extents.tolist() == pytest.approx([1.0, THINNEST, 1.0])
    assert np.abs(sheet.surface[:, 1]).max() == pytest.approx(0.2, abs=1e-3)


def test_looks_are_of_the_part_that_shows() -> None:
    left, right = cuboid().parts[0], cuboid(material=BLUE).parts[0]
    moved = replace(right, vertices=right.vertices + np.float32([0.7, 0, 0]))
    example = shape_example(Asset((left, moved)), "pair", CAPTIONS, 3)
    x = isotropic(example, example.surface)[:, 0] * 1.0
    bordered = 0.5 * 0.85 + 0.2 - 0.35  # between: the boxes overlap there
    red, blue = [255, 0, 0, 64, 0, 0, 0, 0], [0, 0, 255, 204, 255, 0, 0, 0]
    assert (example.surface_looks[x < -bordered] == red).all()
    assert (example.surface_looks[x > bordered] == blue).all()


def test_looks_of_maps_and_of_the_source() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[:, 0], pixels[:, 1] = (255, 0, 0), (0, 255, 0)
    mesh = trimesh.creation.box(2.0 * HALF)
    uv = (mesh.vertices[:, :2] > 0).astype(np.float32) * 0.5 + 0.25
    painted = cuboid(material=Material(base_color_texture=Texture.from_pixels(pixels)), uv=uv)
    assets = painted, replace(cuboid(material=Material()), source=painted)
    examples = [shape_example(asset, "box", CAPTIONS, 3) for asset in assets]
    assert (examples[0].pictures == examples[1].pictures).all()
    for example in examples:
        sides = np.abs(example.surface_normals[:, 0]) > 0.5
        seen = example.surface_looks[sides, :3]
        right = example.surface[sides, 0] > 0
        assert (seen[right, 1] > seen[right, 0]).all()
        assert (seen[~right, 1] < seen[~right, 0]).all()


def test_the_first_pictures_go_round_from_the_front() -> None:
    mesh = trimesh.creation.box(2.0 * np.array([0.5, 0.5, 0.5]))
    parts = []
    for k, color in enumerate([(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (1, 1, 1, 1)]):  # +Z, +X, −Z, −X
        a = np.radians(90 * k)
        shift = 0.4 * np.array([np.sin(a), 0, np.cos(a)])
        parts.append(make_part(mesh.vertices * 0.5 + shift, mesh.faces, Material(base_color=color)))
    example = shape_example(Asset(tuple(parts)), "cross", CAPTIONS, 3)
    assert example.directions[:4].tolist() == [[0, 10], [90, 10], [180, 10], [270, 10]]
    shown = example.pictures[:4, 50, 48].astype(int)
    assert (shown.argmax(axis=1)[:3] == [0, 1, 2]).all()
    assert np.ptp(shown[3]) < 5
    assert np.abs(example.directions[4:, 0]).max() <= 70
    assert example.sketches.min() < 64


def test_examples_repeat_and_differ() -> None:
    first, again, other = (procedural_example(5, index) for index in (11, 11, 12))
    assert example_bytes(first) == example_bytes(again)
    assert len(example_bytes(first)) < 250_000
    assert example_bytes(first) != example_bytes(other)
    assert first.category == category_at(5, 11)
    rounds = [category_at(5, index) for index in range(96)]
    assert len(set(rounds[:48])) == 48
    assert sorted(rounds[:48]) == sorted(rounds[48:])
    assert rounds[:48] != rounds[48:]
    assert {each.name for each in fields(ShapeExample)} >= {"tokens", "queries"}


def test_what_is_left_without_a_part_is_most_of_the_asset() -> None:
    for category, part, kept in (("table", "top", False), ("chair", "back", True), ("car", "body", False)):
        caption = Caption(category, without=part)
        asset = drawn_asset(caption, category, 5)
        assert asset is not None
        assert _is_most(asset, caption, category, 5) == kept


ABSENT = (
    "torch",
    "trimesh",
    "scipy",
    "prefect",
    "ray",
    "dask",
    "distributed",
    "duckdb",
    "pyarrow",
    "xatlas",
    "open_clip",
)


@pytest.mark.slow
def test_examples_need_little_more_than_numpy_and_the_manifold_library() -> None:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))\n"
        "from tasks.procedural_examples import procedural_example\n"
        "import tasks.shape_stream\n"
        "print(procedural_example(5, 11).category)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == category_at(5, 11)
