"""The stages of the shape model train on the real losses, one on the other, and are not begun twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_stage import toy_example

from ml.asset import InputError
from ml.shapes.asked import Asked
from ml.shapes.buffer import ExampleBuffer
from ml.shapes.drawing import conditions
from ml.shapes.example import stack
from ml.shapes.model import load_model, save_model
from ml.shapes.picture_guess import PictureGuess
from ml.shapes.recipe import (
    DistilConfig,
    FlowConfig,
    GuessConfig,
    ShapeRecipe,
    StageConfig,
    VaeConfig,
    read_shape_recipe,
)
from ml.shapes.sampler import SamplerOptions
from ml.shapes.settings import TrainSettings
from ml.shapes.stages import Plan, counts_of, settings_of, train_few, train_flow, train_guess, train_vae
from ml.shapes.transformer import ShapeFlow
from ml.shapes.vae import ShapeVae

STAGE = StageConfig(steps=3, batch=2, points=64, queries=96)
RECIPE = ShapeRecipe(
    vae=VaeConfig(side=2, channels=8, width=32, heads=2, geometry=8, looks=8, hidden=16),
    flow=FlowConfig(32, 2, 1, 1, 32, 1, 32),
    vae_stage=STAGE,
    flow_stage=replace(STAGE, steps=9),
    distil=DistilConfig(steps=2),
    distil_stage=STAGE,
    guess=GuessConfig(8, 8, 16, 2),
    guess_stage=STAGE,
)

SIX = SamplerOptions(steps=6)


@pytest.mark.slow
def test_the_stages_train_one_on_the_other(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(RECIPE, tmp_path, TrainSettings(at_least=3, log_every=1), tell=lambda _: None)
    with ExampleBuffer("cpu", 10**7, counts_of(STAGE)).feed(toy_example(seed) for seed in range(3)) as buffer:
        vae = train_vae(plan, buffer)
        flow = train_flow(plan, vae, buffer)
        student = train_few(plan, vae, flow, buffer)
        guess = train_guess(plan, vae, flow, buffer)
    lines = [json.loads(line) for line in (tmp_path / "flow/metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 9
    assert all(line["velocity"] > 0 for line in lines)
    assert float(flow.spread.std()) > 0
    with ExampleBuffer("cpu", 10**7, counts_of(STAGE)) as empty:  # no example is needed: both are trained
        again = train_flow(plan, train_vae(plan, empty), empty)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in flow.state_dict().items())
    assert any(not torch.equal(value, flow.state_dict()[name]) for name, value in student.state_dict().items())
    with ExampleBuffer("cpu", 10**7, counts_of(STAGE)) as empty:
        again_guess = train_guess(plan, vae, flow, empty)
    assert all(torch.equal(value, again_guess.state_dict()[name]) for name, value in guess.state_dict().items())
    assert float(guess.axes.norm(dim=1).min()) == pytest.approx(1.0, abs=1e-5)
    answers_where_nothing_else_is_asked(vae, flow, student, tmp_path)


def answers_where_nothing_else_is_asked(vae: ShapeVae, flow: ShapeFlow, student: ShapeFlow, folder: Path) -> None:
    save_model(vae, flow, RECIPE, folder / "both", few=student)
    save_model(vae, flow, RECIPE, folder / "one")
    both, one = load_model(folder / "both"), load_model(folder / "one")
    asked = conditions([Asked("a red chair", "", ())])
    few, many = (model.generate(asked, [1]) for model in (both, one))
    assert not torch.allclose(few, many)
    away = conditions([Asked("wood", "", ())])
    for start, unwanted, options in ((None, away, SamplerOptions()), (few, None, SamplerOptions()), (None, None, SIX)):
        drawn = [model.generate(asked, [1], options, unwanted, start, 0.5) for model in (both, one)]
        assert torch.equal(*drawn)


def test_a_guess_that_was_killed_ends_as_an_undisturbed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(4)
    vae, flow = ShapeVae(RECIPE.vae), ShapeFlow(RECIPE.flow, RECIPE.vae)

    def killed(line: str) -> None:
        if line.startswith("step 2:"):
            raise KeyboardInterrupt

    def guess(folder: str, tell: Callable[[str], None]) -> PictureGuess:
        machine = TrainSettings(at_least=3, log_every=1, save_every=1)
        each = (stack([toy_example(seed)]) for seed in range(3))  # a group each, as a stream makes them one by one
        with ExampleBuffer("cpu", 10**7, counts_of(STAGE)).feed(each) as buffer:
            return train_guess(Plan(RECIPE, tmp_path / folder, machine, tell=tell), vae, flow, buffer)

    whole = guess("whole", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        guess("killed", killed)
    again = guess("killed", lambda _: None)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
    shown: list[tuple[int, ...]] = []
    monkeypatch.setattr("ml.shapes.stages.jittered", lambda pictures, kinds: shown.append(kinds.shape) or pictures)
    still = guess("still", lambda _: None)
    assert len(shown) == STAGE.steps
    assert not torch.equal(still.parts.weight, whole.parts.weight)


def test_training_begins_with_a_model(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    vae = ShapeVae(RECIPE.vae)
    flow = ShapeFlow(RECIPE.flow, RECIPE.vae)
    save_model(vae, flow, RECIPE, tmp_path / "model")
    still = replace(RECIPE, vae_stage=replace(STAGE, steps=1, rate=0.0), flow_stage=replace(STAGE, steps=1, rate=0.0))
    plan = Plan(still, tmp_path, TrainSettings(at_least=3), tell=lambda _: None, start=tmp_path / "model")
    known = load_model(tmp_path / "model")
    with ExampleBuffer("cpu", 10**7, counts_of(STAGE)).feed(toy_example(seed) for seed in range(3)) as buffer:
        begun = train_vae(plan, buffer)
        led = train_flow(plan, begun, buffer)
        other = replace(plan, recipe=replace(still, vae=replace(RECIPE.vae, width=64)), folder=tmp_path / "other")
        with pytest.raises(InputError, match="other sizes"):
            train_vae(other, buffer)
    assert all(torch.equal(value, begun.state_dict()[name]) for name, value in known.vae.state_dict().items())
    assert all(torch.equal(value, dict(led.named_parameters())[name]) for name, value in known.flow.named_parameters())


def test_what_the_recipe_decides_is_over_what_the_machine_does() -> None:
    settings = settings_of(StageConfig(steps=200, warmup=0.1), 7, TrainSettings(seconds=9.0, compile=True, steps=3))
    assert (settings.steps, settings.warm, settings.seed) == (200, 20, 7)
    assert (settings.seconds, settings.compile) == (9.0, True)
    counts = counts_of(StageConfig(points=100, queries=99))
    assert (counts.surface, counts.edges, counts.near, counts.volume) == (100, 50, 66, 33)


@pytest.mark.parametrize("name", ["small", "base"])
def test_the_shipped_recipes_are_read(name: str) -> None:
    recipe = read_shape_recipe(Path(__file__).parents[3] / f"datasets/training/shapes-{name}.toml")
    assert recipe.vae_stage.steps > 1000
    assert settings_of(recipe.flow_stage, 0, TrainSettings()).batch == recipe.flow_stage.batch
