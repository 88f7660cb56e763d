"""The stages of the shape model: autoencoder, flow over its latents, the flow's student, the guess at pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ml.asset import InputError
from ml.shapes.blocks import Block
from ml.shapes.buffer import ExampleBuffer
from ml.shapes.checkpoint import Checkpoints
from ml.shapes.conditions import draw_pictures
from ml.shapes.distill import distil_loss
from ml.shapes.losses import encoded, flow_loss, vae_loss
from ml.shapes.model import load_model
from ml.shapes.picture_guess import PictureGuess, guess_loss, jittered
from ml.shapes.ranks import Ranks
from ml.shapes.recipe import ShapeRecipe, StageConfig
from ml.shapes.settings import Counts, TrainSettings
from ml.shapes.train import Loss, Sample, autocast, train
from ml.shapes.transformer import FlowBlock, ShapeFlow, whole_latent
from ml.shapes.vae import ShapeVae

COMPILED = (Block, FlowBlock)
SCALED_BY = 2048  # examples, or all that are there, whose latents give the flow its scale
ENCODED = 16  # examples at once
SHOWN = 4  # pictures of an asset that a step of the guess sees, each alone
NEAR_SHARE = 2 / 3  # of the queries, as in the examples


@dataclass(frozen=True)
class Plan:
    """What a stage shares with the others: where it writes, how it runs on this machine, and whom it tells.

    `machine` gives what no recipe decides: seconds, at_least, accumulate, how often what is written, compile.
    """

    recipe: ShapeRecipe
    folder: Path
    machine: TrainSettings = field(default_factory=TrainSettings)
    ranks: Ranks | None = None
    on_sample: Sample | None = None
    tell: Callable[[str], None] = print
    start: Path | None = None  # folder of a model whose autoencoder and flow training begins with


def train_vae(plan: Plan, buffer: ExampleBuffer) -> ShapeVae:
    """The autoencoder with averaged weights; goes on from what `folder/vae` holds. Raises as ml.shapes.train.train, and
    `weights.*` where `plan.start` holds no model of the recipe's sizes."""
    torch.manual_seed(plan.recipe.seed)
    buffer.counts = counts_of(plan.recipe.vae_stage)
    settings = settings_of(plan.recipe.vae_stage, plan.recipe.seed, plan.machine)
    vae = ShapeVae(plan.recipe.vae)
    _begin(vae, "vae", plan)
    trained = _trained("vae", vae, vae_loss, buffer, settings, plan)
    assert isinstance(trained, ShapeVae)
    return trained


def train_flow(plan: Plan, vae: ShapeVae, buffer: ExampleBuffer) -> ShapeFlow:
    """The flow over the latents of `vae`, which stays as it is; as `train_vae` otherwise."""
    torch.manual_seed(plan.recipe.seed + 1)
    buffer.counts = counts_of(plan.recipe.flow_stage)
    settings = settings_of(plan.recipe.flow_stage, plan.recipe.seed + 1, plan.machine)
    vae = vae.to(buffer.device).eval().requires_grad_(False)
    flow = ShapeFlow(plan.recipe.flow, plan.recipe.vae)
    _begin(flow, "flow", plan)
    flow = flow.to(buffer.device)
    if not Checkpoints(plan.folder / "flow").any():
        buffer.wait(settings.at_least)
        learn_scale(flow, vae, buffer, settings, plan.ranks)
    loss = partial(_flow_loss, vae)
    trained = _trained("flow", flow, loss, buffer, settings, plan)
    assert isinstance(trained, ShapeFlow)
    return trained


def train_guess(plan: Plan, vae: ShapeVae, flow: ShapeFlow, buffer: ExampleBuffer) -> PictureGuess:
    """The guess at what pictures show, on the examples that are there: no more come, and each is encoded once.

    Of a time in seconds it gets what its steps are of the flow's. Raises as `train_vae`.
    """
    stage = plan.recipe.guess_stage
    torch.manual_seed(plan.recipe.seed + 3)
    buffer.counts = counts_of(stage)
    seconds = plan.machine.seconds * stage.steps / plan.recipe.flow_stage.steps
    settings = settings_of(stage, plan.recipe.seed + 3, replace(plan.machine, seconds=seconds))
    guess = PictureGuess(plan.recipe.guess, plan.recipe.vae).to(buffer.device)

    @cache
    def latents() -> Tensor:
        buffer.close()
        return _whole_latents(vae.to(buffer.device).eval(), flow.to(buffer.device).eval(), buffer, settings)

    if not Checkpoints(plan.folder / "guess").any():
        buffer.wait(settings.at_least)
        share = guess.learn_axes(latents())
        plan.tell(f"guess: {len(guess.axes)} axes hold {share:.1%} of {len(latents())} latents")
        if plan.ranks and plan.ranks.world > 1:
            for values in (guess.middle, guess.axes, guess.spread):
                dist.broadcast(values, 0)
    loss = partial(_guess_loss, latents)
    trained = _trained("guess", guess, loss, buffer, settings, replace(plan, on_sample=None))
    assert isinstance(trained, PictureGuess)
    return trained


