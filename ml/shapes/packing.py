"""Weights in a quarter of their size: matrices as 8-bit integers with a scale a row, everything else as float16."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import Tensor

from ml.asset import InputError

LEAST = 4096  # values of a tensor from which packing is worth a table of scales
SCALE = ".scale"


def pack(state: Mapping[str, Tensor]) -> bytes:
    """A safetensors file of the state: 1.0 bytes a weight; a row's largest weight becomes ±127."""
    packed: dict[str, Tensor] = {}
    for name, values in state.items():
        values = values.detach().cpu().float()
        if values.ndim < 2 or values.numel() < LEAST:
            packed[name] = values.half()
            continue
        rows = values.flatten(1)
        scale = rows.abs().amax(dim=1).clamp_min(1e-12) / 127.0
        packed[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(values.shape).contiguous()
        packed[name + SCALE] = scale
    return save(packed)


def unpack(data: bytes) -> dict[str, Tensor]:
    """The state of `pack`, float32; raises InputError `weights.damaged` for other bytes."""
    try:
        packed = load(data)
    except Exception as error:  # safetensors raises its own errors, which are not exported as classes
        raise InputError("weights.damaged", f"not a file of packed weights: {error}") from error
    state: dict[str, Tensor] = {}
    for name, values in packed.items():
        if name.endswith(SCALE):
            continue
        state[name] = values.float()
        if values.dtype == torch.int8:
            if name + SCALE not in packed:
                raise InputError("weights.damaged", f"{name} has no scale")
            state[name] *= packed[name + SCALE].reshape(-1, *([1] * (values.ndim - 1)))
    return state
