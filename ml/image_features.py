"""Features of pictures by a self-supervised vision model of transformers, as DINOv2: weights of this machine alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ml.asset import F32, U8, InputError
from ml.captioner import need_packages, weights_folder


@dataclass(frozen=True)
class ImageFeatures:
    """A warm model with its processor."""

    model: Any
    processor: Any

    def images(self, pictures: U8) -> F32:
        """(n, d) unit features of (n, h, w, 3) sRGB pictures: the class token of the last layer (Oquab et al. 2023)."""
        import torch

        with torch.no_grad():
            inputs = self.processor(images=[*pictures], return_tensors="pt")
            tokens = self.model(**inputs).last_hidden_state[:, 0]
            found: F32 = torch.nn.functional.normalize(tokens.float(), dim=1).numpy()
        return np.ascontiguousarray(found)


@lru_cache(maxsize=1)
def load_image_features(name: str) -> ImageFeatures:
    """The model of a folder or a pinned commit OWNER/NAME@COMMIT; no code of the repository is ever run.

    Raises InputError `weights.missing`, and `weights.unusable` for a model that gives no tokens of pictures.
    """
    need_packages(name, ("torch", "transformers"))
    folder = weights_folder(name)
    from transformers import AutoImageProcessor, AutoModel

    given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    load_model: Any = AutoModel.from_pretrained
    load_processor: Any = AutoImageProcessor.from_pretrained
    try:
        model = load_model(folder, use_safetensors=True, **given).eval()
        return ImageFeatures(model, load_processor(folder, **given))
    except Exception as error:  # whatever a configuration that does not fit raises
        raise InputError("weights.unusable", f"{name}: {' '.join(str(error).split())[:200]}") from error