def _guess_loss(
    latents: Callable[[], Tensor], guess: PictureGuess, batch: dict[str, Tensor], step: int
) -> tuple[Tensor, dict[str, Tensor]]:
    parts = guess.parts_of(latents()[batch["rows"]].float())
    each = [draw_pictures(batch, 1) for _ in range(SHOWN)]  # of all views: four at once are the canonical four
    pictures, kinds, views = (torch.cat(some, dim=1) for some in zip(*each, strict=True))
    return guess_loss(guess, (jittered(pictures, kinds), kinds, views), batch["tokens"], parts)


@torch.no_grad()
def _whole_latents(vae: ShapeVae, flow: ShapeFlow, buffer: ExampleBuffer, settings: TrainSettings) -> Tensor:
    """(k, n + 1, c) standardised latents, float16, of all examples in the buffer."""
    found = []
    for start in range(0, buffer.count, ENCODED):
        batch = buffer.whole(slice(start, start + ENCODED))
        with autocast(buffer.device, settings.precision):
            mean, _ = encoded(vae, batch)
        found.append(flow.standardise(whole_latent(mean, batch["extents"])).half())
    return torch.cat(found)


def _begin(network: nn.Module, name: str, plan: Plan) -> None:
    """Take the weights of the model in `plan.start`, if there is one."""
    if plan.start is None:
        return
    try:
        network.load_state_dict(getattr(load_model(plan.start), name).state_dict())
    except RuntimeError as error:
        raise InputError("weights.other-size", f"{plan.start.name} is of other sizes than the recipe") from error


def train_few(plan: Plan, vae: ShapeVae, flow: ShapeFlow, buffer: ExampleBuffer) -> ShapeFlow:
    """The student of `flow`, which begins as a copy of it; as `train_flow` otherwise."""
    stage = plan.recipe.distil_stage
    torch.manual_seed(plan.recipe.seed + 2)
    buffer.counts = counts_of(stage)
    vae = vae.to(buffer.device).eval().requires_grad_(False)
    flow = flow.to(buffer.device).eval().requires_grad_(False)
    student = copy.deepcopy(flow).requires_grad_(True)
    loss = partial(distil_loss, flow, vae, plan.recipe.distil)
    settings = settings_of(stage, plan.recipe.seed + 2, plan.machine)
    trained = _trained("few", student, loss, buffer, settings, plan)
    assert isinstance(trained, ShapeFlow)
    return trained


def _flow_loss(vae: ShapeVae, flow: ShapeFlow, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
    return flow_loss(flow, vae, batch, step)


def _trained(
    stage: str, model: nn.Module, loss: Loss, buffer: ExampleBuffer, settings: TrainSettings, plan: Plan
) -> nn.Module:
    return train(stage, model, loss, buffer, settings, plan.folder, plan.ranks, plan.on_sample, plan.tell, COMPILED)


@torch.no_grad()
def learn_scale(
    flow: ShapeFlow, vae: ShapeVae, buffer: ExampleBuffer, settings: TrainSettings, ranks: Ranks | None
) -> None:
    """Mean and spread of the latents of random examples, rank 0's for all ranks."""
    generator = torch.Generator(buffer.device).manual_seed(settings.seed)
    latents = []
    for _ in range(-(-min(SCALED_BY, buffer.count) // settings.batch)):
        batch = buffer.batch(settings.batch, generator)
        with autocast(buffer.device, settings.precision):
            mean, _ = encoded(vae, batch)
        latents.append(whole_latent(mean, batch["extents"]))
    flow.learn_scale(torch.cat(latents))
    if ranks and ranks.world > 1:
        for values in (flow.middle, flow.spread):
            dist.broadcast(values, 0)


def settings_of(stage: StageConfig, seed: int, machine: TrainSettings) -> TrainSettings:
    """The trainer's settings: what the recipe decides over what the machine does."""
    warm = max(1, round(stage.warmup * stage.steps))
    chosen = replace(machine, steps=stage.steps, batch=stage.batch, rate=stage.rate, decay=stage.decay)
    return replace(chosen, warm=warm, floor=0.01, average=stage.average, seed=seed)


def counts_of(stage: StageConfig) -> Counts:
    """Points of an example a step: half as many on edges as on the surface, a third of the queries far from it."""
    near = round(NEAR_SHARE * stage.queries)
    return Counts(stage.points, stage.points // 2, near, stage.queries - near)
