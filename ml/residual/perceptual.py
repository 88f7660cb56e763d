"""How different two reliefs look: features of the shipped alignment model's image tower on lit pictures of both."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.alignment.model import SHIPPED, SmallAlignment, load_alignment
from ml.alignment.network import MEAN, SPREAD

LIGHTS = 3  # one for each colour, evenly around: in one picture no slope is in the dark for all of them
RAISED = math.radians(35.0)  # of the lights above the surface: grazing light shows what relief there is
STEEP = 1.0  # slope of a unit step of the residual in those pictures
STAGES = ("visual.layer1.0", "visual.layer2.0")  # the later ones see the whole picture, and whose relief it is
TINY = 1e-8


class Tower(nn.Module):
    """The first layers of the image tower with their shipped weights, which no training changes."""

    def __init__(self, model: SmallAlignment) -> None:
        super().__init__()
        self.side = model.side
        names = [f"visual.{k}" for k in (1, 2, 3)] + [
            f"{s}.{part}" for s in STAGES for part in ("1", "2", "3", "short")
        ]
        for name in names:
            kernel = torch.from_numpy(model.network.weights[name])
            kernel = kernel[None, None] if kernel.ndim == 2 else kernel
            self.register_buffer(_plain(name), kernel.permute(3, 2, 0, 1).contiguous())
            self.register_buffer(_plain(name) + "_bias", torch.from_numpy(model.network.weights[f"{name}.bias"]))
        for name, values in (("middle", MEAN), ("spread", SPREAD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features (b, c, h, w) of pictures (b, 3, h, w) of 0–1: of the stem, and of each of STAGES."""
        x = (pictures - self.get_buffer("middle")) / self.get_buffer("spread")
        for k, stride in ((1, 2), (2, 1), (3, 1)):
            x = functional.relu(self._conv(x, f"visual.{k}", stride))
        found = [x]
        x = functional.avg_pool2d(x, 2)
        for stage in STAGES:
            x = self._bottleneck(x, stage, stage != STAGES[0])
            found.append(x)
        return found

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = self.get_buffer(_plain(name))
        bias = self.get_buffer(_plain(name) + "_bias")
        return functional.conv2d(x, kernel, bias, stride, padding=kernel.shape[-1] // 2)

    def _bottleneck(self, x: Tensor, name: str, halve: bool) -> Tensor:
        out = functional.relu(self._conv(x, f"{name}.1"))
        out = functional.relu(self._conv(out, f"{name}.2"))
        if halve:
            out, x = functional.avg_pool2d(out, 2), functional.avg_pool2d(x, 2)
        return functional.relu(self._conv(out, f"{name}.3") + self._conv(x, f"{name}.short"))


def _plain(name: str) -> str:
    """A name that torch takes for a buffer."""
    return name.replace(".", "_")


@cache
def tower(kind: torch.dtype = torch.float32) -> Tower:
    """That of the shipped model; raises InputError `alignment.missing`."""
    model = load_alignment(SHIPPED)
    assert isinstance(model, SmallAlignment)
    return Tower(model).to(kind)


def lit(relief: Tensor) -> Tensor:
    """(b, 3, h − 1, w − 1) pictures 0–1 of reliefs (b, 1, h, w), lit from LIGHTS sides in as many colours."""
    across = STEEP * (relief[..., :-1, 1:] - relief[..., :-1, :-1])
    down = STEEP * (relief[..., 1:, :-1] - relief[..., :-1, :-1])
    steep = torch.sqrt(1.0 + across.square() + down.square())
    around = [2.0 * math.pi * k / LIGHTS for k in range(LIGHTS)]
    shades = [
        (math.sin(RAISED) - math.cos(RAISED) * (math.cos(a) * across + math.sin(a) * down)) / steep for a in around
    ]
    return functional.relu(torch.cat(shades, dim=1))


def looks_apart(found: Tensor, truth: Tensor) -> Tensor:
    """Scalar: how different reliefs (b, 1, h, w) look, 0 for the same.

    As LPIPS (Zhang et al. 2018, The unreasonable effectiveness of deep features as a perceptual metric) without its
    learned weights: squared differences of features of unit length at each place, their mean over places and layers.
    """
    network = tower(found.dtype)
    pictures = [functional.interpolate(lit(x), (network.side, network.side), mode="bilinear") for x in (found, truth)]
    total = found.new_zeros(())
    for ours, theirs in zip(network(pictures[0]), network(pictures[1]), strict=True):
        total = total + (_unit(ours) - _unit(theirs)).square().sum(dim=1).mean()
    return total / (1 + len(STAGES))


def _unit(features: Tensor) -> Tensor:
    return features / torch.sqrt(features.square().sum(dim=1, keepdim=True) + TINY)
