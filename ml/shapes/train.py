"""Trains one network of the shape model from a buffer of examples: on a CPU, a GPU, or several ranks together."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ml.asset import InputError
from ml.shapes.buffer import Batch, ExampleBuffer
from ml.shapes.checkpoint import Checkpoints, captured, restored, write_weights
from ml.shapes.metrics import Metrics, compile_kinds, counted_flops, memory_gib
from ml.shapes.optimiser import MuonAdamW
from ml.shapes.ranks import Ranks
from ml.shapes.schedule import Clock, learning_rate
from ml.shapes.settings import TrainSettings

REPORTING = {"log_every", "save_every", "save_seconds", "sample_every", "compile", "at_least"}
LOST = 10
COUNTED = 8  # as many as the flow's loss has kinds of steps
# The loss to descend, and its terms for the log, all on the device.
Loss = Callable[[Any, Batch, int], tuple[Tensor, dict[str, Tensor]]]
Sample = Callable[[int, nn.Module], None]  # called with the step and the averaged weights


def train(
    stage: str,
    model: nn.Module,
    loss: Loss,
    buffer: ExampleBuffer,
    settings: TrainSettings,
    folder: Path,
    ranks: Ranks | None = None,
    on_sample: Sample | None = None,
    tell: Callable[[str], None] = print,
    compiled: tuple[type[nn.Module], ...] = (),
) -> nn.Module:
    """Train `model` in `folder/stage` and return its averaged weights, which `folder/stage/weights-*.safetensors` hold.

    Goes on from the newest checkpoint. What a step draws follows from the seed, the step and the rank alone: where the
    examples are the same (a source that ends, `at_least` no less than all of it), a killed training ends bit for bit as
    an undisturbed one does on the CPU. Raises InputError `training.other-recipe`, `training.no-examples` and, after
    LOST steps in a row without finite gradients, `training.diverged`.
    """
    run = _Training(stage, model, loss, buffer, settings, folder / stage, ranks or Ranks(device=buffer.device), tell)
    run.start(compiled)
    while not run.clock.over(run.step):
        run.one_step()
        if run.logs():
            run.log()
        if on_sample and settings.sample_every and run.step % settings.sample_every == 0 and run.ranks.rank == 0:
            on_sample(run.step, run.average)
        if run.saves():
            run.save()
    run.finish()
    return run.average


class Objective(nn.Module):
    """The loss as a module's forward pass, so that DistributedDataParallel sees every use of the weights."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its terms."""
        return self.loss(self.model, batch, step)


