"""Whatever goes in, a closed outward manifold close to it comes out, or a coded error."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.watertight as module
from ml.asset import Asset, InputError, Material, Part, make_part
from ml.block_surface import MARGIN, Blocks, isosurface
from ml.marching_cubes import EDGES, case_table
from tasks.holes import hole_fans
from tasks.topology import topology, weld
from tasks.watertight import WatertightOptions, remesh, watertight

BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)
SMALL = WatertightOptions(resolution=64, when="always")


def box(faces: np.ndarray = BOX_FACES, material: Material | None = None) -> Part:
    return make_part(BOX, faces, material)


def test_case_table_gives_closed_fans() -> None:
    """Every crossed edge carries a vertex, and no side runs twice in the same direction inside a cell."""
    table, counts, _ = case_table()
    assert counts[0] == counts[255] == 0
    for case in range(256):
        crossed = {e for e, (a, b) in enumerate(EDGES) if (case >> a & 1) != (case >> b & 1)}
        triangles = table[case, : 3 * counts[case]].reshape(-1, 3)
        assert set(triangles.reshape(-1).tolist()) == crossed
        sides = {(int(t[i]), int(t[(i + 1) % 3])) for t in triangles for i in range(3)}
        assert len(sides) == triangles.size


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_any_set_of_grid_points_has_a_closed_surface(seed: int, share: float) -> None:
    """Random solids meet every ambiguous pair of neighbouring cells that real distances avoid."""
    solid = np.zeros((16, 16, 16), np.bool_)
    solid[1:-1, 1:-1, 1:-1] = np.random.default_rng(seed).random((14, 14, 14)) < share
    cells = solid.reshape(2, 8, 2, 8, 2, 8).transpose(0, 2, 4, 1, 3, 5).reshape(8, 8, 64)
    exterior = (~cells * (np.uint64(1) << np.arange(64, dtype=np.uint64))).sum(axis=2, dtype=np.uint64)
    distance = np.where(cells, 0.0, 2.0).reshape(8, 512).astype(np.float32)
    every = np.arange(8, dtype=np.int32)
    surface = isosurface(Blocks((2, 2, 2), every, every, distance), exterior, np.zeros(8, np.uint8), 1.0)
    found = topology(surface.vertices, surface.faces)
    assert found.closed
    assert found.volume > 0


def test_shell_vertices_keep_off_the_grid_points_and_faithful_ones_turn_no_triangle() -> None:
    points = np.random.default_rng(3).uniform(0, 1, (30, 3))
    faces = np.arange(30, dtype=np.int32).reshape(-1, 3)
    shell = remesh(points, faces, 64, faithful=False)
    low, extent = points.min(axis=0), float(np.ptp(points, axis=0).max())
    local = (shell.vertices - low) * 56 / extent
    along = np.abs(local - np.round(local)).max(axis=1)
    assert along.min() > MARGIN - 1e-4
    faithful = remesh(points, faces, 64, faithful=True)
    same = faithful.faces
    assert np.array_equal(same, shell.faces)
    before, after = (
        np.cross(v[same[:, 1]] - v[same[:, 0]], v[same[:, 2]] - v[same[:, 0]])
        for v in (shell.vertices.astype(np.float64), faithful.vertices.astype(np.float64))
    )
    assert (np.einsum("ij,ij->i", before, after) > 0).all()


def test_a_closed_mesh_is_left_alone_unless_asked() -> None:
    asset = Asset((box(),))
    left = watertight(asset)
    assert left.parts is asset.parts
    assert left.source is None
    assert "already closed" in left.notes["watertight"]
    assert watertight(asset, SMALL).face_count > 1000


@pytest.mark.parametrize("mode", ["shell", "faithful"])
def test_an_open_box_of_two_parts_becomes_one_solid(mode: Literal["shell", "faithful"]) -> None:
    red = Material(name="red", base_color=(1.0, 0.0, 0.0, 1.0))
    asset = Asset((box(BOX_FACES[:3]), box(BOX_FACES[3:11, ::-1], red)))  # flipped, and one triangle is missing
    done = watertight(asset, WatertightOptions(resolution=64, mode=mode, fill_holes=1.0))
    assert done.source is asset
    assert len(done.parts) == 1
    assert done.parts[0].material.name == "red"
    found = topology(done.parts[0].vertices, done.parts[0].faces)
    assert found.closed
    assert (found.components, found.euler) == (1, 2)
    offset = 0.05 if mode == "faithful" else 1.0
    assert found.volume == pytest.approx((1 + 2 * offset * module.THICKNESS / 56) ** 3, rel=0.005)
    assert "1 holes filled" in done.notes["watertight"]


def test_an_unfilled_hole_leaves_thin_walls_and_says_so() -> None:
    done = watertight(Asset((box(BOX_FACES[1:]),)), replace(SMALL, fill_holes=0.0))
    assert topology(done.parts[0].vertices, done.parts[0].faces).volume < 0.1
    assert "thin walls" in done.notes["watertight"]


def test_faithful_vertices_lie_near_the_surface() -> None:
    """On a box the nearest surface is exact arithmetic: nineteen twentieths of the offset are taken back."""
    vertices = remesh(BOX.astype(np.float64), BOX_FACES, 128, faithful=True).vertices
    outside = np.linalg.norm(np.maximum(np.abs(vertices - 0.5) - 0.5, 0.0), axis=1)
    voxel = 1.0 / 120
    assert outside.max() < 0.1 * voxel
    assert outside.mean() == pytest.approx(0.05 * module.THICKNESS * voxel, rel=0.1)


def test_separate_bodies_stay_and_bodies_within_others_merge_with_them() -> None:
    inner, apart = make_part(BOX * 0.5 + 0.25, BOX_FACES), make_part(BOX * 0.2 + [2, 0, 0], BOX_FACES)
    done = watertight(Asset((box(), inner, apart)), SMALL)
    found = topology(done.parts[0].vertices, done.parts[0].faces)
    assert found.components == 2
    grown = 2 * 0.05 * module.THICKNESS * 2.2 / 56
    assert found.volume == pytest.approx((1 + grown) ** 3 + (0.2 + grown) ** 3, rel=0.005)


def hollow(inner: float) -> Asset:
    """A box with a box-shaped cavity in it, wound as solids are: the cavity's walls look into it."""
    walls = make_part((BOX - 0.5) * inner + 0.5, BOX_FACES[:, ::-1])
    return Asset((box(), walls))


