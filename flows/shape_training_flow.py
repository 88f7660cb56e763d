"""The Prefect flow that trains the shape model: one task a stage."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.shape_training import ShapeTraining, Stage, Studio, studio


@task(name="vae", cache_policy=NO_CACHE)
def vae_stage(room: Studio) -> Any:
    """The autoencoder."""
    return room.vae()


@task(name="flow", cache_policy=NO_CACHE)
def flow_stage(room: Studio, vae: Any) -> Any:
    """The flow over its latents."""
    return room.flow(vae)


@task(name="parts", cache_policy=NO_CACHE)
def parts_stage(room: Studio) -> Any:
    """What tells where on a shape its parts are, where the recipe wants it."""
    return room.parts()


@task(name="few", cache_policy=NO_CACHE)
def few_stage(room: Studio, vae: Any, network: Any) -> Any:
    """The flow's few-step student, where the recipe wants one."""
    return room.few(vae, network)


@task(name="guess", cache_policy=NO_CACHE)
def guess_stage(room: Studio, vae: Any, network: Any) -> Any:
    """What guesses from pictures where the flow begins, where the recipe wants it; the last to need examples."""
    return room.guess(vae, network)


@flow(name="train-shapes")
def train_shapes(
    recipe: str,
    out: str,
    stage: Stage = "all",
    device: str = "auto",
    workers: int = 1,
    memory_gib: float = 4.0,
    at_least: int = 2048,
    seconds: float = 0.0,
    compile: bool = False,
    sample_every: int = 2000,
    start: str = "",
) -> str:
    """Train what is asked for, from where a kill left it; the folder of the training."""
    machine = (workers, memory_gib, at_least, seconds, compile, sample_every)
    asked = ShapeTraining(recipe, out, stage, device, *machine, start)
    with studio(asked) as room:
        vae = vae_stage(room)
        if stage != "vae":
            network = flow_stage(room, vae)
            if stage == "all":
                parts, few = parts_stage(room), few_stage(room, vae, network)
                room.ship(vae, network, parts, few, guess_stage(room, vae, network))
            else:
                room.ship(vae, network)
    return out
