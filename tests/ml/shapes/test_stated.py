"""What a text states is worn where its part is, the rest stays; what is not understood changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.field_asset import ShapeField
from ml.plane_field import PlaneField, sigmoid
from ml.shapes.field import FARTHEST, UNIT
from ml.shapes.part_reader import PartReader, PartsConfig
from ml.shapes.stated import as_stated
from ml.substances import COLORS, SUBSTANCES
from tasks.shape_claims import color_errors

pytestmark = pytest.mark.slow  # 6 CPU-s: planes are fitted


class UpperIsSeat(PartReader):
    """A reader to whom all that is above the middle is the seat, and the rest the legs."""

    def forward(
        self, points: torch.Tensor, normals: torch.Tensor, extents: torch.Tensor, category: torch.Tensor
    ) -> torch.Tensor:
        return torch.stack([points[..., 1], -points[..., 1]], dim=-1)


@pytest.fixture
def reader() -> PartReader:
    found = UpperIsSeat(PartsConfig(8, ("chair",), ("seat", "legs")))
    found.whole[0, 1] = 1.0  # what is said of a chair is said of its legs
    return found


@pytest.fixture
def ball() -> ShapeField:
    """A grey ball."""
    random = np.random.default_rng(0)
    side, channels, hidden = 32, 4, 16

    def layers(outputs: int) -> list[np.ndarray]:
        shapes = ((hidden, 3 * channels), hidden, (hidden, hidden), hidden, (outputs, hidden), outputs)
        return [(0.3 * random.normal(size=shape)).astype(np.float32) for shape in shapes]

    planes = random.normal(size=(3, channels, side, side)).astype(np.float16)
    looks = layers(8)
    looks[4][:], looks[5][:] = 0.0, 0.0
    return Ball(PlaneField(planes, *layers(1)), PlaneField(planes, *looks), np.ones(3, np.float32), UNIT, FARTHEST)


class Ball(ShapeField):
    def distances(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(points, axis=1) - 0.8, np.float32)


def looks_at(field: ShapeField, upper: bool) -> np.ndarray:
    """Between the points that were fitted, away from the border."""
    points = np.random.default_rng(1).normal(size=(400, 3))
    points *= 0.8 / np.linalg.norm(points, axis=1, keepdims=True)
    chosen = points[points[:, 1] > 0.15] if upper else points[points[:, 1] < -0.15]
    return sigmoid(field.looks.values(chosen.astype(np.float32)))


def test_a_part_and_the_whole_wear_their_words(ball: ShapeField, reader: PartReader) -> None:
    worn = as_stated(ball, "a steel chair with a red seat", reader)
    seat, legs = looks_at(worn, True), looks_at(worn, False)
    assert np.median(color_errors(seat, [COLORS["red"]])) < 10.0
    assert np.median(color_errors(legs, [SUBSTANCES["steel"].color])) < 10.0
    assert np.median(legs[:, 4]) > 0.9
    assert np.median(seat[:, 4]) == pytest.approx(0.5, abs=0.1)  # nothing is said of it


def test_what_nothing_is_said_of_stays(ball: ShapeField, reader: PartReader) -> None:
    worn = as_stated(ball, "a chair with a red seat", reader)
    assert np.abs(looks_at(worn, False) - 0.5).mean() < 0.05
    assert np.median(color_errors(looks_at(worn, True), [COLORS["red"]])) < 10.0


@pytest.mark.parametrize("text", ["", "a chair", "a red dragon", "a red quux", "a chair with red wheels"])
def test_without_a_claim_that_can_be_met_the_field_is_the_same(ball: ShapeField, reader: PartReader, text: str) -> None:
    assert as_stated(ball, text, reader) is ball


def test_a_field_without_a_surface_stays(ball: ShapeField, reader: PartReader) -> None:
    class Nothing(ShapeField):
        def distances(self, points: np.ndarray) -> np.ndarray:
            return np.ones(len(points), np.float32)

    empty = Nothing(ball.distance, ball.looks, ball.extents, ball.unit, ball.farthest)
    assert as_stated(empty, "a red chair", reader) is empty