@pytest.mark.parametrize("inner", [0.5, 0.95])  # the second is a double shell whose walls are 1.4 voxels apart
def test_cavities_are_reported_and_kept_or_filled(inner: float) -> None:
    kept = watertight(hollow(inner), SMALL)
    assert kept.metrics["watertight.cavities"] == 1
    assert kept.metrics["watertight.cavity_m3"] == pytest.approx(inner**3, rel=0.2)
    assert "1 cavities kept" in kept.notes["watertight"]
    found = topology(kept.parts[0].vertices, kept.parts[0].faces)
    assert found.closed
    assert (found.components, found.euler) == (2, 4)
    assert found.volume == pytest.approx(1 - inner**3, abs=0.03)
    filled = watertight(hollow(inner), replace(SMALL, remove_interior=True, when="needed"))
    assert filled.metrics["watertight.cavities"] == 1
    found = topology(filled.parts[0].vertices, filled.parts[0].faces)
    assert (found.components, found.euler) == (1, 2)
    assert found.volume == pytest.approx(1, abs=0.03)


def test_what_is_wound_wrongly_is_no_cavity() -> None:
    rng = np.random.default_rng(0)
    flips = [np.ones(12, np.bool_), rng.random(12) < 0.5, np.arange(12) < 6]
    for flip in flips:
        mixed = np.where(flip[:, None], BOX_FACES[:, ::-1], BOX_FACES)
        for soup in (box(mixed), make_part(BOX[mixed].reshape(-1, 3), np.arange(36).reshape(-1, 3))):
            done = watertight(Asset((soup,)), SMALL)
            assert done.metrics["watertight.cavities"] == 0
            assert topology(done.parts[0].vertices, done.parts[0].faces).volume > 0.9


