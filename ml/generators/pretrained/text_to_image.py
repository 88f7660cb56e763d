"""Words to a picture, for models that only take pictures: any text-to-image pipeline of diffusers."""

from __future__ import annotations

import inspect
from typing import Any

from PIL import Image

from ml.generators.pretrained.seeds import generators
from ml.prompt import Prompt

# What the image has to be for the silhouette to be found and for the models to read it: they were trained on renders
# of one centred object.
FRAMED = "{}, one object, whole, centred, three-quarter view, plain white background, even light"


class TextToImage:
    """A warm text-to-image pipeline."""

    def __init__(self, model: str, steps: int, device: str) -> None:
        """`model` is a folder or a hub's name."""
        import torch
        from diffusers import AutoPipelineForText2Image

        dtype = torch.float16 if device.startswith("cuda") else torch.float32
        load: Any = AutoPipelineForText2Image.from_pretrained  # untyped
        self.pipeline: Any = load(model, torch_dtype=dtype).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.steps, self.device = steps, device
        self.takes = inspect.signature(self.pipeline.__call__).parameters

    def draw(self, prompt: Prompt, seed: int) -> Image.Image:
        """RGBA; the same prompt and seed give the same picture on one kind of device."""
        options: dict[str, Any] = {"num_inference_steps": self.steps, "generator": generators([seed], self.device)[0]}
        if prompt.negatives and "negative_prompt" in self.takes:
            options["negative_prompt"] = ", ".join(prompt.negatives)
        image: Image.Image = self.pipeline(prompt=FRAMED.format(prompt.text), **options).images[0]
        return image.convert("RGBA")
