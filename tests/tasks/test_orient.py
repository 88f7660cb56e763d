"""Orienting: the axis is stated, asked for or found; the asset stands centred on the ground, all of it aligned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, make_part
from tasks.orient import OrientOptions, orient, z_up_confidence
from tasks.stance import stance, support_area, surrounded

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
CUBE_FACES = QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def box(low: tuple[float, ...], high: tuple[float, ...]) -> Part:
    size = np.array(high) - np.array(low)
    return make_part(np.array(low) + CUBE * size, CUBE_FACES)


def cone(axis: int) -> Asset:
    """A cone of radius 1 that stands on its base, its tip 2 along `axis` (1 = Y, 2 = Z)."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angles), np.zeros(24), np.sin(angles)], axis=1)
    points = np.concatenate([ring, [[0, 2, 0], [0, 0, 0]]])
    k = np.arange(24)
    n = (k + 1) % 24
    faces = np.concatenate([np.stack([n, k, np.full(24, 24)], axis=1), np.stack([k, n, np.full(24, 25)], axis=1)])
    if axis == 2:
        points = points[:, [0, 2, 1]] * [1, -1, 1]
    return Asset((make_part(points, faces),), notes={"up_axis": "unknown"})


def test_z_up_is_turned_so_that_its_front_looks_along_z() -> None:
    # Z up: 1 wide, 2 deep, 3 high, with a nose (second part) on its front, which looks along −Y.
    asset = Asset((box((0, 0, 0), (1, 2, 3)), box((0.4, -1, 2), (0.6, 0, 2.2))))
    upright = orient(asset, OrientOptions("z"))
    np.testing.assert_allclose(upright.bounds(), [[-0.5, 0, -1.5], [0.5, 3, 1.5]], atol=1e-6)
    assert upright.parts[1].vertices[:, 2].max() == pytest.approx(1.5)
    assert upright.parts[1].vertices[:, 1].min() == pytest.approx(2.0)


def test_y_up_is_only_moved() -> None:
    upright = orient(Asset((box((5, 5, 5), (6, 8, 7)),)), OrientOptions("y"))
    np.testing.assert_allclose(upright.bounds(), [[-0.5, 0, -1], [0.5, 3, 1]], atol=1e-6)


def test_source_and_lods_stay_aligned() -> None:
    part = box((5, 5, 5), (6, 8, 7))
    asset = Asset((part,), lods=(Asset((part,)),), source=Asset((part, box((0, 0, 0), (9, 9, 9)))))
    upright = orient(asset, OrientOptions("z"))
    assert upright.source is not None
    for other in (upright.lods[0], upright.source):
        np.testing.assert_array_equal(other.parts[0].vertices, upright.parts[0].vertices)


def test_normals_turn_along() -> None:
    part = replace(box((0, 0, 0), (1, 1, 1)), normals=np.tile(np.float32([0, 0, 1]), (8, 1)))
    turned = orient(Asset((part,)), OrientOptions("z")).parts[0].normals
    np.testing.assert_allclose(turned, np.tile([0, 1, 0], (8, 1)), atol=1e-6)


@pytest.mark.parametrize(("note", "axis"), [("y", "y"), ("z", "z"), (None, "y")])
def test_a_stated_axis_is_believed_and_none_means_y(note: str | None, axis: str) -> None:
    lying = Asset((box((0, 0, 0), (1, 2, 3)),), notes={} if note is None else {"up_axis": note})
    upright = orient(lying)
    assert upright.bounds()[1, 1] == pytest.approx({"y": 2.0, "z": 3.0}[axis])
    assert upright.notes["oriented"].startswith(f"{axis} up")
    assert upright.notes["up_axis"] == "y"  # orienting again must not turn it again
    assert orient(upright).parts[0].vertices.tobytes() == upright.parts[0].vertices.tobytes()


