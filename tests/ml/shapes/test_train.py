"""A training learns, goes on after a kill as if there had been none, and is the same on two ranks as on one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_stage import COUNTS, NAMES, SETTINGS, Toy, toy_example, toy_loss

from ml.alignment.tensors import read_tensors
from ml.asset import InputError
from ml.shapes.buffer import Batch, ExampleBuffer
from ml.shapes.checkpoint import Checkpoints, read_weights, write_weights
from ml.shapes.settings import TrainSettings
from ml.shapes.train import Loss, Objective, train

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

START = Toy().state_dict()
PROGRAM = str(Path(__file__).with_name("toy_stage.py"))


def run(folder: Path, settings: TrainSettings = SETTINGS, loss: Loss = toy_loss, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed(toy_example(seed) for seed in range(6)) as buffer:
        return train("toy", Toy(), loss, buffer, settings, folder, tell=lambda _: None)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "toy/metrics.jsonl").read_text().splitlines()]


def program(folder: Path, batch: int, kill: int = 0, **extra: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-W", "ignore", PROGRAM, str(folder), str(batch), str(kill)]
    return subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"} | extra)


def test_the_loss_falls_and_the_average_is_what_is_shipped(tmp_path: Path) -> None:
    average = run(tmp_path, replace(SETTINGS, steps=60, average=0.9))
    found = losses(tmp_path)
    assert np.mean(found[-10:]) < 0.5 * np.mean(found[:5])
    if find_spec("tensorboard"):
        assert list((tmp_path / "toy").glob("events.*"))
    shipped = read_weights(tmp_path / "toy")
    for name, value in average.state_dict().items():
        assert np.array_equal(shipped[name], value.half())


class Killed(BaseException):
    """What a kill is to the code it meets."""


def test_interrupted_and_gone_on_is_as_undisturbed(tmp_path: Path) -> None:
    def told(line: str) -> None:
        if line.startswith("step 7:"):
            raise Killed

    torch.manual_seed(1)
    source = (toy_example(seed) for seed in range(6))
    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed(source) as buffer, pytest.raises(Killed):
        train("toy", Toy(), toy_loss, buffer, SETTINGS, tmp_path / "killed", tell=told)
    average, killed = run(tmp_path / "whole"), run(tmp_path / "killed", seed=2)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert all(torch.equal(value, killed.state_dict()[name]) for name, value in average.state_dict().items())


@pytest.mark.slow
def test_killed_and_gone_on_is_as_undisturbed(tmp_path: Path) -> None:
    for folder, kill in (("whole", 0), ("killed", 7)):
        assert program(tmp_path / folder, 4, kill).wait() == (-9 if kill else 0)
    assert len(losses(tmp_path / "killed")) == 7
    assert program(tmp_path / "killed", 4).wait() == 0
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    last = [read_tensors(tmp_path / name / "toy/step-000000012/tensors.safetensors") for name in ("whole", "killed")]
    assert last[0].keys() == last[1].keys()
    assert all(np.array_equal(last[0][name], last[1][name]) for name in last[0])


@pytest.mark.slow
def test_two_ranks_are_one_with_twice_the_batch(tmp_path: Path) -> None:
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
    ranks = [program(tmp_path / "two", 4, NOISE="0", RANK=str(rank), **group) for rank in range(2)]
    alone = program(tmp_path / "one", 8, NOISE="0")
    assert [each.wait(270) for each in (*ranks, alone)] == [0, 0, 0]
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    two, one = (read_weights(tmp_path / name / "toy") for name in ("two", "one"))
    assert all(np.allclose(two[name], one[name], atol=1e-3) for name in one)


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    means = {}
    for decay in (0.0, 0.5):
        model = Toy()
        model.load_state_dict(START)
        with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed([toy_example(0)]) as buffer:
            settings = replace(SETTINGS, steps=2, average=decay)
            means[decay] = train("toy", model, toy_loss, buffer, settings, tmp_path / str(decay), tell=lambda _: None)
        followed = means[decay].state_dict()
        assert all(torch.equal(value, followed[name]) for name, value in model.state_dict().items()) == (decay == 0.0)
    assert not any(torch.equal(value, START[name]) for name, value in means[0.5].state_dict().items())


def test_accumulated_gradients_are_those_of_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISE", "0")
    one = run(tmp_path / "one", replace(SETTINGS, batch=8))
    four = run(tmp_path / "four", replace(SETTINGS, batch=2, accumulate=4))
    for name, value in one.state_dict().items():
        assert torch.allclose(value, four.state_dict()[name], atol=1e-5)


def spoilt(until: int) -> Loss:
    def loss(model: Toy, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        value, terms = toy_loss(model, batch, step)
        return (value * math.nan if step < until else value), terms

    return loss


def test_a_step_without_finite_gradients_is_left_out(tmp_path: Path) -> None:
    average = run(tmp_path, replace(SETTINGS, log_every=4), spoilt(until=3))
    assert all(torch.isfinite(value).all() for value in average.state_dict().values())
    lines = (tmp_path / "toy/metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["loss"] < 2


def test_a_diverged_training_stops(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        run(tmp_path, SETTINGS, spoilt(until=100))
    assert error.value.code == "training.diverged"


def test_a_stage_by_time_ends_and_is_not_begun_again(tmp_path: Path) -> None:
    settings = replace(SETTINGS, seconds=1.0, log_every=2)
    first = run(tmp_path, settings)
    ended = losses(tmp_path)
    again = run(tmp_path, settings, seed=2)
    assert losses(tmp_path) == ended
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())


def test_other_settings_and_other_networks_are_told(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, replace(SETTINGS, log_every=5))
    with pytest.raises(InputError) as settings:
        run(tmp_path, replace(SETTINGS, rate=0.1))
    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES) as buffer, pytest.raises(InputError) as network:
        train("toy", nn.Linear(2, 2), toy_loss, buffer, SETTINGS, tmp_path)
    assert {settings.value.code, network.value.code} == {"training.other-recipe"}


def test_samples_are_asked_for_with_averaged_weights(tmp_path: Path) -> None:
    seen: list[int] = []

    def sample(step: int, model: nn.Module) -> None:
        seen.append(step)
        assert not model.training

    torch.manual_seed(0)
    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed([toy_example(0)]) as buffer:
        settings = replace(SETTINGS, sample_every=5)
        train("toy", Toy(), toy_loss, buffer, settings, tmp_path, on_sample=sample, tell=lambda _: None)
    assert seen == [5, 10]


def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    checkpoints = Checkpoints(tmp_path / "file" / "below")
    checkpoints.save(1, {"a": torch.zeros(2)}, {"step": 1})
    with pytest.raises(OSError, match="below"):
        checkpoints.wait()


def test_half_written_checkpoints_are_not_seen_and_old_ones_go(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2, 3):
        checkpoints.save(step, {"a": torch.full((2,), step)}, {"step": step})
    checkpoints.wait()
    (tmp_path / "step-000000009.part").mkdir()
    loaded = checkpoints.load()
    assert loaded is not None
    assert loaded[1] == {"step": 3}
    assert loaded[0]["a"].tolist() == [3, 3]
    assert not (tmp_path / "step-000000001").exists()


def test_weights_are_cut_into_files_that_have_to_fit_together(tmp_path: Path) -> None:
    weights: Mapping[str, Tensor] = {name: torch.randn(10) for name in "abc"} | {"n": torch.arange(3)}
    assert len(write_weights(tmp_path, weights, 1, file_bytes=45)) == 2
    kept = (tmp_path / "weights-1.safetensors").read_bytes()
    assert read_weights(tmp_path).keys() == weights.keys()
    write_weights(tmp_path, weights, 2, file_bytes=45)
    (tmp_path / "weights-1.safetensors").write_bytes(kept)
    with pytest.raises(InputError) as mixed:
        read_weights(tmp_path)
    assert mixed.value.code == "weights.mixed"
    assert len(write_weights(tmp_path, weights, 3)) == len(list(tmp_path.iterdir())) == 1
    with pytest.raises(InputError) as missing:
        read_weights(tmp_path / "none")
    assert missing.value.code == "weights.missing"


def test_operations_are_counted_through_a_loss_with_second_derivatives() -> None:
    from ml.shapes.metrics import counted_flops

    def eikonal(model: Toy, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        points = batch["queries"].requires_grad_()
        (slope,) = torch.autograd.grad(model.net(points).sum(), points, create_graph=True)
        return ((slope.norm(dim=-1) - 1) ** 2).mean(), {}

    objective = Objective(Toy(), eikonal)
    flops = counted_flops(lambda: objective({"queries": torch.randn(4, 24, 3)}, 0)[0].backward())
    assert flops > 3 * 2 * 96 * (3 * 32 + 32)


def test_the_trainer_needs_little(tmp_path: Path) -> None:
    """The lent machine has no Prefect, Ray, Dask, trimesh or SciPy."""
    blocked = ("prefect", "ray", "dask", "distributed", "trimesh", "manifold3d", "scipy", "pyarrow", "xatlas")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); import ml.shapes.train"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
