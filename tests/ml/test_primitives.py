"""Solids are closed, outward and of the volume geometry says; normals split at hard edges only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.parametric.outlines import circle, inset, polygon, rectangle, spline, triangulate
from ml.parametric.primitives import (
    blob,
    box,
    cylinder,
    ellipsoid,
    frame,
    lathe,
    lathe_ring,
    prism,
    signed_volume,
    torus,
    tube,
)
from ml.parametric.shading import shade
from ml.parametric.solid import Solid, around, both_sides, copies, four_corners, join

ELL = [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0), (1.0, 1.0), (1.0, 3.0), (0.0, 3.0)]
RING = circle(1.0, 24)
SOLIDS = {
    "box": (box(1, 2, 3), 6.0),
    "chamfered box": (box(1, 2, 3, 0.1), None),
    "rounded box": (box(1, 2, 3, 0.1, 3), None),
    "cylinder": (cylinder(1, 2, 64), 2 * np.pi),
    "bevelled cylinder": (cylinder(1, 2, 24, bevel=0.1), None),
    "cone": (lathe([(1, 0), (0, 3)], 96), np.pi),
    "hollow lathe": (lathe([(1, 0), (1, 2), (0.9, 2), (0.9, 0.1)], 96), np.pi * (2 - 0.81 * 1.9)),
    "pipe": (lathe_ring([(1, 0), (1, 1), (0.5, 1), (0.5, 0)], 96), np.pi * 0.75),
    "torus": (torus(2, 0.5, 128, 64), 2 * np.pi**2 * 2 * 0.25),
    "ellipsoid": (ellipsoid(2, 4, 6, sides=96), 4 / 3 * np.pi * 6),
    "pillow": (ellipsoid(1, 1, 1, 0.2), None),
    "tube": (tube([(0, 0, 0), (0, 1, 0), (1, 2, 0)], 0.1), None),
    "closed tube": (tube(np.column_stack([RING, np.zeros(24)]), 0.1, closed=True), None),
    "prism": (prism(ELL, 2.0), 10.0),
    "clockwise prism": (prism(ELL[::-1], 2.0), 10.0),
    "bevelled prism": (prism(ELL, 1.0, 0.1), None),
    "frame": (frame(rectangle(2, 2), rectangle(1, 1), 0.5), 1.5),
    "blob": (blob(1.0, 0.3, np.random.default_rng(1)), None),
}


def directed_edges(solid: Solid) -> tuple[list[int], list[int]]:
    edges = solid.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    size = len(solid.vertices)
    return sorted((edges[:, 0] * size + edges[:, 1]).tolist()), sorted((edges[:, 1] * size + edges[:, 0]).tolist())


def assert_closed(solid: Solid) -> None:
    ahead, back = directed_edges(solid)
    assert len(set(ahead)) == len(ahead)
    assert ahead == back
    assert signed_volume(solid.vertices, solid.faces) > 0.0


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_closed_and_outward(name: str) -> None:
    solid, volume = SOLIDS[name]
    assert_closed(solid)
    welded = np.unique(solid.vertices.round(9), axis=0)
    assert len(welded) == len(solid.vertices)
    if volume is not None:
        assert signed_volume(solid.vertices, solid.faces) == pytest.approx(volume, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(*[st.floats(0.01, 10.0)] * 3),
    bevel=st.floats(0.0, 5.0),
    steps=st.integers(1, 4),
)
def test_box_fills_its_bounds_whatever_the_bevel(size: tuple[float, float, float], bevel: float, steps: int) -> None:
    solid = box(*size, bevel, steps)
    assert_closed(solid)
    assert np.ptp(solid.vertices, axis=0) == pytest.approx(size)
    assert solid.low() == pytest.approx(0.0, abs=1e-12)
    assert signed_volume(solid.vertices, solid.faces) <= np.prod(size) * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(radii=st.lists(st.floats(0.3, 3.0), min_size=5, max_size=24), clockwise=st.booleans())
def test_triangulation_covers_a_star_polygon_exactly(radii: list[float], clockwise: bool) -> None:
    turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    outline = np.column_stack([np.cos(turn), np.sin(turn)]) * np.array(radii)[:, None]
    outline = outline[::-1] if clockwise else outline
    faces = triangulate(outline)
    assert faces.shape == (len(radii) - 2, 3)
    a, b, c = (outline[faces[:, k]] for k in range(3))
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    ahead = np.roll(outline, -1, axis=0)
    whole = abs(np.sum(outline[:, 0] * ahead[:, 1] - outline[:, 1] * ahead[:, 0])) / 2
    assert (areas > -1e-9).all()
    assert areas.sum() == pytest.approx(whole)


def test_moving_and_copying_keeps_solids_closed() -> None:
    base = box(1, 1, 1, 0.1).at(x=2.0)
    for solid in (
        base.mirrored(),
        both_sides(base),
        copies(base, [(0, 0, 0), (0, 5, 0)]),
        around(base, 5),
        four_corners(box(0.1, 1, 0.1), 1.0, 2.0),
        base.turned("x", 33.0).turned("z", 200.0).scaled(1, 2, 3).tapered(0.5),
        join((base, cylinder(1, 1))),
    ):
        assert_closed(solid)
    assert both_sides(base).vertices[:, 0].min() == pytest.approx(-2.5)


def test_turning_is_right_handed() -> None:
    point = Solid(np.array([[1.0, 0.0, 0.0]]), np.zeros((0, 3), np.int32))
    assert point.turned("z", 90.0).vertices[0] == pytest.approx((0, 1, 0))
    assert point.turned("y", 90.0).vertices[0] == pytest.approx((0, 0, -1))


def test_inset_moves_every_side_inward() -> None:
    assert np.abs(inset(rectangle(2, 2), 0.25)).max() == pytest.approx(0.75)
    assert np.abs(inset(rectangle(2, 2)[::-1], 0.25)).max() == pytest.approx(0.75)


def test_spline_passes_through_its_points() -> None:
    points = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0)])
    curve = spline(points, 21)
    assert curve[0] == pytest.approx(points[0])
    assert curve[10] == pytest.approx(points[1])
    assert curve[-1] == pytest.approx(points[2])
    assert len(spline(polygon(6, 1.0), 24, closed=True)) == 24


def test_a_cube_is_split_at_its_edges_and_a_sphere_nowhere() -> None:
    cube = box(1, 1, 1)
    vertices, normals, faces = shade(cube.vertices, cube.faces)
    assert len(vertices) == 24
    assert np.abs(normals).max(axis=1) == pytest.approx(1.0)
    corners = vertices[faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", face, normals[faces[:, 0]]) > 0).all()
    ball = ellipsoid(1, 1, 1)
    vertices, normals, _ = shade(ball.vertices, ball.faces)
    assert len(vertices) == len(ball.vertices)
    assert np.einsum("ij,ij->i", vertices - (0, 0.5, 0), normals) == pytest.approx(0.5, abs=0.02)


def test_shading_keeps_geometry_and_gives_unit_normals() -> None:
    solid = cylinder(1, 2, 24)
    vertices, normals, faces = shade(solid.vertices, solid.faces)
    assert vertices[faces] == pytest.approx(solid.vertices[solid.faces], abs=1e-6)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert len(vertices) == 2 * 24 + 2 * 25  # the wall shared, each cap apart with its centre
