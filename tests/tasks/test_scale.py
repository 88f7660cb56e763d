"""Scaling: asked dimensions, units and guesses become metres; every part of the asset follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, make_part
from tasks.scale import ScaleOptions, scale

FACES = [[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]


def tetrahedron(width: float = 1.0, height: float = 2.0, depth: float = 4.0, **notes: str) -> Asset:
    points = np.array([[0, 0, 0], [width, 0, 0], [0, height, 0], [0, 0, depth]])
    return Asset((make_part(points, FACES),), notes=notes)


def extents(asset: Asset) -> list[float]:
    low, high = asset.bounds()
    return [float(value) for value in high - low]


def test_one_dimension_scales_uniformly() -> None:
    scaled = scale(tetrahedron(), ScaleOptions(height_m=0.5))
    assert extents(scaled) == pytest.approx([0.25, 0.5, 1.0])
    assert scaled.metrics == {"size.asked_height_m": 0.5}


def test_dimensions_that_agree_are_all_met_in_silence() -> None:
    scaled = scale(tetrahedron(), ScaleOptions(width_m=0.5, height_m=1.0, depth_m=2.0))
    assert extents(scaled) == pytest.approx([0.5, 1.0, 2.0])
    assert "disagree" not in scaled.notes["scaled"]


def test_dimensions_that_disagree_are_met_in_the_mean_and_noted() -> None:
    scaled = scale(tetrahedron(1, 1, 1), ScaleOptions(width_m=1.0, height_m=4.0))
    assert extents(scaled) == pytest.approx([2.0, 2.0, 2.0])
    assert "width comes to 2 m" in scaled.notes["scaled"]
    assert "height comes to 2 m" in scaled.notes["scaled"]


def test_stretch_meets_every_dimension_and_turns_normals() -> None:
    slope = np.tile(np.float32([0.5**0.5, 0.5**0.5, 0]), (4, 1))
    asset = tetrahedron(1, 1, 1)
    asset = replace(asset, parts=(replace(asset.parts[0], normals=slope),))
    scaled = scale(asset, ScaleOptions(width_m=1.0, height_m=4.0, stretch=True))
    assert extents(scaled) == pytest.approx([1.0, 4.0, 2.0])
    # The face x + y = 1 becomes 4x + y = 4: its normal is (4, 1, 0) / √17.
    np.testing.assert_allclose(scaled.parts[0].normals, np.tile([4 / 17**0.5, 1 / 17**0.5, 0], (4, 1)), atol=1e-6)


def test_source_and_lods_scale_along() -> None:
    asset = replace(tetrahedron(), source=tetrahedron(2, 2, 2), lods=(tetrahedron(),))
    scaled = scale(asset, ScaleOptions(height_m=1.0))
    assert scaled.source is not None
    assert extents(scaled.source) == pytest.approx([1.0, 1.0, 1.0])
    assert extents(scaled.lods[0]) == pytest.approx(extents(scaled))


@pytest.mark.parametrize(
    ("notes", "options", "factor", "reason"),
    [
        ({}, ScaleOptions(), 1.0, "in metres already"),
        ({"unit": "cm"}, ScaleOptions(), 0.01, "cm as the file states"),
        ({"unit": "cm"}, ScaleOptions(unit="inch"), 0.0254, "inch as asked"),
        ({"unit": "unknown"}, ScaleOptions(), 0.001, "150 units taken as mm"),
        ({"import_format": "obj"}, ScaleOptions(), 0.001, "150 units taken as mm"),
        ({"import_format": "glb"}, ScaleOptions(), 1.0, "in metres already"),
        ({"import_format": "stl", "unit": "cm"}, ScaleOptions(), 0.01, "cm as the file states"),
        ({"unit": "unknown"}, ScaleOptions(fallback_m=0.3), 0.002, "largest extent set to 0.3 m"),
        ({"unit": "m"}, ScaleOptions(fallback_m=0.3), 1.0, "in metres already"),
        ({"unit": "unknown"}, ScaleOptions(height_m=1.0), 1 / 150, "height 1 m"),
    ],
)
def test_without_dimensions_the_unit_decides(
    notes: dict[str, str], options: ScaleOptions, factor: float, reason: str
) -> None:
    scaled = scale(tetrahedron(100, 150, 50, **notes), options)
    assert extents(scaled) == pytest.approx([100 * factor, 150 * factor, 50 * factor])
    assert reason in scaled.notes["scaled"]


def test_a_small_mesh_without_unit_stays_metres_and_scaling_again_changes_nothing() -> None:
    scaled = scale(tetrahedron(unit="unknown"))
    assert extents(scaled) == pytest.approx([1.0, 2.0, 4.0])
    assert extents(scale(tetrahedron(import_format="stl"))) == pytest.approx([0.001, 0.002, 0.004])
    assert extents(scale(tetrahedron(2, 2, 2, import_format="stl"))) == pytest.approx([2.0, 2.0, 2.0])
    millimetres = scale(tetrahedron(100, 150, 50, unit="unknown"))
    assert scale(millimetres).parts[0].vertices.tobytes() == millimetres.parts[0].vertices.tobytes()


@pytest.mark.parametrize(
    ("asset", "options", "code"),
    [
        (tetrahedron(1, 0, 1), ScaleOptions(height_m=1.0), "scale.flat"),
        (tetrahedron(0, 0, 0), ScaleOptions(), "scale.flat"),
        (tetrahedron(1e-12, 1e-12, 1e-12), ScaleOptions(height_m=1000.0), "scale.flat"),
        (tetrahedron(), ScaleOptions(height_m=-1.0), "scale.bad-size"),
        (tetrahedron(), ScaleOptions(height_m=float("nan")), "scale.bad-size"),
        (tetrahedron(), ScaleOptions(height_m=0.0), "scale.bad-size"),
        (Asset(()), ScaleOptions(), "mesh.no-faces"),
    ],
)
def test_what_cannot_be_scaled_is_refused(asset: Asset, options: ScaleOptions, code: str) -> None:
    with pytest.raises(InputError) as caught:
        scale(asset, options)
    assert caught.value.code == code


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_uniform_scaling_keeps_proportions_and_shares_the_error(size: list[float], height: float, width: float) -> None:
    result = extents(scale(tetrahedron(*size), ScaleOptions(height_m=height, width_m=width)))
    assert result[0] / size[0] == pytest.approx(result[2] / size[2], rel=1e-5)
    assert (result[0] / width) * (result[1] / height) == pytest.approx(1.0, rel=1e-5)
