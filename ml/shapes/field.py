"""The implicit field of an object: three feature planes and the small layers that read distance and looks from them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.plane_field import REACH

AXES = ((0, 1), (0, 2), (1, 2))  # the two coordinates of each plane: xy, xz, yz; the first runs along a row
UNIT = 0.05  # isotropic distance up to which outputs are linear; beyond it they grow as its logarithm
FARTHEST = 5.0  # output: 3.7, where no box is as large


class Planes(NamedTuple):
    """What a latent decodes to: geometry (b, 3, g, r, r) and looks (b, 3, l, r, r), rows along the second axis."""

    geometry: Tensor
    looks: Tensor


class FieldReader(nn.Module):
    """Distance and looks at any point of the box frame."""

    def __init__(self, geometry: int, looks: int, hidden: int) -> None:
        super().__init__()
        self.distance_layers = _layers(3 * geometry, hidden, 1)
        self.looks_layers = _layers(3 * looks, hidden, 8)

    def distance(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q) signed distances in isotropic units of (b, q, 3) points; float32, since normals are differences."""
        with torch.autocast(points.device.type, enabled=False):
            found: Tensor = self.distance_layers(sample_planes(planes.geometry.float(), points))
            return UNIT * found[..., 0].clamp(-FARTHEST, FARTHEST).sinh()

    def looks(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q, 8) albedo (sRGB), roughness, metallic and emission (sRGB), 0–1."""
        return self.looks_logits(planes, points).sigmoid()

    def looks_logits(self, planes: Planes, points: Tensor) -> Tensor:
        """`looks` before the sigmoid."""
        with torch.autocast(points.device.type, enabled=False):
            found: Tensor = self.looks_layers(sample_planes(planes.looks.float(), points))
            return found


def sample_planes(planes: Tensor, points: Tensor) -> Tensor:
    """(b, q, 3·c) features, bilinear between the samples of (b, 3, c, r, r) planes, constant beyond the outermost."""
    b = len(planes)
    places = torch.stack([points[..., axes] for axes in AXES], dim=1) / REACH
    grid = places.flatten(0, 1)[:, :, None, :]
    found = functional.grid_sample(planes.flatten(0, 1), grid, "bilinear", "border", align_corners=False)
    features: Tensor = found[..., 0].reshape(b, 3, -1, points.shape[1]).permute(0, 3, 1, 2).flatten(2)
    return features


def _layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers = (nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
    return nn.Sequential(*layers)
