"""`meshmill train pose`: a killed training ends in the same weights; wrong recipes are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows import cli
from flows.pose_training import WEIGHTS, train_pose_model
from ml.canonical_pose import SIDE, sources, turn_probabilities
from tasks import pose_training
from tasks.pose_evaluation import judge_pose
from tasks.pose_training import canonical_grid

pytestmark = pytest.mark.slow
RECIPE = "seed = 3\nassets = 10\nsteps = 60\nbatch = 8\nwidth = 16\n"


class KilledError(BaseException):
    pass


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("torch")
    monkeypatch.setattr(pose_training, "KEPT", 4)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path / "tiny.toml"


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def test_a_killed_training_ends_in_the_same_weights(recipe: Path, tmp_path: Path) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line == "8/10 examples" and told.count(line) == 1:
            raise KilledError

    scores = train_pose_model(recipe, tmp_path / "one", lambda line: None, held=2)
    assert 0.0 <= scores.front <= 1.0
    with pytest.raises(KilledError):
        train_pose_model(recipe, tmp_path / "two", tell, held=2)
    train_pose_model(recipe, tmp_path / "two", tell, held=2)
    assert told == ["4/10 examples", "8/10 examples", "10/10 examples"]
    one, two = read(tmp_path / "one" / WEIGHTS), read(tmp_path / "two" / WEIGHTS)
    assert one["first"].shape == (SIDE**3, 16)
    assert all((one[name] == two[name]).all() for name in ("first", "bias", "second"))
    # What was learnt by heart is known: the examples' own grids, turned.
    right = 0
    for index in range(10):
        grid = canonical_grid(3, index)
        likely = turn_probabilities(grid[sources()[5]], tmp_path / "one" / WEIGHTS)
        again = turn_probabilities(grid, tmp_path / "one" / WEIGHTS)
        assert np.sort(likely) == pytest.approx(np.sort(again), abs=1e-4)
        right += int(again.argmax() == 0)
    assert right >= 5
    assert judge_pose(2, tmp_path / "one" / WEIGHTS) != judge_pose(2)


def test_the_command_and_wrong_recipes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, words in (("asets = 3", "did you mean 'assets'"), ("steps = 0", "steps"), ("= 3", "bad.toml")):
        (tmp_path / "bad.toml").write_text(text)
        assert cli.main(["train", "pose", "--recipe", str(tmp_path / "bad.toml"), "--out", str(tmp_path)]) == 2
        assert words in capsys.readouterr().err
    assert cli.main(["train", "pose", "--recipe", str(tmp_path / "none.toml"), "--out", str(tmp_path)]) == 2


def test_the_shipped_recipe_is_the_default() -> None:
    shipped = Path(__file__).parents[2] / "datasets/training/pose.toml"
    assert pose_training.read_pose_recipe(shipped) == pose_training.PoseRecipe()