class _Training:
    """One stage while it runs."""

    def __init__(
        self,
        stage: str,
        model: nn.Module,
        loss: Loss,
        buffer: ExampleBuffer,
        settings: TrainSettings,
        folder: Path,
        ranks: Ranks,
        tell: Callable[[str], None],
    ) -> None:
        self.stage, self.buffer, self.settings, self.folder = stage, buffer, settings, folder
        self.ranks, self.tell = ranks, tell
        self.model = model.to(ranks.device).train()
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimiser = MuonAdamW(self.model, settings.rate, settings.decay, settings.beta)
        self.objective: nn.Module = Objective(self.model, loss)
        self.checkpoints = Checkpoints(folder)
        self.step = self.first = self.saved_step = self.lost = 0
        self.saved_at = time.monotonic()
        self.flops = 0.0
        self.sums: dict[str, Tensor] = {}
        self.skipped = torch.zeros((), device=ranks.device)
        self.generator = torch.Generator(ranks.device)

    def start(self, compiled: tuple[type[nn.Module], ...]) -> None:
        """From the newest checkpoint or the beginning, with enough examples."""
        saved = self.checkpoints.load()
        state: dict[str, Any] = {"step": 0, "share": 0.0, "spent": 0.0}
        if saved:
            state = saved[1]
            if _deciding(state["settings"]) != _deciding(asdict(self.settings)):
                raise InputError("training.other-recipe", f"{self.folder} holds a training of other settings")
            restored(saved[0], self.model, self.average, self.optimiser)
        self.step = self.first = self.saved_step = state["step"]
        self.clock = Clock(self.settings, state["share"], state["spent"])
        if self.ranks.rank == 0:
            self.metrics = Metrics(self.folder, self.tell, self.step)
        if self.clock.over(self.step):
            return
        self.buffer.wait(self.settings.at_least)
        if self.ranks.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
            self._count_flops()
            if self.settings.compile:
                self.tell(f"{self.stage}: {compile_kinds(self.model, compiled)} modules are compiled")
        if self.ranks.world > 1:
            # A step may leave a modality out, and with it weights without a gradient. All begin as rank 0 does.
            self.objective = DistributedDataParallel(
                self.objective, broadcast_buffers=False, find_unused_parameters=True
            )
            if not saved:
                self.average.load_state_dict(self.model.state_dict())
        self.logged_at, self.logged_step = time.monotonic(), self.step

    def one_step(self) -> None:
        """All backward passes of a step, the optimiser and the average; without waiting for the device."""
        settings, ranks = self.settings, self.ranks
        rate = learning_rate(settings, self.step, self.clock.share(self.step))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts = settings.accumulate * ranks.world
        self.generator.manual_seed(_seed(settings.seed, self.step))
        draw = self.buffer.draw(settings.batch * parts, self.generator)
        for at in range(settings.accumulate):
            part = at * ranks.world + ranks.rank
            torch.manual_seed(_seed(settings.seed, self.step, part))
            self._backward(self.buffer.gather(draw.part(part, parts)), self.step, at + 1 == settings.accumulate)
        norm = torch.nn.utils.clip_grad_norm_(self.weights, settings.clip)
        # The fused optimiser leaves out a step with gradients that are not finite by itself: to ask waits for the GPU.
        broken = (~torch.isfinite(norm)).float().to(self.ranks.device)
        self.optimiser.found_inf = broken  # type: ignore[attr-defined]
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.skipped += broken
        self._add({"norm": norm})
        self._average()
        self.step += 1

    def logs(self) -> bool:
        """Whether the device is waited for after this step: every `log_every` steps, and after the run's first."""
        return self.step % self.settings.log_every == 0 or self.step == self.first + 1 or self.clock.over(self.step)

    def log(self) -> None:
        """Means of the terms since the last line, on rank 0; all ranks learn how much of the time is spent."""
        steps = self.step - self.logged_step
        values = self.ranks.mean(torch.stack([*self.sums.values(), self.skipped])).tolist()
        terms = {name: value / steps for name, value in zip(self.sums, values, strict=False)}
        if self.step == self.first + 1:
            self.clock.first_step()
        self.clock.set(self.ranks.first_says(self.clock.read()))
        seconds = max(time.monotonic() - self.logged_at, 1e-9)
        if self.ranks.rank == 0:
            share = self.clock.share(self.step)
            rate = learning_rate(self.settings, self.step, share)
            self.metrics.write(
                self.step, terms | {"rate": rate, "share": share} | self._speed(steps, seconds, values[-1])
            )
        self.lost = self.lost + steps if values[-1] >= steps else 0
        if self.lost >= LOST:
            raise InputError("training.diverged", f"{self.stage}: no finite gradients up to step {self.step}")
        self.sums = {}
        self.skipped = torch.zeros_like(self.skipped)
        self.logged_at, self.logged_step = time.monotonic(), self.step

    def saves(self) -> bool:
        """Whether a checkpoint is due; by time only where the log was written, so that ranks agree."""
        settings = self.settings
        if settings.save_every and self.step % settings.save_every == 0:
            return True
        late = settings.save_seconds and time.monotonic() - self.saved_at > settings.save_seconds
        return bool(self.logs() and self.ranks.first_says(float(late)))

    def save(self) -> None:
        """A checkpoint and the averaged weights."""
        self.saved_at, self.saved_step = time.monotonic(), self.step
        if self.ranks.rank:
            return
        state: dict[str, Any] = {"step": self.step, "share": self.clock.share(self.step), "spent": self.clock.spent}
        state |= {"stage": self.stage, "examples": self.buffer.seen, "settings": asdict(self.settings)}
        self.checkpoints.save(self.step, captured(self.model, self.average, self.optimiser), state)
        write_weights(self.folder, self.average.state_dict(), self.step)

    def finish(self) -> None:
        """Everything on the disk."""
        if self.step > self.saved_step:
            self.save()
        if self.ranks.rank == 0:
            self.checkpoints.wait()
            self.metrics.close()
        self.ranks.all_here()

    def _backward(self, batch: Batch, step: int, last: bool = True) -> None:
        """Gradients of one part are added; ranks exchange them with the last one."""
        alone = self.objective.no_sync() if self.ranks.world > 1 and not last else nullcontext()  # type: ignore[operator]
        with alone:
            with autocast(self.ranks.device, self.settings.precision):
                loss, terms = self.objective(batch, step)
            (loss / self.settings.accumulate).backward()
        self._add({name: value / self.settings.accumulate for name, value in {"loss": loss, **terms}.items()})

    def _add(self, terms: dict[str, Tensor]) -> None:
        for name, value in terms.items():
            value = value.detach().float().to(self.ranks.device)
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        averaged: list[Tensor] = list(self.average.parameters())
        torch._foreach_lerp_(averaged, list[Tensor](self.model.parameters()), 1.0 - decay)
        for mean, value in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(value)

    def _count_flops(self) -> None:
        """Of one part, before anything is compiled: the mean of COUNTED steps, which may differ in what they see."""
        self.generator.manual_seed(0)
        batch = self.buffer.batch(self.settings.batch, self.generator)
        try:
            self.flops = sum(counted_flops(partial(self._backward, batch, step)) for step in range(COUNTED)) / COUNTED
        except RuntimeError as error:
            self.tell(f"{self.stage}: operations are not counted: {error}")
        self.optimiser.zero_grad(set_to_none=True)
        self.sums = {}

    def _speed(self, steps: int, seconds: float, skipped: float) -> dict[str, float]:
        parts = steps * self.settings.accumulate
        speed = {
            "seconds": self.clock.spent,
            "examples": self.buffer.seen,
            "examples/s": parts * self.ranks.world * self.settings.batch / seconds,
        }
        if self.flops:
            speed |= {"TFLOP/s": parts * self.flops / seconds / 1e12, "GiB": memory_gib(self.ranks.device)}
        return speed | ({"skipped": skipped} if skipped else {})


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bfloat16 where the settings ask for it, or `auto` runs on CUDA."""
    on = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=on)


def _deciding(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without those that change what is written and not what is learnt."""
    return {name: value for name, value in settings.items() if name not in REPORTING}


def _seed(*numbers: int) -> int:
    """One seed of several numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
