"""What a training tells while it runs: a progress line, a line of JSON, and curves where TensorBoard is installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Metrics:
    """Writes `metrics.jsonl` and, where TensorBoard is installed, `events.*` in `folder`; goes on in what is there."""

    def __init__(self, folder: Path, tell: Callable[[str], None], from_step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tell = tell
        self._path = folder / "metrics.jsonl"
        self._curves = _tensorboard(folder, from_step)
        self._keep_until(from_step)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One step's values, by name."""
        finite = {name: value if isfinite(value) else None for name, value in values.items() if name != "step"}
        with self._path.open("a") as stream:
            stream.write(json.dumps({"step": step} | finite) + "\n")
        words = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._tell(f"step {step}: {words}")
        if self._curves:
            for name, value in values.items():
                self._curves.add_scalar(name, value, step)

    def close(self) -> None:
        """Leave everything on the disk."""
        if self._curves:
            self._curves.close()

    def _keep_until(self, step: int) -> None:
        """Lines after the checkpoint that a killed training goes on from are written again: drop them."""
        if not self._path.exists():
            return
        lines = [line for line in self._path.read_text().splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        self._path.write_text("".join(f"{line}\n" for line in kept))


def _tensorboard(folder: Path, from_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=from_step)


def counted_flops(backward: Callable[[], None]) -> float:
    """Floating-point operations of matrix products, convolutions and attention in what is run."""
    with _Operations() as counter:
        backward()
    return float(counter.total)


class _Operations(TorchDispatchMode):
    """As torch's FlopCounterMode, which follows modules too and so refuses losses with second derivatives."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count:
            self.total += float(count(*args, **(kwargs or {}), out_val=out))
        return out


def compile_kinds(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> int:
    """Compile every module of one of `kinds` that is not inside another; how many. Equal ones share compiled code.

    Source: PyTorch's recipe on regional compilation: one block's compiling instead of the whole network's.
    """
    outermost: list[nn.Module] = []
    inside: set[nn.Module] = set()
    for module in model.modules():  # parents come before their children
        if isinstance(module, kinds) and module not in inside:
            outermost.append(module)
            inside.update(module.modules())
    for module in outermost:
        module.compile()
    return len(outermost)


def memory_gib(device: torch.device) -> float:
    """The most that a CUDA device held so far; 0 elsewhere."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