def test_hidden_faces_are_reported() -> None:
    inside = make_part(BOX * 0.5 + 0.25, BOX_FACES)
    assert watertight(Asset((box(),)), SMALL).metrics["watertight.hidden"] == 0
    done = watertight(Asset((box(), inside)), SMALL)
    assert done.metrics["watertight.hidden"] == pytest.approx(0.2, abs=0.01)
    assert "20% of the surface was inside" in done.notes["watertight"]


def test_small_bodies_are_dropped_only_when_asked() -> None:
    asset = Asset((box(), *(make_part(BOX * 0.2 + [2 + k, 0, 0], BOX_FACES) for k in range(3))))
    assert watertight(asset, SMALL).metrics["watertight.components"] == 4
    done = watertight(asset, replace(SMALL, min_component=0.3))
    assert (done.metrics["watertight.components"], done.metrics["watertight.dropped"]) == (1, 3)
    assert "3 small ones dropped" in done.notes["watertight"]
    found = topology(done.parts[0].vertices, done.parts[0].faces)
    assert found.closed
    assert done.vertex_count == len(np.unique(done.parts[0].faces))
    assert watertight(asset, replace(SMALL, min_component=1.0)).metrics["watertight.components"] == 1


def test_a_sheet_becomes_a_thin_plate() -> None:
    done = watertight(Asset((make_part(BOX, [[0, 1, 3], [0, 3, 2]]),)), WatertightOptions(resolution=64))
    found = topology(done.parts[0].vertices, done.parts[0].faces)
    assert found.closed
    assert (found.components, found.euler) == (1, 2)


def test_large_triangle_soups_fall_back_to_coarser_grids_or_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(600, 3))
    faces = np.arange(600, dtype=np.int32).reshape(-1, 3)
    monkeypatch.setattr(module, "MAX_PAIRS", 20_000)
    assert remesh(points, faces, 256, faithful=False).resolution == 128
    monkeypatch.setattr(module, "MAX_PAIRS", 100)
    with pytest.raises(InputError) as caught:
        remesh(points, faces, 256, faithful=False)
    assert caught.value.code == "watertight.too-dense"


def test_nothing_and_a_point_are_refused() -> None:
    for faces in (np.zeros((0, 3), np.int32), np.array([[0, 0, 0]])):
        with pytest.raises(InputError) as caught:
            watertight(Asset((make_part(BOX, faces),)), SMALL)
        assert caught.value.code == "mesh.no-faces"


def test_only_small_holes_are_filled() -> None:
    points, faces, holes = hole_fans(BOX.astype(np.float64), BOX_FACES[1:], 1.5)
    assert holes == 1
    assert topology(points, faces).closed
    assert hole_fans(BOX.astype(np.float64), BOX_FACES[1:], 1.0)[2] == 0
    assert hole_fans(BOX.astype(np.float64), BOX_FACES[:1], 9.0)[2] == 0


def test_the_same_bytes_every_time() -> None:
    first, second = (watertight(Asset((box(BOX_FACES[2:]),)), SMALL).parts[0] for _ in range(2))
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert first.faces.tobytes() == second.faces.tobytes()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.sampled_from([1e-6, 1.0, 1e6]),
    st.sampled_from([0.0, 1e-7, 1e-3, 1.0]),
    st.sampled_from(["shell", "faithful"]),
)
@settings(max_examples=40, deadline=None)
def test_any_soup_comes_out_closed(
    seed: int, count: int, scale: float, squash: float, mode: Literal["shell", "faithful"]
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 5, (20, 3)) + rng.normal(0, rng.choice([0.0, 0.3]), (20, 3))
    faces = rng.integers(0, 20, (count, 3))
    asset = Asset((make_part(points * [scale, scale * squash, scale], np.concatenate([faces, faces[:3, ::-1]])),))
    if not np.ptp(asset.bounds(), axis=0).any():
        with pytest.raises(InputError, match="in one point"):
            watertight(asset, SMALL)
        return
    part = watertight(asset, replace(SMALL, mode=mode)).parts[0]
    found = topology(part.vertices, part.faces)
    assert found.closed
    assert found.volume > 0
    points, welded, _ = weld(part.vertices, part.faces)
    assert topology(points, welded).closed  # no two vertices fell together
