"""Shap-E through diffusers' own classes with tiny random components: a coloured mesh that its seed decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from ml.asset import Asset
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import folder_of
from tests.ml.pretrained.conftest import pull
from tests.tiny_pipelines import tiny_text_encoder_with_projection, tiny_tokenizer

pytestmark = [
    pytest.mark.slow,  # diffusers loads in seconds, and asks 2 million places whether they are inside
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # diffusers hands numpy tensors
]


def tiny_shap_e(folder: Path) -> Any:
    from diffusers import HeunDiscreteScheduler, PriorTransformer, ShapEPipeline
    from diffusers.pipelines.shap_e import ShapERenderer

    torch.manual_seed(0)
    prior = PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=8,
        embedding_dim=16,
        num_embeddings=32,  # a row of latents for each row of the renderer's matrices
        additional_embeddings=0,
        num_layers=1,
        embedding_proj_dim=16,
        clip_embed_dim=32,
        time_embed_dim=64,
        time_embed_act_fn="gelu",
        norm_in_type="layer",
        encoder_hid_proj_type=None,
        added_emb_type=None,
    )
    renderer = ShapERenderer(
        param_shapes=((8, 93), (8, 8), (8, 8), (8, 8)), d_latent=16, d_hidden=8, n_output=12, background=(0.1, 0.1, 0.1)
    )
    scheduler = HeunDiscreteScheduler(
        beta_schedule="exp", prediction_type="sample", use_karras_sigmas=True, clip_sample=True, clip_sample_range=1.0
    )
    words = tiny_tokenizer(folder / "tokenizer")
    return ShapEPipeline(prior, tiny_text_encoder_with_projection(), words, scheduler, renderer)


@pytest.fixture
def pulled(models: Path, tmp_path: Path) -> None:
    card = PRETRAINED["shap-e"][0].card
    tiny_shap_e(tmp_path).save_pretrained(folder_of(card.weights[0]))
    pull(card)


def shape(generator: Any, solid: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Give the random renderer a surface: what it says is added to `solid` of the places, positive inside.

    Its tables of marching cubes come with the weights and are zeros here: in their place a ball of that volume is made.
    """
    from diffusers.pipelines.shap_e.renderer import MeshDecoderOutput

    renderer = generator.model.shap_e_renderer
    head, ball = renderer.mlp, trimesh.creation.icosphere(2)
    plain = head.forward

    def decoded(field: torch.Tensor, *_: torch.Tensor) -> Any:
        inside = float(field.clamp(min=0.0).mean())
        verts = torch.tensor(ball.vertices * inside, dtype=torch.float32)
        faces = torch.tensor(ball.faces)
        return MeshDecoderOutput(verts, faces, {}) if inside else MeshDecoderOutput(verts[:0], faces[:0], {})

    def shaped(**given: Any) -> Any:
        found = plain(**given)
        found.signed_distance = solid(given["position"]) + torch.tanh(found.signed_distance) / 4
        return found

    head.forward, renderer.mesh_decoder.forward = shaped, decoded


def test_words_become_a_coloured_mesh_that_its_seed_decides(
    pulled: None, ready: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    generator = ready("shap-e", steps=2)
    shape(generator, lambda places: 0.5 - places.norm(dim=-1, keepdim=True))
    first, again, other = generator.generate([ask("a", seed, kinds=("prompt",)) for seed in (1, 1, 2)])
    assert all(isinstance(made, Asset) for made in (first, again, other)), (first, again, other)
    part = first.parts[0]
    assert len(part.faces) > 100
    assert part.colors is not None
    assert np.array_equal(part.vertices, again.parts[0].vertices)
    assert part.vertices.tobytes() != other.parts[0].vertices.tobytes()
    before = torch.random.get_rng_state()
    generator.generate([ask("a", 1, kinds=("prompt",))])
    assert torch.equal(before, torch.random.get_rng_state())  # its own chance, not the process's


def test_an_empty_shape_is_an_answer(pulled: None, ready: Callable[..., Any], ask: Callable[..., Any]) -> None:
    generator = ready("shap-e", steps=1)
    shape(generator, lambda places: -torch.ones_like(places[..., :1]))
    (answer,) = generator.generate([ask("a", 1, kinds=("prompt",))])
    assert not isinstance(answer, Asset)
    assert answer.code == "model.no-surface"


def test_a_picture_is_never_one_of_a_list(
    models: Path, stand_ins: Any, ready: Callable[..., Any], ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a list the source takes the first picture alone, so each has a call of its own."""
    from types import SimpleNamespace

    import diffusers

    square = SimpleNamespace(verts=torch.rand(4, 3), faces=torch.tensor([[0, 1, 2], [0, 2, 3]]))
    square.vertex_channels = {name: torch.rand(4) for name in "RGB"}
    call = stand_ins.function("ShapEImg2ImgPipeline.__call__", SimpleNamespace(images=[square]))
    model = type("Model", (), {"__call__": lambda self, *a, **k: call(*a, **k), "to": lambda self, _: self})()
    model.set_progress_bar_config = lambda **_: None
    monkeypatch.setattr(diffusers, "ShapEImg2ImgPipeline", SimpleNamespace(from_pretrained=lambda _: model))
    ready("shap-e-image").generate([ask("a", 1), ask("b", 2)])
    given = [named for name, named in stand_ins.calls if name == "ShapEImg2ImgPipeline.__call__"]
    assert [each["generator"].initial_seed() for each in given] == [1, 2]
    assert all(each["image"].mode == "RGB" for each in given)
    assert not any(isinstance(each["image"], list) for each in given)
