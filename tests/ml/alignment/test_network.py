"""The numpy network gives open_clip's features from open_clip's weights."""

from pathlib import Path

import numpy as np
import pytest

from ml.alignment.network import build_network
from ml.alignment.recipe import TrainingRecipe
from ml.alignment.tensors import read_tensors
from ml.alignment.tokens import tokenize

TEXTS = ["a tall victorian walnut chair with a red cushion", "", "boat", "three legged stool, not metal", "giraffe"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """A network of random weights, its norms' statistics stirred, and the file it was exported to."""
    torch = pytest.importorskip("torch")
    from open_clip.model import CLIP

    from ml.alignment.train import export

    recipe = TrainingRecipe(image_width=16, text_width=32, features=24)
    torch.manual_seed(3)
    model = CLIP(**recipe.model_config())
    for name, value in model.state_dict().items():
        if "running" in name or "bn" in name:
            value.copy_(value + torch.rand(value.shape)) if value.dtype == torch.float32 else None
    folder = tmp_path_factory.mktemp("weights")
    export(model, recipe, folder)
    return folder, model.half().float().eval()


@pytest.mark.slow
def test_features_are_open_clips(trained: tuple[Path, object]) -> None:
    import torch

    folder, model = trained
    network = build_network(read_tensors(folder / "model.safetensors"), TrainingRecipe(text_width=32).model_config())
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    from ml.alignment.train import normalised

    with torch.no_grad():
        seen = model.encode_image(normalised(pictures), normalize=True).numpy()  # type: ignore[attr-defined]
        read = model.encode_text(torch.from_numpy(tokenize(TEXTS)), normalize=True).numpy()  # type: ignore[attr-defined]
    assert np.abs(network.images(pictures) - seen).max() < 1e-4
    assert np.abs(network.texts(tokenize(TEXTS)) - read).max() < 1e-4
    assert np.allclose(np.linalg.norm(network.images(pictures), axis=1), 1.0, atol=1e-5)
