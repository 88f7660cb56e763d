"""The shipped dual encoder in plain numpy: open_clip's ModifiedResNet and text transformer, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.alignment.tensors import Arrays
from ml.alignment.tokens import I64
from ml.asset import F32, U8

# Mean and standard deviation of pixel values, those of every CLIP since Radford et al. 2021, as open_clip has them.
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
EPSILON = 1e-5  # torch's default in batch and layer norms
_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True)
class Network:
    """Weights by the names that open_clip's CLIP has for them, batch norms folded into convolutions."""

    weights: Mapping[str, F32]
    heads: int  # of the image tower's pooling
    text_heads: int
    text_layers: int

    def images(self, pictures: U8) -> F32:
        """(n, d) unit features of (n, s, s, 3) pictures of the size it was trained for: 5 ms of CPU each at 64²."""
        w = self.weights
        x = standardised(pictures)
        for k, stride in ((1, 2), (2, 1), (3, 1)):
            x = _relu(_conv3(x, w[f"visual.{k}"], w[f"visual.{k}.bias"], stride))
        x = _halved(x)
        for stage in (1, 2, 3, 4):
            x = self._bottleneck(x, f"visual.layer{stage}.0", stage > 1)
        return _unit(self._pooled(x))

    def texts(self, tokens: I64) -> F32:
        """(n, d) unit features of (n, c) token numbers as `tokenize` gives them."""
        w = self.weights
        length = max(1, int((tokens != 0).sum(axis=1).max(initial=1)))
        cut = tokens[:, :length]  # the mask lets no word see what comes after it, so padding may go
        x = w["token_embedding.weight"][cut] + w["positional_embedding"][:length]
        for layer in range(self.text_layers):
            x = self._block(x, f"transformer.resblocks.{layer}")
        x = _layer_norm(x, w, "ln_final")
        return _unit(x[np.arange(len(cut)), cut.argmax(axis=1)] @ w["text_projection"])

    def _bottleneck(self, x: F32, name: str, halve: bool) -> F32:
        w = self.weights
        out = _relu(x @ w[f"{name}.1"] + w[f"{name}.1.bias"])
        out = _relu(_conv3(out, w[f"{name}.2"], w[f"{name}.2.bias"], 1))
        out, short = (_halved(out), _halved(x)) if halve else (out, x)
        out = out @ w[f"{name}.3"] + w[f"{name}.3.bias"]
        return _relu(out + short @ w[f"{name}.short"] + w[f"{name}.short.bias"])

    def _pooled(self, x: F32) -> F32:
        """Attention of the mean over all places, and over itself."""
        w, name = self.weights, "visual.attnpool"
        flat = x.reshape(len(x), -1, x.shape[-1])
        flat = np.concatenate([flat.mean(axis=1, keepdims=True), flat], axis=1) + w[f"{name}.positional_embedding"]
        q, k, v = (_linear(part, w, f"{name}.{which}_proj") for which, part in
                   (("q", flat[:, :1]), ("k", flat), ("v", flat)))  # fmt: skip
        return _linear(_attention(q, k, v, self.heads, None)[:, 0], w, f"{name}.c_proj")

    def _block(self, x: F32, name: str) -> F32:
        w = self.weights
        inner = _layer_norm(x, w, f"{name}.ln_1") @ w[f"{name}.attn.in_proj_weight"].T + w[f"{name}.attn.in_proj_bias"]
        q, k, v = np.split(inner, 3, axis=-1)
        later = np.triu(np.full((x.shape[1], x.shape[1]), -np.inf, np.float32), 1)
        x = x + _linear(_attention(q, k, v, self.text_heads, later), w, f"{name}.attn.out_proj")
        hidden = _linear(_layer_norm(x, w, f"{name}.ln_2"), w, f"{name}.mlp.c_fc")
        hidden = hidden * 0.5 * (1.0 + _erf(hidden / math.sqrt(2.0)).astype(np.float32))
        return x + _linear(hidden, w, f"{name}.mlp.c_proj")


def standardised(pictures: U8 | F32, mean: Sequence[float] = MEAN, spread: Sequence[float] = SPREAD) -> F32:
    """Pixels 0–255 of (…, 3) as a network takes them."""
    middle, unit = np.array(mean, np.float32), np.array(spread, np.float32)
    return np.asarray((pictures.astype(np.float32) / np.float32(255.0) - middle) / unit)


def build_network(arrays: Arrays, config: Mapping[str, Any]) -> Network:
    """The network of open_clip's state and configuration; only towers of one block a stage, as the shipped one's."""
    state = {name: np.asarray(values, dtype=np.float32) for name, values in arrays.items()}
    weights = {name: values for name, values in state.items() if not name.startswith("visual.")}
    weights |= {name: values for name, values in state.items() if name.startswith("visual.attnpool.")}
    for k in (1, 2, 3):
        _fold(weights, f"visual.{k}", state, f"visual.conv{k}", f"visual.bn{k}")
    for stage in (1, 2, 3, 4):
        block = f"visual.layer{stage}.0"
        for k in (1, 2, 3):
            _fold(weights, f"{block}.{k}", state, f"{block}.conv{k}", f"{block}.bn{k}")
        _fold(weights, f"{block}.short", state, f"{block}.downsample.0", f"{block}.downsample.1")
    image, text = config["vision_cfg"], config["text_cfg"]
    return Network(weights, image["width"] * 32 // image["head_width"], text["heads"], text["layers"])


def _fold(weights: dict[str, F32], name: str, state: Mapping[str, F32], conv: str, norm: str) -> None:
    """One convolution with its batch norm: (k, k, in, out), or (in, out) where it is 1 × 1, and a bias."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + np.float32(EPSILON))
    kernel = (state[f"{conv}.weight"] * scale[:, None, None, None]).transpose(2, 3, 1, 0)
    weights[name] = np.ascontiguousarray(kernel[0, 0] if kernel.shape[0] == 1 else kernel)
    weights[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale


def _conv3(x: F32, kernel: F32, bias: F32, stride: int) -> F32:
    """3 × 3 convolution of (n, h, w, c) with a border of zeros, as nine products."""
    n, h, w, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = np.broadcast_to(bias, (n, -(-h // stride), -(-w // stride), len(bias))).copy()
    for dy in range(3):
        for dx in range(3):
            out += padded[:, dy : dy + h : stride, dx : dx + w : stride] @ kernel[dy, dx]
    return out


def _halved(x: F32) -> F32:
    n, h, w, c = x.shape
    return np.asarray(x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4)))


def _attention(q: F32, k: F32, v: F32, heads: int, mask: F32 | None) -> F32:
    """Softmax(q·k / √d)·v a head; (n, q, c) from (n, q, c) and (n, k, c)."""
    n, count, width = q.shape
    q, k, v = (each.reshape(n, -1, heads, width // heads).transpose(0, 2, 1, 3) for each in (q, k, v))
    scores = q @ k.transpose(0, 1, 3, 2) * np.float32((width // heads) ** -0.5)
    scores = scores if mask is None else scores + mask
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return np.asarray((shares @ v).transpose(0, 2, 1, 3).reshape(n, count, width))


def _linear(x: F32, weights: Mapping[str, F32], name: str) -> F32:
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def _layer_norm(x: F32, weights: Mapping[str, F32], name: str) -> F32:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(EPSILON))
    return np.asarray(centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def _relu(x: F32) -> F32:
    return np.maximum(x, np.float32(0.0))


def _unit(x: F32) -> F32:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), np.float32(1e-12)))
