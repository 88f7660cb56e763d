"""Any text-to-image pipeline of diffusers as a prior of pictures: its own calls, recorded once, with other pictures."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ml.asset import InputError
from ml.distill.schedules import Shot
from ml.distill.score import guided

SIDES = ("front", "side", "back", "overhead")


@dataclass(frozen=True)
class Call:
    """What a pipeline hands its denoiser for a prompt, beside picture and time: the first row of every tensor belongs
    to the negative prompt, the second to the prompt."""

    sample: str  # names of the denoiser's parameters
    timestep: str
    shape: tuple[int, ...]  # of one z
    others: Mapping[str, Any]


class _Recorded(Exception):
    """Ends a pipeline's call at its first denoising step."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = arguments


def recorded_call(pipeline: Any, prompt: str, negative: str) -> Call:
    """The first call of the pipeline's denoiser; raises InputError `distill.unsupported-pipeline`.

    So whatever the pipeline does to its words (several text encoders, masks, sizes as conditions) is done by itself,
    and nothing of it has to be known here. The denoiser itself is not run.
    """
    denoiser = denoiser_of(pipeline)
    signature = inspect.signature(denoiser.forward)

    def stop(_: Any, positional: Any, named: Any) -> None:
        raise _Recorded(dict(signature.bind(*positional, **named).arguments))

    hook = denoiser.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        pipeline(prompt=prompt, negative_prompt=negative, num_inference_steps=2, guidance_scale=7.5)
    except _Recorded as call:
        return _as_call(call.arguments, next(iter(signature.parameters)), type(pipeline).__name__)
    except TypeError as error:
        raise _unsupported(pipeline, f"it takes no prompt with a negative one: {error}") from error
    finally:
        hook.remove()
    raise _unsupported(pipeline, "it made a picture without its denoiser")


def _as_call(arguments: Mapping[str, Any], sample: str, name: str) -> Call:
    shape: tuple[int, ...] = tuple(getattr(arguments.get(sample), "shape", ()))
    if len(shape) != 4 or shape[0] != 2 or "timestep" not in arguments:
        text = "its denoiser does not take two pictures, one for each prompt, and a time"
        raise InputError("distill.unsupported-pipeline", f"{name}: {text}")
    others = {key: value for key, value in arguments.items() if key not in (sample, "timestep", "return_dict")}
    return Call(sample, "timestep", shape[1:], others)


def denoiser_of(pipeline: Any) -> Any:
    """The `unet` or `transformer` that predicts noise; raises InputError `distill.unsupported-pipeline`."""
    found = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    if found is None:
        raise _unsupported(pipeline, "it has neither unet nor transformer")
    return found


