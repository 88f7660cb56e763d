"""Distances between surfaces whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from ml.asset import InputError
from tasks.fidelity import surface_distances

SQUARE = np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]], dtype=np.float64)
UP = np.array([0.0, 0.0, 1.0])
FACES = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)


def test_parallel_squares_are_their_gap_apart() -> None:
    found = surface_distances((SQUARE, FACES), (SQUARE + 0.25 * UP, FACES), 1000)
    for value in (found.mean, found.rms, found.hausdorff, *found.forward, *found.backward):
        assert value == pytest.approx(0.25)
    assert found.percent(found.mean) == pytest.approx(5.0)  # the diagonal is 5 m


def test_a_lost_part_shows_from_the_side_that_has_it() -> None:
    two = np.concatenate([SQUARE, SQUARE + 2 * UP]), np.concatenate([FACES, FACES + 4])
    found = surface_distances(two, (SQUARE, FACES), 4000)
    assert found.forward == pytest.approx((1.0, np.sqrt(2.0), 2.0), rel=0.01)
    assert found.backward == pytest.approx((0.0, 0.0, 0.0))
    assert (found.mean, found.hausdorff) == pytest.approx((0.5, 2.0), rel=0.01)
    assert surface_distances(two, (SQUARE, FACES), 4000) == found
    assert surface_distances(two, (SQUARE, FACES), 4000, seed=5) != found


def test_a_surface_without_faces_has_no_distance() -> None:
    with pytest.raises(InputError, match="no faces"):
        surface_distances((SQUARE, FACES[:0]), (SQUARE, FACES), 10)
    with pytest.raises(InputError, match="at least one face"):
        surface_distances((SQUARE, FACES), (SQUARE, FACES[:0]), 10)
