"""Simplification meets its budget, stays near the surface and says what it could not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, Texture, make_part
from tasks.simplify import SimplifyOptions, decimate, simplify
from tasks.topology import degenerate_faces, duplicate_faces, topology, weld


def sphere(rings: int = 24, scale: float = 1.0) -> Part:
    """A closed UV sphere of 2·rings·(2·rings − 2) faces or so, split along a UV seam."""
    v, u = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1), indexing="ij")
    u[:, -1] = 0.0
    points = np.stack([np.sin(v) * np.sin(u), np.cos(v), np.sin(v) * np.cos(u)], axis=-1)
    points[0], points[-1] = [0, 1, 0], [0, -1, 0]
    i, j = (index.reshape(-1) for index in np.mgrid[:rings, : 2 * rings])
    width = 2 * rings + 1
    a, b, c, d = i * width + j, (i + 1) * width + j, (i + 1) * width + j + 1, i * width + j + 1
    faces = np.concatenate([np.stack([a, b, c], 1)[i < rings - 1], np.stack([a, c, d], 1)[i > 0]])
    uv = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32)
    return make_part(points.reshape(-1, 3) * scale, faces, uv=uv)


def test_a_small_asset_comes_back_as_itself() -> None:
    asset = Asset((sphere(),))
    assert simplify(asset, SimplifyOptions(target_faces=asset.face_count)) is asset


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_sphere_stays_closed_round_and_in_budget(scale: float) -> None:
    part = sphere(40, scale)
    for target in (1000, 100):
        vertices, faces = decimate(part.vertices, part.faces, target)
        assert 0.9 * target <= len(faces) <= target
        found = topology(vertices, faces)
        assert found.closed
        assert found.euler == 2
        assert found.volume == pytest.approx(4.19 * scale**3, rel=0.02 if target == 1000 else 0.12)
        assert np.abs(np.linalg.norm(vertices, axis=1) / scale - 1).max() < 0.1
        assert (vertices.dtype, faces.dtype) == (np.float32, np.int32)


def test_a_small_part_keeps_the_triangles_its_size_deserves_and_the_budget_holds() -> None:
    """Parts are judged on one scale: a button a hundredth as wide shows as much of its roundness as the ball does."""
    large, small = sphere(40), replace(sphere(40, 0.01), name="button")
    done = simplify(Asset((large, small)), SimplifyOptions(target_faces=600))
    assert done.face_count <= 600
    assert 4 <= len(done.parts[1].faces) < 40
    assert done.parts[1].name == "button"
    assert done.notes["simplify"] == f"{len(large.faces) + len(small.faces)} to {done.face_count} faces"


@given(st.integers(1, 40), st.integers(4, 400))
@settings(max_examples=25, deadline=None)
def test_no_number_of_parts_rounds_the_budget_up(parts: int, target: int) -> None:
    ball = sphere(6)
    rows = tuple(replace(ball, vertices=ball.vertices + np.float32([3 * i, 0, 0])) for i in range(parts))
    done = simplify(Asset(rows), SimplifyOptions(target_faces=target))
    assert done.face_count <= max(target, 4 * parts)  # a closed body never goes below a tetrahedron
    assert ("above the target" in done.notes.get("simplify", "")) == (done.face_count > target)


def striped_sheet(size: int = 21) -> Asset:
    """A flat square sheet in two parts, cut along a staircase between two materials."""
    x, y = (index.reshape(-1) for index in np.mgrid[:size, :size])
    i = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).reshape(-1)
    quads = np.stack([i, i + size, i + size + 1, i, i + size + 1, i + 1], 1)
    points = np.stack([x, y, 0 * x], axis=1).astype(np.float32)
    red = (i // size < 8) | ((i // size < 14) & (i % size < 10))
    return Asset(tuple(make_part(points, quads[mask].reshape(-1, 3)) for mask in (red, ~red)))


def test_a_seam_between_materials_keeps_its_place_and_does_not_open() -> None:
    asset = striped_sheet()
    done = simplify(asset, SimplifyOptions(target_faces=16))
    assert done.face_count <= 16
    for before, after in zip(asset.parts, done.parts, strict=True):
        areas = [topology(*_joined(part.vertices, part.faces)).area for part in (before, after)]
        assert areas[1] == pytest.approx(areas[0], rel=1e-6)
    vertices, faces, _ = done.merged()
    found = topology(*_joined(vertices, faces))
    assert (found.components, found.euler, found.nonmanifold_edges) == (1, 1, 0)  # a disc: no hole along the seam


def test_closed_parts_that_touch_stay_closed() -> None:
    ball = sphere(16)
    beside = replace(ball, vertices=ball.vertices + np.float32([0, 2, 0]))  # pole on pole
    done = simplify(Asset((ball, beside)), SimplifyOptions(target_faces=200))
    assert all(topology(*_joined(part.vertices, part.faces)).closed for part in done.parts)


def test_lost_maps_are_kept_in_the_source() -> None:
    part = sphere()
    texture = Texture.from_pixels(np.zeros((2, 2, 4), np.uint8))
    part = replace(part, material=replace(part.material, base_color_texture=texture, roughness=0.25))
    asset = Asset((part,))
    done = simplify(asset, SimplifyOptions(target_faces=200))
    assert done.source is asset
    assert done.parts[0].uv is None
    assert done.parts[0].material.textures == ()
    assert done.parts[0].material.roughness == 0.25
    assert simplify(done, SimplifyOptions(target_faces=100)).source is asset


def test_the_same_bytes_every_time() -> None:
    part = sphere(30)
    (v1, f1), (v2, f2) = (decimate(part.vertices, part.faces, 500) for _ in range(2))
    assert v1.tobytes() == v2.tobytes()
    assert f1.tobytes() == f2.tobytes()


def test_a_missed_target_is_noted() -> None:
    """Separate cards shrink to a triangle each and never vanish, so a smaller target cannot be met."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (400, 1, 3)) + np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = (np.arange(400)[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    done = simplify(Asset((make_part(corners.reshape(-1, 3), faces),)), SimplifyOptions(target_faces=40))
    assert done.face_count == 400
    assert done.notes["simplify"] == "800 to 400 faces, above the target of 40"