class DiffusionPrior:
    """A pipeline that is asked for its score, with a prompt for each side of the thing."""

    def __init__(self, pipeline: Any, prompt: str, negative: str = "", guidance: float = 100.0) -> None:
        """Raises InputError `distill.unsupported-pipeline`. DreamFusion's guidance is 100, ProlificDreamer's 7.5."""
        self.pipeline, self.denoiser, self.guidance = pipeline, denoiser_of(pipeline), guidance
        self.vae = getattr(pipeline, "vae", None)
        for network in (self.denoiser, self.vae):
            if network is not None:
                network.requires_grad_(False)
        words = {side: f"{prompt}, {side} view" for side in SIDES}
        self.calls = {side: recorded_call(pipeline, text, negative) for side, text in words.items()}
        self.shape = self.calls["front"].shape
        self.schedule = NoiseSchedule(pipeline)

    @property
    def device(self) -> torch.device:
        """Where the denoiser is."""
        found: torch.device = next(self.denoiser.parameters()).device
        return found

    @property
    def dtype(self) -> torch.dtype:
        """Of the denoiser's weights."""
        found: torch.dtype = next(self.denoiser.parameters()).dtype
        return found

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents of the mean of what the autoencoder sees, scaled as the pipeline has them; or pixels in −1 … 1."""
        scale = 1 if self.vae is None else int(self.pipeline.vae_scale_factor)
        size = (self.shape[1] * scale, self.shape[2] * scale)
        inputs = 2.0 * functional.interpolate(pictures, size, mode="bilinear", antialias=True) - 1.0
        if self.vae is None:
            return inputs
        found = self.vae.encode(inputs.to(next(self.vae.parameters()).dtype))
        latent = found.latent_dist.mode() if hasattr(found, "latent_dist") else found[0]
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        scaled: Tensor = (latent.float() - shift) * (getattr(self.vae.config, "scaling_factor", None) or 1.0)
        return scaled

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """α and σ of the pipeline's training."""
        alpha, sigma = self.schedule.levels(times)
        return alpha[:, None, None, None], sigma[:, None, None, None]

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        """With classifier-free guidance away from the negative prompt."""
        negative, positive = (self.predicted(noisy, times, shots, row) for row in (0, 1))
        return guided(negative, positive, self.guidance)

    def predicted(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot], row: int, extra: Any = None) -> Tensor:
        """The noise by the negative prompts (row 0) or the prompts (row 1); `extra` (b, 1, width) is added to the
        words' encodings, which are called `encoder_hidden_states` in every denoiser of diffusers."""
        calls = [self.calls[shot.side] for shot in shots]
        others = {name: _joined([call.others[name] for call in calls], row) for name in calls[0].others}
        if extra is not None and isinstance(others.get("encoder_hidden_states"), Tensor):
            others["encoder_hidden_states"] = others["encoder_hidden_states"] + extra.to(self.dtype)
        asked = {calls[0].sample: noisy.to(self.dtype), calls[0].timestep: self.schedule.timesteps(times)}
        found = self.denoiser(**asked, **others, return_dict=False)[0].float()
        return self.schedule.as_noise(found[:, : noisy.shape[1]], noisy, times)


class NoiseSchedule:
    """How much noise there is at a time, and what the denoiser's output means, by the pipeline's scheduler."""

    def __init__(self, pipeline: Any) -> None:
        """Raises InputError `distill.unsupported-pipeline`."""
        config = pipeline.scheduler.config
        self.count = int(config.get("num_train_timesteps", 1000))
        products = getattr(pipeline.scheduler, "alphas_cumprod", None)
        self.products = None if products is None else products.float().cpu()
        self.kind = "flow" if products is None else str(config.get("prediction_type", "epsilon"))
        flow = "FlowMatch" in type(pipeline.scheduler).__name__
        if self.kind not in ("epsilon", "v_prediction", "sample") and not flow:
            raise _unsupported(pipeline, f"its scheduler {type(pipeline.scheduler).__name__} is of no known kind")

    def timesteps(self, times: Tensor) -> Tensor:
        """(b,) as the denoiser counts them."""
        return times * self.count if self.products is None else self._indices(times)

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """(b,) α and σ: of a diffusion √ᾱ and √(1 − ᾱ) (Ho et al. 2020), of a flow 1 − t and t (Lipman et al. 2023)."""
        if self.products is None:
            return 1.0 - times, times
        product = self.products.to(times.device)[self._indices(times)]
        return product.sqrt(), (1.0 - product).sqrt()

    def as_noise(self, output: Tensor, noisy: Tensor, times: Tensor) -> Tensor:
        """The noise ε that a (b, c, h, w) output implies: of v = α ε − σ z, of z itself, or of a flow's ε − z."""
        alpha, sigma = (level[:, None, None, None] for level in self.levels(times))
        if self.kind == "epsilon":
            return output
        if self.kind == "v_prediction":
            return alpha * output + sigma * noisy
        if self.kind == "sample":
            return (noisy - alpha * output) / sigma
        return noisy + alpha * output

    def _indices(self, times: Tensor) -> Tensor:
        return (times * (self.count - 1)).round().long()


def _joined(values: Sequence[Any], row: int) -> Any:
    """One row of every tensor, of all calls; what is no tensor is the same in all of them."""
    first = values[0]
    if isinstance(first, Tensor):
        rows = [value[row : row + 1] if value.ndim and len(value) == 2 else value for value in values]
        return torch.cat(rows) if rows[0].ndim else first
    if isinstance(first, Mapping):
        return {key: _joined([value[key] for value in values], row) for key in first}
    return first


def _unsupported(pipeline: Any, why: str) -> InputError:
    return InputError("distill.unsupported-pipeline", f"{type(pipeline).__name__}: {why}")
