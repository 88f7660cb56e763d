"""`meshmill train shapes` trains on the factory's examples, as a Prefect run and in Ray's workers, and ships it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from flows import cli

pytestmark = pytest.mark.slow

SMALL = """examples = 6
part_shapes = 2
vae = {side = 2, channels = 8, width = 32, heads = 2, geometry = 8, looks = 8, hidden = 16}
flow = {width = 32, heads = 2, layers = 1, text_layers = 1, picture_width = 32, picture_layers = 1, patch = 32}
vae_stage = {steps = 4, batch = 2, points = 64, queries = 96}
flow_stage = {steps = 3, batch = 2, points = 64, queries = 96}
guess = {channels = 8, squeezed = 8, width = 16, components = 2}
guess_stage = {steps = 2, batch = 2, points = 64, queries = 96}
"""


@pytest.fixture
def call(tmp_path: Path) -> list[str]:
    pytest.importorskip("torch")
    (tmp_path / "tiny.toml").write_text(SMALL)
    words = ["train", "shapes", "--recipe", str(tmp_path / "tiny.toml"), "--out", str(tmp_path / "out")]
    return [*words, "--device", "cpu", "--memory-gib", "0.1", "--at-least", "6", "--sample-every", "2"]


def steps(out: Path, stage: str) -> list[int]:
    return [json.loads(line)["step"] for line in (out / stage / "metrics.jsonl").read_text().splitlines()]


def test_inline_and_then_as_a_prefect_run(call: list[str], tmp_path: Path) -> None:
    assert cli.main([*call, "--engine", "inline", "--stage", "vae"]) == 0
    assert steps(tmp_path / "out", "vae") == [1, 4]
    assert not (tmp_path / "out/flow").exists()
    assert cli.main(call) == 0
    assert steps(tmp_path / "out", "vae") == [1, 4]
    assert steps(tmp_path / "out", "flow") == [1, 3]
    with Image.open(tmp_path / "out/flow/samples/step-000000002.png") as grid:
        assert grid.size == (2 * 128, 4 * 128)
    from ml.shapes.model import load_model

    model = load_model(tmp_path / "out/model")
    assert model.vae.config.side == 2
    assert model.parts is not None
    assert model.guess is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # ray.data, which ray.train imports, warns of itself
def test_in_workers_of_ray(call: list[str], tmp_path: Path) -> None:
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert cli.main([*call, "--ray", "2", "--stage", "flow"]) == 0
    finally:
        ray.shutdown()
    assert steps(tmp_path / "out", "flow") == [1, 3]
    assert (tmp_path / "out/model/flow.safetensors").exists()


def test_a_wrong_recipe_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.toml").write_text("steps = 3\n")
    call = ["train", "shapes", "--recipe", str(tmp_path / "wrong.toml"), "--out", str(tmp_path), "--engine", "inline"]
    assert cli.main(call) == 2
    assert "unknown key 'steps'" in capsys.readouterr().err