@given(st.integers(3, 12), st.integers(3, 12), st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_a_torus_keeps_its_hole_at_any_target(around: int, across: int, target: int) -> None:
    i, j = (index.reshape(-1) for index in np.mgrid[:around, :across])
    u, v = 2 * np.pi * i / around, 2 * np.pi * j / across
    points = np.stack([(2 + np.cos(v)) * np.cos(u), np.sin(v), (2 + np.cos(v)) * np.sin(u)], axis=1)
    right, up = (i + 1) % around * across, (j + 1) % across
    a, b, c, d = i * across + j, right + j, right + up, i * across + up
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    vertices, left = decimate(points.astype(np.float32), faces, target)
    found = topology(vertices, left)
    assert found.closed
    assert found.euler == 0
    assert len(left) <= max(target, 40)


def test_a_flat_sheet_keeps_its_outline() -> None:
    x, y = (index.reshape(-1) for index in np.mgrid[:21, :21])
    i = (np.arange(20)[:, None] * 21 + np.arange(20)).reshape(-1)
    faces = np.concatenate([np.stack([i, i + 21, i + 22], 1), np.stack([i, i + 22, i + 1], 1)]).astype(np.int32)
    vertices, left = decimate(np.stack([x, y, 0 * x], axis=1).astype(np.float32), faces, 8)
    assert len(left) <= 8
    assert topology(vertices, left).area == pytest.approx(400.0, rel=1e-6)
    assert {(0.0, 0.0), (0.0, 20.0), (20.0, 0.0), (20.0, 20.0)} <= {
        (round(float(p[0]), 3), round(float(p[1]), 3)) for p in vertices
    }


def _joined(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices, joined, _ = weld(points, faces)
    joined = joined[~degenerate_faces(vertices, joined)]
    return vertices, joined[~duplicate_faces(joined)]


@given(st.integers(0, 2**32 - 1), st.integers(0, 120), st.integers(1, 60), st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=80, deadline=None)
def test_any_soup_gets_finite_faces_in_range(seed: int, count: int, target: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    points = (rng.integers(0, 4, (20, 3)) * [1.0, 1.0, rng.choice([0.0, 1e-7, 1.0])] * scale).astype(np.float32)
    soup = rng.integers(0, 20, (count, 3)).astype(np.int32)
    vertices, faces = decimate(points, soup, target)
    assert len(faces) <= count
    assert np.isfinite(vertices).all()
    assert faces.size == 0 or (faces.min() >= 0 and faces.max() < len(vertices))
    before, after = topology(*_joined(points, soup)), topology(*weld(vertices, faces)[:2])
    assert after.duplicate_faces == 0
    assert after.nonmanifold_edges <= before.nonmanifold_edges
    assert after.closed or not before.closed


def checkered(seed: int) -> Part:
    """A bumpy sheet of two UV charts side by side, with colours and normals; UVs are the position in each chart."""
    rng = np.random.default_rng(seed)
    x, y = (index.reshape(-1) for index in np.mgrid[:25, :25])
    points = np.stack([x, y, 1.5 * np.sin(x / 5.0) * np.cos(y / 4.0) + rng.uniform(0, 0.05, len(x))], axis=1)
    i = (np.arange(24)[:, None] * 25 + np.arange(24)).reshape(-1)
    faces = np.concatenate([np.stack([i, i + 25, i + 26], 1), np.stack([i, i + 26, i + 1], 1)])
    right = points[faces][:, :, 0].mean(axis=1) > 12 + rng.integers(-3, 4)
    vertex, inverse = np.unique(faces + 625 * right[:, None], return_inverse=True)
    flat = points[vertex % 625]
    uv = (flat[:, :2] / 60 + np.where(vertex >= 625, 0.5, 0.0)[:, None]).astype(np.float32)
    colors = np.repeat((flat[:, :1] * 10).astype(np.uint8), 4, axis=1)
    normals = np.tile(np.float32([0, 0, 1]), (len(flat), 1))
    return make_part(flat, inverse.reshape(-1, 3), uv=uv, colors=colors, normals=normals)


@given(st.integers(0, 2**32 - 1), st.integers(100, 700))
@settings(max_examples=25, deadline=None)
def test_kept_uvs_stay_in_their_chart_and_on_their_place(seed: int, target: int) -> None:
    part = checkered(seed)
    done = simplify(Asset((part,)), SimplifyOptions(target, attributes="keep")).parts[0]
    assert done.uv is not None
    assert done.colors is not None
    assert done.normals is not None
    assert len(done.faces) <= target
    corners = done.uv[done.faces]
    beyond = corners[:, :, 0] > 0.49
    assert (beyond == beyond[:, :1]).all()
    drawn = (done.uv - np.where(done.uv[:, :1] > 0.49, 0.5, 0.0)) * 60
    used = np.unique(done.faces)
    off = np.linalg.norm(drawn - done.vertices[:, :2], axis=1)[used]  # the sheet's edges were 1 long, now 1.3 to 3.4
    assert off.mean() < 0.05
    assert off.max() < 1.0
    assert np.abs(done.colors[used, 0] / 10 - done.vertices[used, 0]).mean() < 0.1
    assert np.allclose(np.linalg.norm(done.normals, axis=1), 1.0, atol=1e-5)
    before, after = (topology(*_joined(p.vertices, p.faces)) for p in (part, done))
    assert after.nonmanifold_edges == 0
    assert (after.components, after.euler) == (before.components, before.euler)


def test_kept_parts_keep_their_material_and_parts_without_uvs_stay_without() -> None:
    textured = replace(checkered(1), material=replace(checkered(1).material, base_color_texture=Texture(b"")))
    plain = sphere(24)
    plain = replace(plain, uv=None, vertices=plain.vertices + np.float32([100, 0, 0]))
    done = simplify(Asset((textured, plain)), SimplifyOptions(600, attributes="keep"))
    assert done.parts[0].material is textured.material
    assert done.parts[1].uv is None
    assert done.face_count <= 600


@pytest.mark.parametrize("share", [0.001, 0.01])
def test_the_error_limit_stops_early_and_holds(share: float) -> None:
    part = sphere(60)
    done = simplify(Asset((part,)), SimplifyOptions(4, max_error=share)).parts[0]
    radius = np.linalg.norm(done.vertices[done.faces].mean(axis=1), axis=1)
    diagonal = 2.0 * 3.0**0.5
    assert 100 < len(done.faces) < 0.5 * len(part.faces)
    assert np.abs(radius - 1.0).max() < 2.0 * share * diagonal


def test_hard_edges_keep_their_line() -> None:
    x, y = (index.reshape(-1) for index in np.mgrid[:21, :21])
    points = np.stack([x, y, 0.6 * np.abs(x - 10.0) + 0.3 * np.sin(x) * np.sin(y / 2.0)], axis=1)
    i = (np.arange(20)[:, None] * 21 + np.arange(20)).reshape(-1)
    faces = np.concatenate([np.stack([i, i + 21, i + 22], 1), np.stack([i, i + 22, i + 1], 1)])
    asset = Asset((make_part(points, faces),))
    off = []
    for angle in (0.0, 45.0):
        done = simplify(asset, SimplifyOptions(60, hard_edges=angle)).parts[0]
        ridge = done.vertices[np.abs(done.vertices[:, 0] - 10.0) < 1.0]
        off.append(float(np.abs(ridge[:, 0] - 10.0).max()))
    assert off[1] < 0.05
    assert off[0] > off[1]


def test_the_order_of_the_vertices_hardly_matters() -> None:
    """Meshes whose vertices come in no order are renumbered along a curve: the same shape."""
    rings = 80
    part = sphere(rings)
    order = np.random.default_rng(0).permutation(len(part.vertices))
    rank = np.argsort(order).astype(np.int32)
    vertices, faces = decimate(part.vertices[order], rank[part.faces], 800)
    assert topology(vertices, faces).closed
    assert topology(vertices, faces).volume == pytest.approx(4.19, rel=0.02)


@pytest.mark.parametrize("keep", ["drop", "keep"])
def test_an_asset_without_area_is_refused(keep: str) -> None:
    flat = make_part(np.zeros((30, 3)), np.arange(30).reshape(-1, 3))
    with pytest.raises(InputError) as caught:
        simplify(Asset((flat,)), SimplifyOptions(4, attributes=keep))
    assert caught.value.code == "mesh.no-faces"


def test_lightmap_coordinates_ride_along_like_the_others() -> None:
    part = sphere(30)
    lit = replace(part, uv1=part.uv[:, ::-1].copy())
    done = simplify(Asset((lit,)), SimplifyOptions(target_faces=600, attributes="keep")).parts[0]
    assert np.allclose(done.uv1, done.uv[:, ::-1], atol=1e-6)
