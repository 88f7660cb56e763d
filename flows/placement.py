"""Where a generator runs: guarded child or warm process, what share of a GPU it takes, which interpreter it needs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Iterable
from math import ceil
from typing import Any

from ml.generators.command import Command, CommandOptions
from ml.generators.pretrained.adapter import PretrainedOptions
from ml.generators.pretrained.card import ModelCard
from ml.generators.pretrained.shelf import accelerator_gb
from ml.generators.protocol import Generator
from ml.generators.registry import GENERATORS, build_generator

SERVER = "flows.serve_model"
GENERATE_BATCH = 8  # rows a call where nothing else is said: a chunk's first meshes arrive early
SHARES = 20  # a GPU is shared out in twentieths: actors of one model fill it without rounding errors


def runs_guarded(name: str, options: object) -> bool:
    """Whether each call is to run in a guarded child of the CPU's limits: no model, no GPU that its options ask for,
    and no programs of its own."""
    return not (GENERATORS[name][0].gpus or own_process(name) or gpus_of(name, options))


def own_process(name: str) -> bool:
    """Whether it starts programs of its own, kills what hangs of them and starts them anew."""
    return bool(getattr(GENERATORS[name][0], "own_process", False))


def asks_model(steps: Iterable[tuple[str, object]]) -> bool:
    """Whether a chain has a step that loads a large model: neither the time nor the memory of others fits it."""
    return any(getattr(options, "asks_model", False) for _, options in steps)


def gpu_step(steps: Iterable[tuple[str, object]]) -> tuple[str, float]:
    """Of a chain's steps the one that needs the largest share of a GPU, as its options' `gpus` says, and that share;
    ("", 0.0) for a chain that needs none."""
    shares = ((name, asked_gpus(options) or 0.0) for name, options in steps)
    return max(((name, share) for name, share in shares if share), key=lambda each: each[1], default=("", 0.0))


def asked_gpus(options: object) -> float | None:
    """GPUs that options ask for by themselves: what their `gpus` says, else a whole one where `device` names CUDA;
    None where they say nothing."""
    said = getattr(options, "gpus", None)
    if said is not None:
        return float(said)
    return 1.0 if str(getattr(options, "device", "")).startswith("cuda") else None


def gpus_of(name: str, options: object) -> float:
    """GPUs that one actor takes: what its options ask for, else its share of a GPU's memory, else its class's."""
    made = GENERATORS[name][0]
    card = getattr(made, "card", None)
    if isinstance(card, ModelCard) and getattr(options, "gpus", None) is None:
        return 0.0 if getattr(options, "device", "") == "cpu" else gpu_share(card.vram_gb, accelerator_gb())
    said = asked_gpus(options)
    return made.gpus if said is None else said


def batch_of(name: str, options: object) -> int:
    """Rows a call: what the options say, else what the model takes at once."""
    card = getattr(GENERATORS[name][0], "card", None)
    own = card.batch if isinstance(card, ModelCard) else GENERATE_BATCH
    return int(getattr(options, "batch", 0)) or own


def gpu_share(needed_gb: float, memory_gb: float | None) -> float:
    """The share of a GPU's memory that a model needs, rounded up; a whole GPU where its memory is not known."""
    return 1.0 if memory_gb is None else min(1.0, ceil(SHARES * needed_gb / memory_gb) / SHARES)


def local_gpus() -> int | None:
    """GPUs of this machine that MESHMILL_GPUS says there are, None to count them."""
    said = os.environ.get("MESHMILL_GPUS")
    return int(said) if said else None


def environment_of(options: object) -> str:
    """The `runtime_env` of the actor that a generator's options ask for, as JSON; "" for this process's own."""
    image, python = getattr(options, "image", ""), getattr(options, "python", "")
    if image:
        return json.dumps({"image_uri": image})
    return json.dumps({"py_executable": absolute(python)}) if python and getattr(options, "in_actor", False) else ""


def absolute(program: str) -> str:
    """A program as it is found here, its links kept: an environment's interpreter is known by where it lies."""
    return os.path.abspath(shutil.which(program) or program)  # noqa: PTH100


def make_generator(name: str, options: Any) -> Generator:
    """The generator; behind files where its options name another interpreter than this one."""
    if isinstance(options, PretrainedOptions) and options.python and absolute(options.python) != sys.executable:
        return served(name, options)
    return build_generator(name, options)


def served(name: str, options: PretrainedOptions) -> Command:
    """A pretrained model that another interpreter keeps warm and that is asked through files."""
    plain = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    command = (
        options.python,
        "-m",
        SERVER,
        name,
        json.dumps({**plain, "python": "", "in_actor": False}, sort_keys=True),
    )
    return Command(CommandOptions(command=command, mode="serve"), name)
