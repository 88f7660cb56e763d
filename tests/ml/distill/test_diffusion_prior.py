"""Pipelines of diffusers as priors: what they are asked, what their answers mean, and whole steps of SDS and VSD."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from ml.asset import Asset, InputError
from ml.distill.diffusion_prior import DiffusionPrior, NoiseSchedule, recorded_call
from ml.distill.distillation import Distillation, distil
from ml.distill.field import Ball, Field
from ml.distill.folder import lacks_pipeline
from ml.distill.hash_grid import HashGrid
from ml.distill.low_rank import LowRankScore
from ml.distill.rays import orbit_view
from ml.distill.rendering import Samples
from ml.distill.schedules import Shot
from ml.generators.distill import Distill, DistillOptions
from ml.generators.protocol import Request
from ml.prompt import parse_prompt

pytestmark = pytest.mark.slow  # diffusers alone takes seconds to load

SHOTS = [Shot(orbit_view(azimuth, 10.0, 40.0), azimuth, 10.0, torch.zeros(3)) for azimuth in (0.0, 180.0)]
TIMES = torch.tensor([0.3, 0.7])


def test_guided_noise_is_that_of_the_pipelines_own_call(latent_pipeline: Any) -> None:
    """The pipeline run by itself for one step, watched at its denoiser, and the prior, for one z and time."""
    prior = DiffusionPrior(latent_pipeline, "a chair", "ugly", guidance=7.5)
    z = torch.randn(1, *prior.shape)
    outputs: list[Tensor] = []
    hook = latent_pipeline.unet.register_forward_hook(lambda _, __, output: outputs.append(output[0]))
    latent_pipeline(
        prompt="a chair, back view",
        negative_prompt="ugly",
        guidance_scale=7.5,
        latents=z,
        num_inference_steps=2,
        output_type="latent",
    )
    hook.remove()
    time = latent_pipeline.scheduler.timesteps[0] / 999.0
    negative, positive = outputs[0].chunk(2)
    meant = prior.schedule.as_noise(negative + 7.5 * (positive - negative), z, time[None])
    assert torch.allclose(prior.noise(z, time[None], SHOTS[1:]), meant, atol=1e-4)
    assert not torch.allclose(prior.noise(z, time[None], SHOTS[:1]), meant, atol=1e-4)  # it knows front from back


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample", "flow"])
def test_every_kind_of_output_gives_the_noise(kind: str) -> None:
    config = {"prediction_type": kind, "num_train_timesteps": 1000}
    products = {} if kind == "flow" else {"alphas_cumprod": torch.linspace(0.999, 0.01, 1000)}
    name = "FlowMatchEulerDiscreteScheduler" if kind == "flow" else "DDIMScheduler"
    scheduler = type(name, (), {"config": config, **products})()
    schedule = NoiseSchedule(SimpleNamespace(scheduler=scheduler))
    z, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    alpha, sigma = (level[:, None, None, None] for level in schedule.levels(TIMES))
    output = {"epsilon": noise, "v_prediction": alpha * noise - sigma * z, "sample": z, "flow": noise - z}[kind]
    assert torch.allclose(schedule.as_noise(output, alpha * z + sigma * noise, TIMES), noise, atol=1e-4)


def small(prior: DiffusionPrior, own: LowRankScore | None) -> Field:
    """A field after two steps."""
    torch.manual_seed(0)
    field = Field(HashGrid(3, 4, 16, 12), Ball(), hidden=8)
    distil(field, prior, Distillation(steps=2, batch=2, side=12, samples=Samples(8, 6), eikonal_points=32), 1, own)
    return field


@pytest.mark.parametrize("kind", ["latent_pipeline", "pixel_pipeline"])
def test_steps_of_both_methods(kind: str, request: pytest.FixtureRequest) -> None:
    """The field moves, the second score learns, the prior stays what it was."""
    pipeline = request.getfixturevalue(kind)
    prior = DiffusionPrior(pipeline, "a chair", "ugly")
    before = [values.clone() for values in pipeline.unet.parameters()]
    points = torch.rand(20, 3) - 0.5
    plain = small(prior, None)
    assert not torch.equal(plain.distance(points), Ball()(points)[0])
    own = LowRankScore(prior)
    z = torch.randn(2, *prior.shape)
    assert torch.allclose(own.noise(z, TIMES, SHOTS), prior.predicted(z, TIMES, SHOTS, 1), atol=1e-6)
    small(prior, own)
    learnt = own.noise(z, TIMES, SHOTS)
    assert not torch.allclose(learnt, prior.predicted(z, TIMES, SHOTS, 1), atol=1e-7)
    assert torch.equal(prior.noise(z, TIMES, SHOTS), DiffusionPrior(pipeline, "a chair", "ugly").noise(z, TIMES, SHOTS))
    assert all(torch.equal(a, b) for a, b in zip(before, pipeline.unet.parameters(), strict=True))
    assert float(own.camera.weight.detach().abs().max()) > 0.0


def test_what_cannot_be_asked_is_refused(latent_pipeline: Any) -> None:
    def refused(pipeline: Any) -> str:
        with pytest.raises(InputError) as caught:
            recorded_call(pipeline, "a", "b")
        return caught.value.code

    assert refused(SimpleNamespace()) == "distill.unsupported-pipeline"
    packed = type(
        "Packed", (), {"unet": torch.nn.Linear(2, 2), "__call__": lambda self, **_: self.unet(torch.ones(1, 2))}
    )
    assert refused(packed()) == "distill.unsupported-pipeline"
    wordless = type("Wordless", (), {"unet": latent_pipeline.unet, "__call__": lambda self, image: None})
    assert refused(wordless()) == "distill.unsupported-pipeline"


@pytest.mark.parametrize("method", ["sds", "vsd"])
def test_the_generator_loads_a_folder(latent_pipeline: Any, tmp_path: Path, method: Literal["sds", "vsd"]) -> None:
    latent_pipeline.save_pretrained(tmp_path / "model")
    options = DistillOptions(
        str(tmp_path / "model"), method, 7.5, steps=2, batch_pictures=2, side=16, finest=32, resolution=32, device="cpu"
    )
    assert [each.code for each in lacks_pipeline(options)] == ["model.missing-licence"]  # all else is there
    (made,) = Distill(options).generate([Request("a", 0, prompt=parse_prompt("a chair, not red"))])
    assert isinstance(made, Asset)
    assert made.notes["distilled"] == f"{method}, 2 steps"
