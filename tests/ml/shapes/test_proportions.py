"""Outlines of pictures, and the proportions in which a shape fills them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, make_part
from ml.shapes.example import PICTURE, SIDE, SKETCH
from ml.shapes.filling import EDGE, INSIDE, OUTSIDE, margins
from ml.shapes.outlines import Outline, framing, outline_of, overlap
from ml.shapes.proportions import fitted
from tasks.camera import orbit
from tasks.portraits import FOV, MARGIN
from tasks.shape_pictures import pictures_and_sketches

Direction = tuple[float, float]
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FACES = np.array(
    [
        [0, 1, 3],
        [0, 3, 2],
        [4, 6, 7],
        [4, 7, 5],
        [0, 4, 5],
        [0, 5, 1],
        [2, 3, 7],
        [2, 7, 6],
        [0, 2, 6],
        [0, 6, 4],
        [1, 5, 7],
        [1, 7, 3],
    ]
)


FROM_ANYWHERE = given(st.floats(-180.0, 180.0), st.floats(-5.0, 50.0), st.tuples(*[st.floats(0.3, 1.0)] * 3))


def ell(extents: np.ndarray) -> Asset:
    """A solid L of two boxes, filling its box, in the isotropic frame: no turn of it looks like another."""
    foot, back = CORNERS * (2.0, 0.6, 2.0) - 1.0, CORNERS * (0.7, 1.4, 1.2) - (1.0, 0.4, 1.0)
    return Asset(tuple(make_part(points * extents, FACES) for points in (foot, back)))


def places() -> np.ndarray:
    """What is in that L, in the box frame."""
    line = np.linspace(-1.0, 1.0, 61, dtype=np.float32)
    x, y, z = (each.ravel() for each in np.meshgrid(line, line, line, indexing="ij"))
    return np.stack([x, y, z], axis=1)[(y <= -0.4) | ((x <= -0.3) & (z <= 0.2))]


def outlines(extents: np.ndarray, directions: list[Direction], views: list[int], kind: int = PICTURE) -> list[Outline]:
    """Those that pictures of the L from the directions show."""
    pictures, sketches = pictures_and_sketches(ell(extents), SIDE, directions)
    shown = pictures if kind == PICTURE else np.repeat(sketches[..., None], 3, axis=3)
    return [outline_of(picture, kind, view) for picture, view in zip(shown, views, strict=True)]


@settings(max_examples=15, deadline=None)
@FROM_ANYWHERE
def test_a_shape_fills_its_own_outline_from_anywhere(
    azimuth: float, elevation: float, sides: tuple[float, float, float]
) -> None:
    extents = np.array(sides, np.float32) / max(sides)
    (outline,) = outlines(extents, [(azimuth, elevation)], [0])
    assert overlap(places(), extents, azimuth, elevation, outline) > 0.88


@settings(max_examples=15, deadline=None)
@FROM_ANYWHERE
def test_a_camera_stands_where_that_of_pictures_does(
    azimuth: float, elevation: float, sides: tuple[float, float, float]
) -> None:
    extents = np.array(sides, np.float32) / max(sides)
    found, true = (
        framing(places(), extents, azimuth, elevation),
        orbit(places() * extents, azimuth, elevation, FOV, MARGIN),
    )
    np.testing.assert_allclose(found.eye, true.eye, atol=1e-4)
    np.testing.assert_allclose(found.axes, true.axes(), atol=1e-6)
    rows, columns = np.array([3, 40]), np.array([5, 77])
    seen = true.project(found.eye + 2.0 * found.ways(rows, columns, SIDE), SIDE, SIDE)
    np.testing.assert_allclose(seen[:, :2], np.stack([columns, rows], axis=1) + 0.5, atol=0.01)


def test_a_mirrored_view_and_a_sketch_are_told_apart() -> None:
    extents = np.array([1.0, 0.8, 0.6], np.float32)
    (picture,), (sketch,) = (outlines(extents, [(40.0, 20.0)], [0], kind) for kind in (PICTURE, SKETCH))
    right, mirrored = (overlap(places(), extents, way, 20.0, picture) for way in (40.0, -40.0))
    assert right > 0.95 > 0.9 > mirrored
    assert overlap(places(), extents, 40.0, 20.0, sketch) > 0.95, "what lines enclose is the object"
    assert set(np.unique(sketch.weight).tolist()) == {np.float32(0.3), 1.0}, "but less surely than a line"
    assert (picture.weight == 1.0).all()


@pytest.mark.parametrize("drawn", [(1.0, 0.75, 0.75), (0.8, 1.0, 0.5)])
def test_four_named_views_tell_the_proportions(drawn: tuple[float, float, float]) -> None:
    true = np.array([1.0, 0.9, 0.6], np.float32)
    shown = outlines(true, [(90.0 * k, 10.0) for k in range(4)], [1, 2, 3, 4])
    found = fitted(places(), np.array(drawn, np.float32), shown, 400)
    assert found.extents == pytest.approx(true, abs=0.05)
    assert found.extents.max() == 1.0
    assert found.match > 0.9
    assert [azimuth for azimuth, _ in found.directions] == [0.0, 90.0, 180.0, 270.0], "names are believed"


def test_one_picture_tells_its_direction_and_some_of_the_proportions() -> None:
    true, drawn = np.array([1.0, 0.9, 0.6], np.float32), np.array([1.0, 0.9, 0.8], np.float32)
    shown = outlines(true, [(-33.0, 24.0)], [0])
    found = fitted(places(), drawn, shown, 400)
    ((azimuth, elevation),) = found.directions
    assert azimuth == pytest.approx(-33.0, abs=12.0)
    assert elevation == pytest.approx(24.0, abs=12.0)
    assert np.abs(found.extents - true).max() < 0.6 * np.abs(drawn - true).max()
    begun = fitted(places(), drawn, shown, 80, [(-35.0, 20.0)])
    assert begun.match > 0.9, "a known direction needs few evaluations"


def test_what_fills_its_outline_already_stays_as_it_is() -> None:
    true = np.array([0.7, 1.0, 0.5], np.float32)
    found = fitted(places(), true, outlines(true, [(25.0, 15.0)], [0]), 400)
    assert found.extents == pytest.approx(true, abs=0.06)


def test_half_a_pixel_of_grace_is_for_the_border_of_what_is_wider() -> None:
    inside = np.zeros((12, 12), bool)
    inside[1:6, 1:6] = inside[8, 1:11] = True  # a block, and a stalk of one pixel
    found = margins(inside)
    assert (found[2:5, 2:5] == np.float32(INSIDE)).all()
    assert (found[1, 1:6] == np.float32(EDGE)).all()
    assert (found[8, 1:11] == np.float32(INSIDE)).all(), "or a stalk would never close"
    assert (found[~inside] == np.float32(OUTSIDE)).all()
    assert EDGE < 0.0 < min(INSIDE, OUTSIDE)
