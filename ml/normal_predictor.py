"""Normals that a diffusers pipeline of Marigold's kind predicts from pictures, each in its own camera's axes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ml.asset import F32, U8, InputError
from ml.distill.settings import MODEL, load_pipeline

KIND = "NormalsPipeline"  # what the class of such a pipeline ends with, diffusers' MarigoldNormalsPipeline for one


def not_of_normals(index: Mapping[str, Any]) -> str:
    """Why a pipeline with this index predicts no normals; "" where it does."""
    name = str(index.get("_class_name", "a pipeline"))
    return "" if name.endswith(KIND) else f"{name} predicts no normals; name a folder of a {KIND}"


def predicted_normals(folder: str, pictures: Sequence[U8], device: str, seed: int = 0) -> F32:
    """(k, h, w, 3) unit normals of k pictures (h, w, 3), one after the other; x right, y up, z towards the observer.

    These axes are those of diffusers' Marigold (`MarigoldImageProcessor.visualize_normals`; Ke et al. 2024, Repurposing
    diffusion-based image generators for monocular depth estimation). Steps and resolution are the pipeline's own. The
    same pictures and seed give the same normals. Raises InputError `normals.unsupported-pipeline`, `model.missing-…`.
    """
    import torch

    pipeline = _pipeline(folder, device)
    chance = torch.Generator(device).manual_seed(seed)
    made = [pipeline(image=picture / np.float32(255.0), generator=chance).prediction[0] for picture in pictures]
    normals = np.stack(made).astype(np.float32)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.asarray(
        np.where(length > 0.0, normals / np.maximum(length, 1e-12), np.array([0.0, 0.0, 1.0], np.float32))
    )


@lru_cache(maxsize=1)
def _pipeline(folder: str, device: str) -> Any:
    """The pipeline, warm for the next asset of this process."""
    try:
        kind = not_of_normals(json.loads((Path(folder) / MODEL).read_bytes()))
    except (OSError, ValueError, AttributeError):
        kind = ""  # load_pipeline says what is wrong with it
    if kind:
        raise InputError("normals.unsupported-pipeline", f"{folder}: {kind}")
    return load_pipeline(folder, device)
