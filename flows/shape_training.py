"""Trains the shape model on procedural examples, in this process, as a rank of torchrun, or in workers of Ray Train."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flows.sample_grids import SampleGrid
from ml.shapes.recipe import read_shape_recipe
from ml.shapes.settings import TrainSettings

if TYPE_CHECKING:
    from ml.shapes.buffer import ExampleBuffer
    from ml.shapes.sampler import SamplerOptions
    from ml.shapes.stages import Plan

Stage = Literal["vae", "flow", "all"]  # all: the reader of parts too, and a student and a guess where they are wanted
GIB = 1 << 30


@dataclass(frozen=True)
class ShapeTraining:
    """What is trained where, and what no recipe decides."""

    recipe: str  # file
    out: str
    stage: Stage = "all"
    device: str = "auto"  # cpu, cuda, or auto: a GPU where there is one
    workers: int = 1  # processes that make examples, of each rank
    memory_gib: float = 4.0  # of examples, on the device
    at_least: int = 2048  # examples before the first step; with all of the recipe's, a training can be repeated exactly
    seconds: float = 0.0  # of each stage; 0: the recipe's steps
    compile: bool = False
    sample_every: int = 2000  # steps between two grids of samples; 0: none
    start: str = ""  # folder of a model that training begins with; "": random weights


class Studio:
    """The buffer and the plan that the stages share; a plain class: Prefect looks into dataclasses."""

    def __init__(self, plan: Plan, buffer: ExampleBuffer) -> None:
        self.plan, self.buffer = plan, buffer

    def vae(self) -> Any:
        """Train the autoencoder, or take the trained one."""
        from ml.shapes.stages import train_vae

        return train_vae(self.plan, self.buffer)

    def flow(self, vae: Any) -> Any:
        """Train the flow over the autoencoder's latents, or take the trained one."""
        from ml.shapes.sampler import SamplerOptions
        from ml.shapes.stages import train_flow

        return train_flow(self._showing("flow", vae, SamplerOptions()), vae, self.buffer)

    def parts(self) -> Any:
        """Train the reader of parts, on one CPU core: 4,000 shapes in 6 minutes; None where the recipe wants none."""
        from tasks.shape_part_training import first_shapes, train_parts

        wanted = self.plan.recipe.part_shapes
        return train_parts(first_shapes(wanted)) if wanted else None

    def guess(self, vae: Any, flow: Any) -> Any:
        """Train the guess at pictures, or take the trained one; None where the recipe wants none."""
        from ml.shapes.stages import train_guess

        return train_guess(self.plan, vae, flow, self.buffer) if self.plan.recipe.guess_stage.steps else None

    def few(self, vae: Any, flow: Any) -> Any:
        """Train the flow's student, or take the trained one; None where the recipe wants none."""
        from ml.shapes.sampler import SamplerOptions
        from ml.shapes.stages import train_few

        steps = self.plan.recipe.distil.steps
        if not steps:
            return None
        plan = self._showing("few", vae, SamplerOptions(steps, guidance=1.0, order=1))
        return train_few(plan, vae, flow, self.buffer)

    def _showing(self, stage: str, vae: Any, options: SamplerOptions) -> Plan:
        """The plan, with grids of samples in `stage/samples`."""
        return replace(self.plan, on_sample=SampleGrid(vae, options, self.plan.folder / stage / "samples"))

    def ship(self, vae: Any, flow: Any, parts: Any = None, few: Any = None, guess: Any = None) -> None:
        """Write `model/`, which ml.shapes.model.load_model loads."""
        from ml.shapes.model import save_model

        if self.plan.ranks is None or self.plan.ranks.rank == 0:
            save_model(vae, flow, self.plan.recipe, self.plan.folder / "model", parts, guess, few)


@contextmanager
def studio(asked: ShapeTraining) -> Iterator[Studio]:
    """While it is open, examples are made. Raises InputError of the recipe, ModuleNotFoundError without `learned`."""
    recipe = read_shape_recipe(Path(asked.recipe))
    from ml.shapes.buffer import ExampleBuffer
    from ml.shapes.ranks import joined
    from ml.shapes.stages import Plan, counts_of
    from tasks.shape_stream import ExampleStream

    with joined(asked.device) as ranks:
        share = -(-recipe.examples // ranks.world)
        at_least = min(asked.at_least, share)
        machine = TrainSettings(
            seconds=asked.seconds, at_least=at_least, compile=asked.compile, sample_every=asked.sample_every
        )
        start = Path(asked.start) if asked.start else None
        plan = Plan(recipe, Path(asked.out), machine, ranks, tell=tell, start=start)
        with (
            ExampleStream(recipe.seed, start=ranks.rank * share, workers=asked.workers) as stream,
            ExampleBuffer(ranks.device, int(asked.memory_gib * GIB), counts_of(recipe.vae_stage)) as buffer,
        ):
            buffer.feed(islice(stream, share))
            yield Studio(plan, buffer)


def train_stages(asked: ShapeTraining) -> None:
    """Every stage that is asked for, from where a kill left it."""
    with studio(asked) as room:
        vae = room.vae()
        if asked.stage == "vae":
            return
        flow = room.flow(vae)
        others = (room.parts(), room.few(vae, flow), room.guess(vae, flow)) if asked.stage == "all" else ()
        room.ship(vae, flow, *others)


def train_on_ray(asked: ShapeTraining, ranks: int, gpu: bool) -> None:
    """The same in workers of Ray Train, a GPU or a CPU each; all of them have to see the folder `out`.

    Uses the Ray that RAY_ADDRESS names or this process is attached to, else one of its own.
    """
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from flows.cluster import start_ray

    own = not ray.is_initialized() and start_ray()
    scaling = ScalingConfig(num_workers=ranks, use_gpu=gpu)
    place = RunConfig(name="ray", storage_path=str(Path(asked.out).resolve()))
    try:
        TorchTrainer(_ray_rank, train_loop_config=asdict(asked), scaling_config=scaling, run_config=place).fit()
    finally:
        if own:
            ray.shutdown()


def _ray_rank(asked: dict[str, Any]) -> None:
    train_stages(ShapeTraining(**asked))


def tell(line: str) -> None:
    """A line of progress, beside the command's output."""
    print(line, file=sys.stderr, flush=True)
