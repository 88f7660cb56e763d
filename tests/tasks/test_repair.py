"""The ladder stops at the lightest rung that works, keeps what it need not touch, and says what it did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, make_part
from tasks.holes import fill_holes
from tasks.repair import RepairOptions, repair
from tasks.self_intersections import self_intersections
from tasks.topology import Topology, degenerate_faces, topology, weld

LIGHT = RepairOptions(remesh=False, fill_holes=0.5)
COARSE = RepairOptions(resolution=64)


def torus(along: int = 24, around: int = 12) -> tuple[np.ndarray, np.ndarray]:
    t, s = np.meshgrid(np.arange(along) * 2 * np.pi / along, np.arange(around) * 2 * np.pi / around, indexing="ij")
    reach = 1 + 0.3 * np.cos(s)
    points = np.stack([reach * np.cos(t), 0.3 * np.sin(s), reach * np.sin(t)], axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(along), np.arange(around), indexing="ij")
    a, b = (i * around + j).ravel(), (i * around + (j + 1) % around).ravel()
    c, d = ((i + 1) % along * around + j).ravel(), ((i + 1) % along * around + (j + 1) % around).ravel()
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)


POINTS, FACES = torus()


def measured(asset: Asset) -> Topology:
    points, faces, _ = asset.merged()
    points, faces, _ = weld(points, faces)
    return topology(points, faces)


def mended(part: Part, options: RepairOptions = LIGHT) -> Asset:
    done = repair(Asset((part,)), options)
    found = measured(done)
    assert found.closed, done.notes["repair"]
    assert found.volume > 0
    return done


def test_a_sound_mesh_is_left_alone() -> None:
    asset = Asset((make_part(POINTS, FACES),))
    done = repair(asset)
    assert done.parts is asset.parts
    assert done.notes["repair"] == "before: sound"
    assert (done.metrics["repair.rung"], done.metrics["repair.moved_percent"]) == (0, 0)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_cracks_are_welded_and_no_more(scale: float) -> None:
    noise = np.random.default_rng(0).uniform(-1e-6, 1e-6, (FACES.size, 3))
    soup = (POINTS[FACES].reshape(-1, 3) + noise) * scale
    done = mended(make_part(soup, np.arange(FACES.size).reshape(-1, 3)))
    assert done.metrics["repair.rung"] == 1
    assert f"before: {FACES.size} open edges; weld: sound" in done.notes["repair"]
    assert 0 < done.metrics["repair.moved_percent"] < 1e-3


def test_flipped_faces_are_turned() -> None:
    faces = FACES.copy()
    faces[5:9] = faces[5:9, ::-1]
    done = mended(make_part(POINTS, faces))
    assert done.metrics["repair.rung"] == 2
    assert done.metrics["repair.moved_percent"] < 1e-4
    assert mended(make_part(POINTS, FACES[:, ::-1])).metrics["repair.rung"] == 2
    assert measured(done).volume == pytest.approx(topology(POINTS.astype(np.float32), FACES).volume)


def test_repeated_faces_are_dropped() -> None:
    done = mended(make_part(POINTS, np.concatenate([FACES, FACES[3:6, [1, 2, 0]]])))
    assert done.metrics["repair.rung"] == 3
    assert done.face_count == len(FACES)


def test_holes_are_filled_with_the_colours_around_them() -> None:
    around = np.flatnonzero((FACES == 30).any(axis=1))
    colors = np.full((len(POINTS), 4), 255, np.uint8)
    colors[:, 0] = np.arange(len(POINTS)) % 256
    part = make_part(POINTS, np.delete(FACES, around, axis=0), colors=colors)
    done = mended(part)
    assert done.metrics["repair.rung"] == 4
    assert done.face_count == len(FACES) - 2  # a hexagon is four triangles
    assert done.parts[0].colors is not None
    assert 0.5 < done.metrics["repair.moved_percent"] < 4
    assert "fill: sound" in done.notes["repair"]


def test_a_hole_between_two_parts_is_closed_by_either() -> None:
    around = np.flatnonzero((FACES == 30).any(axis=1))
    half = np.arange(len(FACES)) % len(FACES) < 300
    keep = np.isin(np.arange(len(FACES)), around, invert=True)
    parts = tuple(make_part(POINTS, FACES[keep & side]) for side in (half, ~half))
    done = repair(Asset(parts), LIGHT)
    assert measured(done).closed
    assert len(done.parts) == 2


def test_what_nothing_light_mends_is_remeshed_or_said_so() -> None:
    fin = make_part(np.concatenate([POINTS, [[0, 2, 0]]]), np.concatenate([FACES, [[0, 1, len(POINTS)]]]))
    left = repair(Asset((fin,)), LIGHT)
    assert left.notes["repair"].endswith("not repaired")
    done = mended(fin, COARSE)
    assert done.metrics["repair.rung"] == 5
    assert done.source is not None
    assert 0 < done.metrics["repair.moved_percent"] < 5


def test_crossing_parts_are_sound_unless_asked() -> None:
    both = Asset((make_part(POINTS, FACES), make_part(POINTS + np.array([0.5, 0.05, 0.02]), FACES)))
    assert repair(both).metrics["repair.rung"] == 0
    done = repair(both, replace(COARSE, self_intersections=True))
    points, faces, _ = done.merged()
    assert len(self_intersections(points, faces).pairs) == 0
    assert done.metrics["repair.rung"] in (5, 6)
    assert "crossing faces" in done.notes["repair"]


def test_nothing_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        repair(Asset((make_part(POINTS, np.zeros((0, 3), np.int32)),)))
    assert caught.value.code == "mesh.no-faces"
    broken = Part(POINTS.astype(np.float32), np.array([[0, 1, 9999]], np.int32))
    with pytest.raises(InputError) as caught:
        repair(Asset((broken,)))
    assert caught.value.code == "mesh.bad-index"


@given(st.integers(0, 2**32 - 1), st.integers(3, 20))
@settings(max_examples=30, deadline=None)
def test_a_patch_over_a_flat_rim_is_the_polygon(seed: int, corners: int) -> None:
    """The wall of a prism over a star-shaped polygon gets two lids, each of exactly the polygon's area."""
    rng = np.random.default_rng(seed)
    angle = (np.arange(corners) + rng.uniform(0, 0.6, corners)) * 2 * np.pi / corners
    ring = np.stack([np.cos(angle), np.zeros(corners), np.sin(angle)], 1) * rng.uniform(0.4, 1.0, (corners, 1))
    points = np.concatenate([ring, ring + np.array([0, 5, 0])])
    i, j = np.arange(corners), (np.arange(corners) + 1) % corners
    wall = np.concatenate([np.stack([i, i + corners, j], 1), np.stack([j, i + corners, j + corners], 1)]).astype(
        np.int32
    )
    made = fill_holes(points, wall, 3.0)
    assert (made.holes, len(made.faces), len(made.points)) == (2, 2 * (corners - 2), 0)
    found = topology(points, np.concatenate([wall, made.faces]))
    assert found.closed
    x, z = ring[:, 0], ring[:, 2]
    area = 0.5 * abs(float((x * np.roll(z, -1) - z * np.roll(x, -1)).sum()))
    assert found.area - topology(points, wall).area == pytest.approx(2 * area)
    assert fill_holes(points, wall, 0.1).holes == 0


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=10, deadline=None)
def test_any_soup_is_repaired_or_refused(seed: int, count: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    part = make_part(rng.integers(0, 4, (16, 3)) * scale, rng.integers(0, 16, (count, 3)))
    if degenerate_faces(*weld(part.vertices, part.faces)[:2]).all():
        with pytest.raises(InputError, match="is left"):
            repair(Asset((part,)), COARSE)
        return
    done = repair(Asset((part,)), COARSE)
    assert "not repaired" not in done.notes["repair"]
    assert np.isfinite(done.metrics["repair.moved_percent"])
