"""The residual model as it is run: dilated convolutions in numpy, and the few steps in which it draws a map."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from ml.asset import F32

WEIGHTS = Path(__file__).parent / "weights" / "residual.safetensors"
CONDITIONS = 3  # curvature, curvature over a wider neighbourhood, mask
WIDTH = 32
DILATIONS = (1, 2, 4, 8, 2)  # pixels: together one sees 18 to each side
TIMES = 8  # numbers that tell the network how noisy its input is
STEPS = 8
Weights = Mapping[str, F32]


@cache
def shipped_weights() -> Weights:
    """The weights of this house's model as float32, by name."""
    return read_weights(WEIGHTS)


def read_weights(path: Path) -> Weights:
    """The float16 arrays of a safetensors file as float32; the format's own header, without its library."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, about in header.items():
        first, last = about["data_offsets"]
        values = np.frombuffer(data[8 + length + first : 8 + length + last], "<f2")
        found[name] = values.reshape(about["shape"]).astype(np.float32)
    return found


def time_features(t: float) -> F32:
    """(TIMES,) sines and cosines of the noise level t, 0 … 1."""
    angles = np.pi * t * 2.0 ** np.arange(TIMES // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)


def denoised(weights: Weights, noisy: F32, conditions: F32, t: float) -> F32:
    """(h, w) what the network takes the residual in `noisy` (h, w) to be, seen `conditions` (h, w, CONDITIONS)."""
    inputs = np.concatenate([noisy[..., None], conditions], axis=-1)
    hidden = _silu(_conv(inputs, weights["first.weight"], 1) + weights["first.bias"])
    shifts = weights["time.weight"] @ time_features(t) + weights["time.bias"]
    for k, dilation in enumerate(DILATIONS):
        shift = weights[f"layers.{k}.bias"] + shifts[k * WIDTH : (k + 1) * WIDTH]
        hidden = hidden + _silu(_conv(hidden, weights[f"layers.{k}.weight"], dilation) + shift)
    drawn = hidden.reshape(-1, WIDTH) @ weights["last.weight"].reshape(WIDTH) + weights["last.bias"]
    return np.asarray(drawn.reshape(noisy.shape), np.float32)


def draw_residual(weights: Weights, conditions: F32, seed: int, steps: int = STEPS) -> F32:
    """(h, w) a residual of about unit size for `conditions` (h, w, CONDITIONS), 0 outside the mask.

    From noise in `steps` steps along straight lines, x_t = (1 − t) residual + t noise (Liu et al. 2023, Rectified
    flow), where the network says the residual itself. The same map for the same seed.
    """
    mask = conditions[..., -1]
    noise = np.random.default_rng(seed).standard_normal(mask.shape).astype(np.float32)
    levels = np.linspace(1.0, 0.0, steps + 1)
    x = noise * mask
    for now, then in itertools.pairwise(levels):
        clean = denoised(weights, x, conditions, float(now)) * mask
        x = clean + np.float32(then / now) * (x - clean)
    return x


def _conv(image: F32, kernel: F32, dilation: int) -> F32:
    """3×3 convolution of (h, w, c) with (out, c, 3, 3), zeros beyond the border: nine products of matrices."""
    height, width, channels = image.shape
    padded = np.pad(image, ((dilation, dilation), (dilation, dilation), (0, 0)))
    total = np.zeros((height * width, len(kernel)), np.float32)
    for row in range(3):
        for column in range(3):
            y, x = row * dilation, column * dilation
            seen = padded[y : y + height, x : x + width].reshape(-1, channels)
            total += seen @ kernel[:, :, row, column].T
    return total.reshape(height, width, len(kernel))


def _silu(x: F32) -> F32:
    return np.asarray(x / (1.0 + np.exp(-np.maximum(x, -60.0))), np.float32)
