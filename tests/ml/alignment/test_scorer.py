"""The linear scorer finds what linear labels depend on, and refuses what it cannot learn from."""

from pathlib import Path

import numpy as np
import pytest

from ml.alignment.scorer import STRENGTHS, fit_scorer, read_scorer
from ml.asset import InputError

RNG = np.random.default_rng(2)


def test_linear_labels_are_found_on_any_scale() -> None:
    features = RNG.normal(size=(200, 12)).astype(np.float32)
    labels = features @ RNG.normal(size=12)
    scorer = fit_scorer("meshmill", features[:150], 1.0 + 9.0 * labels[:150])
    quality = [scorer.quality(each) for each in features[150:]]
    assert scorer.explained > 0.99
    assert np.corrcoef(quality, labels[150:])[0, 1] > 0.97
    assert all(0 <= each <= 1 for each in quality)


def test_leave_one_out_is_what_leaving_each_out_gives() -> None:
    x, y = RNG.normal(size=(20, 5)), RNG.random(20)
    y[:2] = 0.0, 1.0  # the range that labels are brought to

    def error(strength: float) -> float:
        total = 0.0
        for out in range(len(y)):
            kept = np.arange(len(y)) != out
            middle, mean = x[kept].mean(axis=0), y[kept].mean()
            centred = x[kept] - middle
            weights = np.linalg.solve(centred.T @ centred + strength * np.eye(5), centred.T @ (y[kept] - mean))
            total += (mean + (x[out] - middle) @ weights - y[out]) ** 2
        return float(total)

    explained = 1.0 - min(map(error, STRENGTHS)) / ((y - y.mean()) ** 2).sum()
    assert fit_scorer("m", x.astype(np.float32), y).explained == pytest.approx(explained, abs=2e-4)


def test_noise_is_called_worthless() -> None:
    scorer = fit_scorer("m", RNG.normal(size=(300, 60)).astype(np.float32), RNG.random(300))
    assert scorer.explained < 0.15


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ([1.0, 2.0], "scorer.few-labels"),
        ([3.0] * 9, "scorer.same-labels"),
        ([1.0] * 8 + [np.nan], "scorer.not-finite"),
    ],
)
def test_refusals(labels: list[float], code: str) -> None:
    with pytest.raises(InputError) as caught:
        fit_scorer("m", np.ones((len(labels), 3), np.float32), labels)
    assert caught.value.code == code


def test_a_file_comes_back(tmp_path: Path) -> None:
    features = RNG.normal(size=(20, 4)).astype(np.float32)
    scorer = fit_scorer("meshmill", features, RNG.random(20))
    (tmp_path / "q.json").write_text(scorer.to_json())
    assert read_scorer(str(tmp_path / "q.json")) == scorer
    with pytest.raises(InputError, match="reads 4 features"):
        scorer.quality(features[0, :3])
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match="not a scorer"):
        read_scorer(str(tmp_path / "bad.json"))
