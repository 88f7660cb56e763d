"""How one stage of the shape model is trained: sizes of a step, rates, lengths, and how often what is written."""

from __future__ import annotations

from dataclasses import dataclass

from ml.asset import InputError


@dataclass(frozen=True)
class Counts:
    """How many points of an example one step sees, drawn anew each step; the whole set where it holds fewer."""

    surface: int = 2048
    edges: int = 512
    near: int = 1024  # queries near the surface: the first of a batch's queries
    volume: int = 512  # queries anywhere in the box: the rest


@dataclass(frozen=True)
class TrainSettings:
    """A stage ends after `steps` steps, or where `seconds` is not 0 after that time, its start and compiling included.

    The rate of AdamW rises for `warm` steps and falls along half a cosine of the share that is done, of steps or time,
    to `floor` of its peak. Weights are averaged with decay `average`, less in the first steps: (1 + n) / (10 + n).
    """

    batch: int = 16  # examples of one backward pass, on each device
    accumulate: int = 1  # backward passes of a step
    steps: int = 1000
    seconds: float = 0.0
    rate: float = 1e-3
    warm: int = 100
    floor: float = 0.02
    decay: float = 0.02  # of weights with two axes or more
    beta: float = 0.98  # of the squared gradients
    clip: float = 1.0  # norm of all gradients together
    average: float = 0.999
    seed: int = 0
    at_least: int = 1  # examples that have to be there before the first step; fewer where the source ends sooner
    log_every: int = 20  # steps; the device is waited for only there
    save_every: int = 0  # steps; 0: only by time and at the end
    save_seconds: float = 120.0  # 0: only by steps and at the end
    sample_every: int = 0  # steps; 0: never
    precision: str = "auto"  # float32, bfloat16 (autocast), auto: bfloat16 on CUDA
    compile: bool = False  # the kinds of modules that the stage names; on CUDA

    def __post_init__(self) -> None:
        for name in ("batch", "accumulate", "log_every"):
            if getattr(self, name) < 1:
                raise InputError("recipe.bad-value", f"{name} has to be at least 1")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise InputError("recipe.bad-value", f"precision {self.precision!r}: float32, bfloat16 or auto")
        if self.steps < 1 and self.seconds <= 0:
            raise InputError("recipe.bad-value", "a stage needs steps or seconds")