def test_an_unknown_axis_is_found_by_how_the_mesh_rests() -> None:
    assert z_up_confidence(cone(2)) > 0.9
    assert z_up_confidence(cone(1)) < -0.9
    for axis in (1, 2):
        upright = orient(cone(axis))
        tip = upright.parts[0].vertices[24]
        np.testing.assert_allclose(tip, [0, 2, 0], atol=1e-6)
        assert "confidence" in upright.notes["oriented"]


@pytest.mark.parametrize(("form", "tip_height"), [("stl", 2.0), ("glb", 1.0)])
def test_only_formats_without_an_axis_are_guessed(form: str, tip_height: float) -> None:
    lying = replace(cone(2), notes={"import_format": form})
    assert orient(lying).parts[0].vertices[24, 1] == pytest.approx(tip_height, rel=0.02)


def test_undecided_keeps_y() -> None:
    cube = Asset((box((0, 0, 0), (1, 1, 1)),), notes={"up_axis": "unknown"})
    assert z_up_confidence(cube) == pytest.approx(0.0)
    assert "undecided" in orient(cube).notes["oriented"]


def test_a_picture_is_not_laid_flat() -> None:
    sheet = make_part([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    upright = orient(Asset((sheet,), notes={"up_axis": "unknown"}))
    assert upright.bounds()[1, 1] == pytest.approx(1.0)


def test_no_faces_is_an_input_error() -> None:
    with pytest.raises(InputError) as caught:
        orient(Asset((make_part(np.zeros((3, 3)), np.zeros((0, 3), dtype=int)),)))
    assert caught.value.code == "mesh.no-faces"


def test_stance_of_a_table_and_of_a_leaning_pole() -> None:
    legs = [box((x, 0, z), (x + 0.1, 0.7, z + 0.1)) for x in (0, 0.9) for z in (0, 0.9)]
    points, faces, _ = Asset((*legs, box((0, 0.7, 0), (1, 0.8, 1)))).merged()
    table = stance(points, faces, closed=True)
    assert table.stable
    assert table.support_area == pytest.approx(1.0, rel=1e-6)
    assert table.base_area == pytest.approx(0.04, rel=1e-5)
    # The underside of the top, 1 m², of 4 legs of 0.3 m² and a top of 2.4 m².
    assert table.overhang_fraction == pytest.approx(1 / 3.6, rel=1e-5)
    pole = CUBE * [0.1, 2, 0.1] + CUBE[:, 1:2] * [1, 0, 0]
    assert not stance(pole, CUBE_FACES, closed=True).stable


def test_overhang_is_counted_beyond_45_degrees_only() -> None:
    def roof(slope: float) -> float:
        """Overhang fraction of an inverted wedge whose one side rises by `slope` over its width of 1."""
        points = np.array([[0, 0, 0], [0, 0, 1], [1, slope, 0], [1, slope, 1], [0, -1, 0], [0, -1, 1]], dtype=float)
        return stance(points, np.array([[0, 2, 1], [1, 2, 3], [0, 1, 4], [1, 5, 4]]), closed=False).overhang_fraction

    assert roof(1.2) == 0.0
    assert roof(0.8) > 0.5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=12), st.floats(-9, 9))
def test_surrounded_agrees_with_separating_lines(points: list[tuple[int, int]], shift: float) -> None:
    """A centre lies inside the hull exactly when no direction sees all contact on one side."""
    contact = np.array(points, dtype=float)
    center = contact.mean(axis=0) + np.array([shift, 0.0])
    angles = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    reach = ((contact - center) @ np.stack([np.cos(angles), np.sin(angles)])).max(axis=0).min()
    if abs(reach) > 0.05:  # the sampled directions are too few to decide the border
        assert surrounded(contact, center) == (reach > 0)


def test_support_area_of_a_square_with_points_inside() -> None:
    grid = np.stack(np.meshgrid(np.linspace(0, 2, 9), np.linspace(0, 3, 9)), axis=-1).reshape(-1, 2)
    assert support_area(grid) == pytest.approx(6.0)
