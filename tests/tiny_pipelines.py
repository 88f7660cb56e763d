"""Tiny random pipelines of diffusers, built here: a latent one as Stable Diffusion, one of pixels, one of normals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = [
    "<|startoftext|>",
    "<|endoftext|>",
    *(chr(c) for c in range(97, 123)),
    *(f"{chr(c)}</w>" for c in range(97, 123)),
]


def tiny_tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate([*WORDS, ",</w>"])}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)


def tiny_text_encoder() -> Any:
    from transformers import CLIPTextModel

    return CLIPTextModel(_text_config()).eval()


def tiny_text_encoder_with_projection() -> Any:
    from transformers import CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(_text_config()).eval()


def _text_config() -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        projection_dim=16,
    )


def tiny_unet(channels: int, out: int) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=out,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    ).eval()


def tiny_autoencoder() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[8, 8],
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
    ).eval()


def latent_pipeline(folder: Path) -> Any:
    """Stable Diffusion's, at 16 pixels; its tokenizer's files go to a folder."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    torch.manual_seed(0)
    vae = tiny_autoencoder()
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=tiny_text_encoder(),
        tokenizer=tiny_tokenizer(folder / "tokenizer"),
        unet=tiny_unet(4, 4),
        scheduler=DDIMScheduler(prediction_type="v_prediction", steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def normals_pipeline(folder: Path) -> Any:
    """Marigold's of normals, in one step at 32 pixels."""
    from diffusers import DDIMScheduler, MarigoldNormalsPipeline

    torch.manual_seed(0)
    pipeline = MarigoldNormalsPipeline(
        unet=tiny_unet(8, 4),
        vae=tiny_autoencoder(),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False),
        text_encoder=tiny_text_encoder(),
        tokenizer=tiny_tokenizer(folder / "tokenizer"),
        prediction_type="normals",
        default_denoising_steps=1,
        default_processing_resolution=32,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


class PixelPipeline:
    """As DeepFloyd's calls its denoiser: no autoencoder, twice the channels out (the second half is a variance)."""

    def __init__(self, tokenizer: Any) -> None:
        from diffusers import DDPMScheduler

        torch.manual_seed(0)
        self.tokenizer, self.text_encoder, self.unet = tokenizer, tiny_text_encoder(), tiny_unet(3, 6)
        self.scheduler = DDPMScheduler()

    @torch.no_grad()
    def __call__(self, prompt: str, negative_prompt: str, num_inference_steps: int, guidance_scale: float) -> None:
        ids = self.tokenizer([negative_prompt, prompt], padding="max_length", truncation=True, return_tensors="pt")
        words = self.text_encoder(ids.input_ids)[0]
        self.scheduler.set_timesteps(num_inference_steps)
        self.unet(torch.randn(2, 3, 8, 8), self.scheduler.timesteps[0], encoder_hidden_states=words, return_dict=False)
        raise AssertionError("the denoiser ran")
