"""What a distillation can be told, and how it is carried out with a pipeline; torch is loaded only then."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ml.asset import InputError
from ml.generators.pretrained.shelf import Missing, accelerator_gb
from ml.prompt import Prompt

if TYPE_CHECKING:
    from ml.distill.field import Field, Start, Where

MODEL = "model_index.json"  # what a folder of a diffusers pipeline is told by


@dataclass(frozen=True)
class DistillSettings:
    """Which model is asked, how, and for how long. The guidance of 100 is DreamFusion's; for VSD say 7.5."""

    batch: ClassVar[int] = 1  # rows a call: one takes minutes to hours

    model: str = field(default="", metadata={"help": "folder of a diffusers text-to-image pipeline", "file": MODEL})
    method: Literal["sds", "vsd"] = field(default="sds", metadata={"help": "vsd learns a second score on the way"})
    guidance: float = field(default=100.0, metadata={"min": 0.0, "max": 500.0, "help": "how hard the prompt pulls"})
    negative: str = field(default="blurry, low quality, deformed", metadata={"help": "what no picture is to show"})
    steps: int = field(default=2000, metadata={"min": 1, "max": 100_000, "help": "of the optimiser"})
    batch_pictures: int = field(default=4, metadata={"min": 1, "max": 64, "help": "pictures a step"})
    side: int = field(default=64, metadata={"min": 16, "max": 512, "help": "pixels of a render"})
    finest: int = field(default=256, metadata={"min": 16, "max": 2048, "help": "cells of the finest grid of features"})
    resolution: int = field(default=192, metadata={"min": 32, "max": 512, "help": "cells the surface is cut at"})
    accept: tuple[str, ...] = field(
        default=(), metadata={"help": "the model's licence, or 'unknown', accepted by name"}
    )
    device: str = field(default="auto", metadata={"help": "auto, cuda, cuda:N or cpu"})

    @property
    def gpus(self) -> float:
        """Of the whole machine: renders and the model share one."""
        return 0.0 if self.device == "cpu" else 1.0

    def lacks(self) -> list[Missing]:
        """What a distillation with these options lacks on this machine."""
        from ml.distill.folder import lacks_pipeline

        return lacks_pipeline(self)


def device_of(options: DistillSettings) -> str:
    """Where everything runs."""
    return on_device(options.device)


def on_device(name: str) -> str:
    """The device of that name; "auto" is the GPU where there is one."""
    if name != "auto":
        return name
    return "cpu" if accelerator_gb() is None else "cuda"


def distilled(
    pipeline: Any, prompt: Prompt, options: DistillSettings, seed: int, start: Start, where: Where | None = None
) -> Field:
    """The field that the prompt pulls `start` to, on the options' device; it changes only `where` it may.

    Raises InputError `distill.unsupported-pipeline` and `distill.diverged`.
    """
    import torch

    from ml.distill.distillation import Distillation, distil
    from ml.distill.field import Field
    from ml.distill.hash_grid import HashGrid

    device = device_of(options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Field(HashGrid(8, 16, options.finest, 19), start, hidden=64, where=where).to(device)
        prior, own = scores(pipeline, prompt, options)
    how = Distillation(steps=options.steps, batch=options.batch_pictures, side=options.side)
    distil(made, prior, how, seed, own, device)
    return made


def scores(pipeline: Any, prompt: Prompt, options: DistillSettings) -> tuple[Any, Any]:
    """The prior of a prompt and, for VSD, the second score; raises InputError `distill.unsupported-pipeline`."""
    from ml.distill.diffusion_prior import DiffusionPrior
    from ml.distill.low_rank import LowRankScore

    unwanted = ", ".join(filter(None, (*prompt.negatives, options.negative)))
    words = ", ".join(filter(None, (prompt.text, "one object, plain background")))
    prior = DiffusionPrior(pipeline, words, unwanted, options.guidance)
    return prior, LowRankScore(prior) if options.method == "vsd" else None


def load_pipeline(folder: str, device: str) -> Any:
    """A diffusers pipeline from a folder, in bfloat16 on a GPU: its gradients do not overflow as those of float16 do.

    Raises InputError `model.missing-weights` where the folder holds none, `model.missing-package` without diffusers.
    """
    if not folder or not (Path(folder) / MODEL).is_file():
        text = f"{folder or 'no folder'}: name a diffusers pipeline with model = '…' (a folder with {MODEL})"
        raise InputError("model.missing-weights", text)
    try:
        import torch
        from diffusers import DiffusionPipeline
    except ImportError as error:
        raise InputError("model.missing-package", f"distill needs the extra 'learned': {error}") from error
    load: Any = DiffusionPipeline.from_pretrained  # untyped
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    checked = '"safety_checker"' in (Path(folder) / MODEL).read_text("utf-8", "replace")
    pipeline = load(folder, dtype=dtype, **({"safety_checker": None} if checked else {})).to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
