"""Packing: charts keep their shape, lie apart and unmirrored, and fill the square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pack import pack_charts

QUAD = np.array([[0, 1, 2], [0, 2, 3]])


def rectangles(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles a rectangle of (n, 2) sizes, wound alternately: corners (2n, 3, 2) and charts (2n,)."""
    corners = np.stack([0 * sizes, sizes * [1, 0], sizes, sizes * [0, 1]], axis=1)
    corners[1::2, :, 0] *= -1
    return corners[:, QUAD].reshape(-1, 3, 2).astype(np.float32), np.repeat(np.arange(len(sizes)), 2).astype(np.int32)


def signed(corners: np.ndarray) -> np.ndarray:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def separation(packed: np.ndarray, chart: np.ndarray) -> np.ndarray:
    """(n, n) gap between any two rectangles along the axis that parts them more; negative where they overlap."""
    low = np.array([packed[chart == i].reshape(-1, 2).min(axis=0) for i in range(chart.max() + 1)])
    high = np.array([packed[chart == i].reshape(-1, 2).max(axis=0) for i in range(chart.max() + 1)])
    return np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([1e-6, 1.0, 1e6]), st.sampled_from([4, 12]))
def test_charts_lie_apart_inside_the_square_and_none_is_mirrored(seed: int, count: int, unit: float, gap: int) -> None:
    corners, chart = rectangles(np.random.default_rng(seed).uniform(0.05, 1.0, (count, 2)) * unit)
    packed = pack_charts(corners, chart, gap / 512)
    assert 0.0 <= packed.min() <= packed.max() <= 1.0
    assert (signed(packed) < 0).all()  # counter-clockwise in an image, whose v grows downward
    apart = separation(packed, chart)[~np.eye(count, dtype=bool)]
    assert apart.min(initial=np.inf) >= gap / 512 - 1e-6


def test_shapes_keep_their_proportions_but_for_the_margin_shared_out() -> None:
    corners, chart = rectangles(np.random.default_rng(3).uniform(0.1, 1.0, (40, 2)))
    before, after = signed(corners), signed(pack_charts(corners, chart, 4 / 1024))
    assert np.ptp(np.abs(after / before)) < 1e-3 * np.abs(after / before).max()
    assert np.abs(after).sum() > 0.8  # of the square


def test_a_chart_hides_in_the_hollow_of_another() -> None:
    """A frame around a hole a third as wide: packers by boxes would put the square beside it."""
    ring = [(0, 0, 3, 1), (0, 2, 3, 3), (0, 1, 1, 2), (2, 1, 3, 2), (5, 5, 5.6, 5.6)]
    boxes = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in ring], np.float32)
    chart = np.repeat([0, 0, 0, 0, 1], 2).astype(np.int32)
    packed = pack_charts(boxes[:, QUAD].reshape(-1, 3, 2), chart, 1 / 256)
    inner = packed[chart == 1].reshape(-1, 2)
    assert (inner > 1 / 3).all()
    assert (inner < 2 / 3).all()


def test_a_long_chart_lies_along_the_side_and_the_rest_grows_across() -> None:
    corners, chart = rectangles(np.array([[1.0, 0.05], [0.2, 0.1], [0.1, 0.2]]))
    packed = pack_charts(corners, chart, 4 / 1024)
    assert packed.max(axis=(0, 1)) == pytest.approx([1, 1])
    assert np.abs(signed(packed)).sum() > 0.5


def test_nothing_to_fit_is_not_a_trap() -> None:
    """Charts without area, of one point or not finite get a place of their own and UVs that are numbers."""
    corners = np.zeros((5, 3, 2), np.float32)
    corners[1, 1:] = [[0, 1], [0, 2]]
    corners[2, 1] = np.nan
    corners[4] = [[0, 0], [1e-12, 0], [0, 1e-12]]
    packed = pack_charts(corners, np.arange(5, dtype=np.int32), 4 / 1024)
    assert np.isfinite(packed).all()
    assert 0 <= packed.min() <= packed.max() <= 1


@pytest.mark.parametrize(("count", "gap"), [(20_000, 4 / 1024), (200, 4 / 64), (1, 32 / 64)])
def test_gaps_shrink_where_they_would_take_the_square(count: int, gap: float) -> None:
    corners, chart = rectangles(np.random.default_rng(0).uniform(0.5, 1.0, (count, 2)))
    packed = pack_charts(corners, chart, gap)
    assert (signed(packed) < 0).all()
    assert np.abs(signed(packed)).sum() > 0.05


def test_the_same_bytes_every_time() -> None:
    corners, chart = rectangles(np.random.default_rng(1).uniform(0.1, 1.0, (30, 2)))
    assert pack_charts(corners, chart, 0.004).tobytes() == pack_charts(corners, chart, 0.004).tobytes()
