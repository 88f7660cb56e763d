"""`meshmill evaluate` prints every figure for a model of random weights, which meets no bar that means something."""

import json
from pathlib import Path

import pytest

from flows.cli import main

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each


def test_a_random_model_is_measured_and_found_wanting(
    random_shape_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.shape_figures.VOLUME_POINTS", 2000)
    monkeypatch.setattr("tasks.shape_picture_evaluation.POINTS", 2000)
    monkeypatch.setattr("tasks.shape_makers.CELLS", 32)
    monkeypatch.setattr("tasks.shape_edit_evaluation.CELLS", 32)
    monkeypatch.setattr("tasks.shape_edit_evaluation.POINTS", 2000)
    assert main(["evaluate", "--model", str(random_shape_model), "--samples", "4", "--json"]) == 0
    figures = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {figure["figure"].split(" (")[0]: figure for figure in figures}
    assert len(found) >= 24
    assert found["rebuilt: volume IoU"]["holds"] is False
    assert found["text: right category, by geometry"]["ours"] <= 0.5
    assert found["masked edit: farthest change outside the mask, of the diagonal"]["ours"] < 5.0  # cut in 32 cells
    assert found["text edit: moved toward the new text"]["holds"] is False
    assert found["least volume IoU of a shape made alone and in a batch of 4"]["holds"] is True


def test_a_folder_without_a_model_is_a_wrong_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(tmp_path)]) == 2
    assert "no shape model" in capsys.readouterr().err
